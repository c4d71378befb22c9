#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| signaling_core_fuzz::entries::signal_frame(bytes));

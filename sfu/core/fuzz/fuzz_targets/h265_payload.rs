//! The payload of an H.265 packet. What must hold is in `entries`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sfu_core_fuzz::entries::h265_payload(bytes));

//! The payload of an AV1 packet. What must hold is in `entries`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sfu_core_fuzz::entries::av1_payload(bytes));

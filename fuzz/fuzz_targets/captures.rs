#![no_main]

#[path = "../properties/dissect.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::captures(data));

#![no_main]

#[path = "../properties/policy.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::policies(data));

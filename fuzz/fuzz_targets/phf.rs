#![no_main]

#[path = "../properties/content.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::phf(data));

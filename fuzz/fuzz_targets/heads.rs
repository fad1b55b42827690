#![no_main]

#[path = "../properties/wire.rs"]
#[allow(dead_code, reason = "the properties of all targets are in one file")]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::heads(data));

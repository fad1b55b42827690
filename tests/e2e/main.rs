//! The program as a user runs it.
//!
//! Run one part with `cargo test --package dolab-tests --test e2e paths::`.

#[cfg(target_os = "linux")]
mod lab;

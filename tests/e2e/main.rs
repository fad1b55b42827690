//! The program as a user runs it.
//!
//! Run one part with `cargo test --package dolab-tests --test e2e paths::`.

#[cfg(target_os = "linux")]
mod bench;
#[cfg(target_os = "linux")]
mod by_hand;
#[cfg(target_os = "linux")]
mod cloud;
#[cfg(target_os = "linux")]
mod content;
mod demo;
#[cfg(target_os = "linux")]
mod dissect;
#[cfg(target_os = "linux")]
mod dns_sd;
#[cfg(target_os = "linux")]
mod failures;
#[cfg(target_os = "linux")]
mod fetch;
#[cfg(target_os = "linux")]
mod go_between;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod paths;
#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod polite;
#[cfg(target_os = "linux")]
mod public;
#[cfg(target_os = "linux")]
mod site;
#[cfg(target_os = "linux")]
mod tshark;
mod wasm;
#[cfg(target_os = "linux")]
mod wire;

//! The program as a process: what it prints, and what it exits with.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, also in the functions beside it"
)]

mod cloud;
mod compare;
mod demo;
mod firewall;
mod help;
mod policy;
mod program;
mod strict;
mod transfer;
mod wrong_input;
mod wrong_use;

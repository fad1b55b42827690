//! The service as strangers see it: curl, openssl, raw sockets.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, also in the functions beside it"
)]

mod bad;
mod cache;
mod common;
mod curl;
mod faults;
mod limits;
mod quic;
mod relay;
mod run;
mod tls;

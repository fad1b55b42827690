//! The service as strangers see it: curl, openssl, raw sockets.

mod bad;
mod cache;
mod common;
mod curl;
mod faults;
mod quic;
mod tls;

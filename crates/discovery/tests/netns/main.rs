//! Discovery between hosts on one link, over real multicast, in network namespaces.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "what surrounds the tests may fail them too"
)]
#![expect(clippy::print_stderr, reason = "a test that did not run has to say so")]

mod avahi;
mod hostile;
mod lab;
mod link;
mod stranger;

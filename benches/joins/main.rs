//! Joins per second of dolab's cloud beside the announces per second of opentracker, in one run.
//!
//! ```text
//! cargo bench -p dolab-benches --bench joins
//! cargo bench -p dolab-benches --bench joins -- 5          five seconds each time instead of four
//! ```
//!
//! 50 connections in a closed loop: each sends the next request when it has the answer to the last.
//! 10,000 devices are registered for 100 contents; each request renews one of them and wants 50
//! others. They take turns, three times; the middle one counts. The load comes from the same
//! machine, and costs it more for TLS than for plain HTTP.
//!
//! opentracker (the Debian package) is asked as it always is: over HTTP, by a connection for each
//! announce, with 50 peers of 6 bytes in its answer. A join is JSON over TLS, with 50 peers of about
//! 110 bytes. "kept" keeps its connections, "anew" makes one for each join, with its TLS handshake.

#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod servers;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    #[cfg(target_os = "linux")]
    if let [word, folder] = &arguments[..]
        && word == servers::INSIDE
    {
        return servers::inside(folder.as_ref());
    }
    // `cargo test --benches` calls this too, and wants no measurement.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return dolab_tests::note("joins: measures under `cargo bench` only");
    }
    #[cfg(target_os = "linux")]
    {
        let seconds = arguments.iter().find_map(|argument| argument.parse().ok());
        run::run(std::time::Duration::from_secs(seconds.unwrap_or(4)));
    }
    #[cfg(not(target_os = "linux"))]
    dolab_tests::note("NOT RUN: opentracker is there on Linux only");
}

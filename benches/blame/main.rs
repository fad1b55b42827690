//! Whether blame is right: random faults in networks of four routers, made by the lab, and what
//! `dolab check` says of them.
//!
//! ```text
//! cargo bench -p dolab-benches --bench blame                 200 faults
//! cargo bench -p dolab-benches --bench blame -- 50 --seed 7  others
//! cargo bench -p dolab-benches --bench blame -- 200 --without-cloud
//! ```
//!
//! Needs root, or at least namespaces and CAP_NET_ADMIN in them. Every fault follows from the seed and
//! its number. A wrong blame ends the bench with a failure.

#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod run;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` calls this too, and wants no measurement.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return dolab_tests::note("blame: measures under `cargo bench` only");
    }
    #[cfg(target_os = "linux")]
    run::run(&arguments);
    #[cfg(not(target_os = "linux"))]
    dolab_tests::note("NOT RUN: network namespaces are there on Linux only");
}

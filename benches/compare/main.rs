//! dolab and its competitors, side by side in one run, on the same file and verified alike:
//!
//! ```text
//! cargo bench -p dolab-benches --bench compare                      everything
//! cargo bench -p dolab-benches --bench compare -- pipe dolab --size 1GiB --rounds 5
//! ```
//!
//! Only the ratios travel to other machines. Two effects spoil such figures in a virtual machine
//! and are dealt with: memory that was handed back to the host is slow at first touch, so more
//! than a run will use is touched and freed before each; and bbr, where it is the default, costs
//! more than half of a stream between two namespaces, so they use cubic. The competitors take
//! turns, so that what changes with time hits all of them.

#[cfg(target_os = "linux")]
mod competitors;
#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
mod inside;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod results;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod scenarios;
#[cfg(target_os = "linux")]
mod stage;
#[cfg(target_os = "linux")]
mod start_up;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod tools;
#[cfg(target_os = "linux")]
mod torrent;
#[cfg(target_os = "linux")]
mod transfer;
#[cfg(target_os = "linux")]
mod usage;

fn main() -> std::process::ExitCode {
    #[cfg(target_os = "linux")]
    if let Some(code) = inside::dispatch() {
        return code;
    }
    // `cargo test --benches` calls this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        dolab_tests::note("compare: measures under `cargo bench` only");
        return std::process::ExitCode::SUCCESS;
    }
    #[cfg(target_os = "linux")]
    return run::run(&options::parse());
    #[cfg(not(target_os = "linux"))]
    {
        dolab_tests::note("NOT RUN: network namespaces are there on Linux only");
        std::process::ExitCode::SUCCESS
    }
}

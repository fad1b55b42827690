//! What the end-to-end tests stand on: the program as it was just built, processes whose output
//! can be waited for, and networks of two hosts with something between them.
//!
//! Nothing here sleeps to wait for something, and every wait has a deadline that is far longer
//! than the thing can take: it only turns a test that would hang into one that fails.

#[cfg(target_os = "linux")]
mod iperf3;
#[cfg(target_os = "linux")]
mod net;
mod process;
mod program;
mod report;
mod sketch;
#[cfg(target_os = "linux")]
mod slots;

#[cfg(target_os = "linux")]
pub use iperf3::foreground;
#[cfg(target_os = "linux")]
pub use net::{Campus, Lan, Namespace, Net, Topology};
pub use process::{Finished, Process};
pub use program::dolab;
pub use report::{parse_report, repository, schema_errors};
pub use sketch::Sketch;

use std::{io::Write, time::Duration};

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Says that a test did not run, and why. Fails instead where `DOLAB_REQUIRE_NETNS` is `1`, as in
/// the continuous integration.
///
/// # Panics
/// Where the environment requires every test to run.
pub fn not_run(why: &str) {
    assert!(
        std::env::var("DOLAB_REQUIRE_NETNS").as_deref() != Ok("1"),
        "this test has to run here (DOLAB_REQUIRE_NETNS=1), but {why}"
    );
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    note(&format!("{test}: NOT RUN: {why}"));
}

/// Prints a line that is seen also when the test passes: the test runner captures what the print
/// macros write, but not this.
pub fn note(line: &str) {
    let mut stderr = std::io::stderr().lock();
    // A closed standard error is no reason for a test to fail.
    let _ = writeln!(stderr, "{line}");
}

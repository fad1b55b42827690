//! One module for each command.

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod cloud;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod diagnose;
pub(crate) mod discover;
pub(crate) mod dissect;
pub(crate) mod error;
pub(crate) mod explain;
pub(crate) mod fetch;
pub(crate) mod firewall;
pub(crate) mod hosts;
pub(crate) mod lab;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod peer;
pub(crate) mod perfsnap;
pub(crate) mod policy;
pub(crate) mod status;
pub(crate) mod welcome;

use crate::failure::Failure;

/// Runs what needs the network, all of it on one thread: hashing and disks have threads of their
/// own, and what is left is little. Measured on two cores at 10 Gbit/s: a third of the switches
/// between threads, and no less throughput.
pub(crate) fn block_on<F: Future>(work: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::cannot_run(format!("the runtime can not start: {error}")))?;
    let result = runtime.block_on(work);
    // What still hashes or resolves a name has nobody left to tell.
    runtime.shutdown_background();
    Ok(result)
}

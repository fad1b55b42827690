//! One module for each command.

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod discover;
pub(crate) mod fetch;
pub(crate) mod firewall;
pub(crate) mod hosts;
pub(crate) mod man;
pub(crate) mod peer;
pub(crate) mod welcome;

use crate::failure::Failure;

/// Runs what needs the network.
pub(crate) fn block_on<F: Future>(work: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::cannot_run(format!("the runtime can not start: {error}")))?;
    let result = runtime.block_on(work);
    // What still hashes or resolves a name has nobody left to tell.
    runtime.shutdown_background();
    Ok(result)
}

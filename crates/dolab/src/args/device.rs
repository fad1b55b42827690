//! What is read of a device: `status`, `perfsnap`, `log`, `config`.

use std::path::PathBuf;

use clap::Args;

use crate::exit;

/// Where a device keeps its state.
#[derive(Clone, Debug, Args)]
pub struct StateArgs {
    /// The device's state folder: cache, log and counters. Without it, `dolab` in the folder that
    /// this system has for a user's states.
    #[arg(long, env = "DOLAB_STATE", value_name = "FOLDER")]
    pub state: Option<PathBuf>,
}

/// Show a device's files, as Get-DeliveryOptimizationStatus does
///
/// Reads the state folder of a device (`dolab fetch --cloud`, `dolab peer --cloud`), whether it runs
/// or not. The fields are Microsoft's, in its order; where its sum leaves out Group and LinkLocal
/// peers, the whole stands beside it.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct StatusArgs {
    /// Show the peers of each file instead: who was proposed, connected or not, the most generous
    /// first.
    #[arg(long)]
    pub peer_info: bool,

    /// How many peers of each file to show; 5 if not given, as the cmdlet does.
    #[arg(long, value_name = "COUNT", requires = "peer_info")]
    pub select_peer_count: Option<usize>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub state: StateArgs,
}

/// Show a device as a whole, as Get-DeliveryOptimizationPerfSnap does
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct PerfsnapArgs {
    /// Show what moved since the month began, as Get-DeliveryOptimizationPerfSnapThisMonth does.
    #[arg(long)]
    pub this_month: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub state: StateArgs,
}

/// Show a device's log, as Get-DeliveryOptimizationLog does
///
/// The line that says most about a download is the one of
/// CTelemetryLogger::TraceDownloadCompletedImpl: every source with its bytes, the mode and why.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct LogArgs {
    /// Sum it up instead, as Get-DeliveryOptimizationLogAnalysis does.
    #[arg(long)]
    pub analysis: bool,

    /// With the connections to peers, one by one.
    #[arg(long, requires = "analysis")]
    pub list_connections: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub state: StateArgs,
}

/// Show a device's configuration, as Get-DOConfig does; with -v as Get-DOConfig -Verbose
///
/// What holds, and who set it. `dolab policy show` explains each value.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct ConfigArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub state: StateArgs,
}

//! `dolab explain` and `dolab diagnose`.

use std::path::PathBuf;

use clap::Args;

/// Explain a failure: what is seen, why, how to be sure, what mends it
///
/// Takes a code of dolab (DL014), a code of Delivery Optimization (0x80D03807) or words (firewall
/// inbound), and prints the page, or the list where several fit. The same pages are in docs/failures.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 found, 2 wrong use, or no such code.")]
pub struct ExplainArgs {
    /// A code, or words to look for.
    #[arg(value_name = "CODE|WORD", required_unless_present = "list")]
    pub what: Vec<String>,

    /// List every failure.
    #[arg(long, conflicts_with = "what")]
    pub list: bool,
}

/// Say why devices do not share, from what they know of themselves
///
/// Reads the state folders of devices (`dolab fetch --cloud`, `dolab peer --cloud`), or what was
/// written with --evidence-out on another machine. Several devices are taken for those of one site:
/// some failures show only between two. The first line is the answer. What follows from another finding
/// stands indented under what it follows from.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong, or only something worth knowing, 1 a finding, 2 wrong use, 3 this host
cannot run it, 4 no device has downloaded anything yet.")]
pub struct DiagnoseArgs {
    /// A device's state folder; repeat for more. Without one, and without --evidence, `dolab` in the
    /// folder that this system has for a user's states.
    #[arg(long, env = "DOLAB_STATE", value_name = "FOLDER", value_delimiter = None)]
    pub state: Vec<PathBuf>,

    /// Evidence from elsewhere: what --evidence-out wrote, or the JSON of `dolab status`, `dolab status
    /// --peer-info` or `dolab config`, or of Microsoft's cmdlets by ConvertTo-Json; repeat for more.
    #[arg(long, value_name = "FILE")]
    pub evidence: Vec<PathBuf>,

    /// Write the evidence of all these devices into this file, for a diagnosis elsewhere. It has
    /// names, addresses and policies of the devices in it.
    #[arg(long, value_name = "FILE")]
    pub evidence_out: Option<PathBuf>,
}

//! `dolab lab`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::exit;

/// Reproduce failures on this machine alone, and see them recognised
///
/// Builds hosts, switches and routers out of network namespaces, starts this program in them, makes
/// something go wrong, and holds what the program says against what it has to say. Each failure has a
/// healthy twin: the same site and the same actions without what is wrong, where nothing may be found.
/// Linux only; needs no root where users may make namespaces.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct LabArgs {
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub what: LabCommand,
}

/// What to do in the lab.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// List the failures that can be reproduced
    List {
        /// Only those that show this failure of the catalogue, such as DL014.
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
    },
    /// Show a scenario: its network, what goes wrong there, and what is expected
    Show {
        /// The scenario's name, or a file.
        #[arg(value_name = "NAME|FILE")]
        scenario: String,
    },
    /// Run scenarios
    Run(Box<LabRunArgs>),
    /// See whether an earlier run left anything, and remove it
    Clean,
}

/// Run scenarios.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct LabRunArgs {
    /// Names of scenarios, codes of failures such as DL014, or files.
    #[arg(value_name = "NAME|CODE|FILE", required_unless_present = "all")]
    pub scenarios: Vec<String>,

    /// Run all that the program brings along.
    #[arg(long, conflicts_with = "scenarios")]
    pub all: bool,

    /// Run only the broken ones, or only the healthy twins.
    #[arg(long, value_name = "TWIN")]
    pub only: Option<Twin>,

    /// How many at a time; if not given, as many as this machine has processors.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: Option<u16>,

    /// Run each so many times.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub times: u16,

    /// Leave the network, what is wrong with it and its programs standing at the end, and open a shell
    /// in any of its hosts until an empty line ends it. For one scenario: its broken twin, unless
    /// --only says otherwise.
    #[arg(long)]
    pub keep: bool,

    /// The same, with a shell in this host or router at once, and the end when that ends.
    #[arg(long, value_name = "HOST")]
    pub shell: Option<String>,

    /// Capture what each host sends and receives: a pcapng file for each, in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub capture: Option<PathBuf>,

    /// Write JUnit XML into this file.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Write which failure was made and which was found into this file, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub confusion: Option<PathBuf>,

    /// Run this program in the hosts, and not this one.
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
}

/// One of the two twins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Twin {
    /// With what is wrong
    Broken,
    /// Without
    Healthy,
}

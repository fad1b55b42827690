//! `dolab policy` and `dolab error`.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Subcommand};
use dolab_policy::{Name, Os, table::Page};
use dolab_wire::{DoCode, do_code::NoCode};

use crate::{exit, units::Size};

/// List and explain Delivery Optimization's policies, and show what holds
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct PolicyArgs {
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub what: PolicyCommand,
}

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// List every policy with its range and default
    List,
    /// Explain policies: what they decide, where they stand, who states which default
    Explain {
        /// The policy's name, such as DODownloadMode; DO in front may be left out.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<Name>,
    },
    /// Show the value of every policy, where it came from, and what to know about it
    Show {
        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would take a comment for help")]
        given: PolicyOptions,
    },
    /// Show what keeps a download from peers, or this host from serving them
    ///
    /// Judges every gate by the policies and by what the system tells about this host. What is not
    /// known keeps nothing shut. Exits with 1 when a gate is shut.
    Gates {
        /// The size of the content.
        #[arg(long, value_name = "SIZE")]
        size: Option<Size>,

        /// Somebody waits for the download.
        #[arg(long)]
        foreground: bool,

        /// The folder of the cache: which disk it is on, and whether it is there.
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        cache: PathBuf,

        #[command(flatten)]
        #[expect(missing_docs, reason = "clap would take a comment for help")]
        given: PolicyOptions,
    },
}

/// Which policies hold.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Policies")]
pub struct PolicyOptions {
    /// Read policies from this file: TOML, or an export of a registry (.reg). Repeat for more: of the
    /// same provider, the later file counts. Without one, on Windows, from this host's registry.
    #[arg(long, value_name = "FILE")]
    pub policy: Vec<PathBuf>,

    /// Take the defaults of this system: windows-10, windows-11 or windows-server.
    #[arg(long, value_name = "SYSTEM", default_value_t)]
    pub os: Os,

    /// Where Microsoft's pages disagree about a default, go by this one, such as reference, csp or
    /// old-reference; `dolab policy explain` names them.
    #[arg(long, value_name = "PAGE")]
    pub defaults: Option<Page>,

    /// Take the device for one in the situation of this file instead of asking this host: power,
    /// memory, disk, adapters, cost of the network, and what its group comes from. docs/diagnosis.md
    /// has every key.
    #[arg(long, value_name = "FILE")]
    pub conditions: Option<PathBuf>,
}

/// Explain error codes of Delivery Optimization: what, whose fault, what to do
///
/// Codes are taken as logs show them: 0x80D03807, the last digits 03807, or a decimal number, also a
/// negative one.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 every code is known, 2 wrong use, 4 a code is not in Microsoft's public list.")]
pub struct ErrorArgs {
    /// Error codes, or `list` for all of them.
    #[arg(required = true, value_name = "CODE", allow_negative_numbers = true)]
    pub codes: Vec<CodeOrList>,
}

/// What `dolab error` is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOrList {
    /// One code.
    Code(DoCode),
    /// Every code that is known.
    List,
}

impl FromStr for CodeOrList {
    type Err = NoCode;

    fn from_str(text: &str) -> Result<Self, NoCode> {
        if text == "list" {
            return Ok(Self::List);
        }
        text.parse().map(Self::Code)
    }
}

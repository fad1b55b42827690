//! What can be typed.

use std::{path::PathBuf, str::FromStr as _};

use bytesize::ByteSize;
use clap::{Parser, ValueEnum};
use serde::Serialize;

/// dolab and its competitors, side by side on the same file
#[derive(Debug, Parser)]
#[command(name = "compare")]
pub(crate) struct Options {
    /// Only these competitors, in any scenario: pipe, dolab, libtorrent, ...
    names: Vec<String>,

    /// The same, separated by commas
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,

    /// Only these scenarios
    #[arg(long, value_delimiter = ',')]
    pub(crate) scenario: Vec<Scenario>,

    /// How large the file is; half of it where many receive it or the link is shaped
    #[arg(long, default_value = "4GiB", value_parser = size)]
    pub(crate) size: u64,

    /// How often each is measured; the tables show medians
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,

    /// The dolab to measure; by default it is built from these sources
    #[arg(long, value_name = "PATH")]
    pub(crate) dolab: Option<PathBuf>,

    /// A folder on a disk, for the scenario of that name
    #[arg(long, value_name = "PATH", default_value = env!("CARGO_TARGET_TMPDIR"))]
    pub(crate) disk: PathBuf,

    /// Write all figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// One sender, one receiver, in memory
    OneToOne,
    /// The same on a disk, whose cache holds everything
    Disk,
    /// One sender and four receivers on a switch
    OneToFour,
    /// One to one over a link of 1 Gbit/s
    Shaped,
    /// How long it takes to listen, and what it holds while it waits
    StartUp,
}

impl Options {
    /// Whether a scenario is asked for.
    pub(crate) fn wants(&self, scenario: Scenario) -> bool {
        self.scenario.is_empty() || self.scenario.contains(&scenario)
    }

    /// The competitors that were named.
    pub(crate) fn named(&self) -> impl Iterator<Item = &str> {
        self.names.iter().chain(&self.only).map(String::as_str)
    }

    /// Whether a competitor takes part where, with nobody named, these do.
    pub(crate) fn takes_part(&self, name: &str, by_default: &[&str]) -> bool {
        if self.named().next().is_some() {
            self.named().any(|named| named == name)
        } else {
            by_default.contains(&name)
        }
    }
}

/// Reads the command line; ends the program when it is wrong.
pub(crate) fn parse() -> Options {
    Options::parse()
}

fn size(text: &str) -> Result<u64, String> {
    ByteSize::from_str(text).map(|size| size.as_u64())
}

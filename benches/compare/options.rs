//! What can be typed.

use std::{path::PathBuf, str::FromStr as _};

use bytesize::ByteSize;
use clap::Parser;

/// dolab and its competitors, side by side on the same file
#[derive(Debug, Parser)]
#[command(name = "compare")]
pub(crate) struct Options {
    /// Only these: pipe, dolab, ... (all when none is named)
    #[arg(value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// How large the file is
    #[arg(long, default_value = "4GiB", value_parser = size)]
    pub(crate) size: u64,

    /// How often each is measured; the table shows medians
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,

    /// The dolab to measure; by default it is built from these sources
    #[arg(long, value_name = "PATH")]
    pub(crate) dolab: Option<PathBuf>,

    /// Write all figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// Reads the command line; ends the program when it is wrong.
pub(crate) fn parse() -> Options {
    Options::parse()
}

fn size(text: &str) -> Result<u64, String> {
    ByteSize::from_str(text).map(|size| size.as_u64())
}

//! `dolab bench`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use dolab_discovery::Target;

use super::Access;
use crate::{
    exit,
    units::{self, Rate, Size},
};

/// Measure what the wire, the protocol, the hashing and the disk each cost
///
/// Moves made-up content between this host and one or several that run `dolab peer`, layer by layer:
/// raw TCP; the exchange without hashes and disk; with hashes; and stored too. Says how fast each
/// is, which one costs most, and what to try. Everything goes over the other hosts' TCP 7680.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct BenchArgs {
    /// Hosts that run `dolab peer`: a name or an address, and with another port HOST:PORT. Several
    /// take part at the same time.
    #[arg(value_name = "HOST", required_unless_present = "compare")]
    pub hosts: Vec<Target>,

    /// Which way content moves, seen from this host.
    #[arg(long, value_name = "WAY", default_value = "receive")]
    pub direction: Way,

    /// What to measure: some of raw, exchange, verified, stored.
    #[arg(
        long,
        value_name = "LAYER,...",
        value_delimiter = ',',
        default_value = "raw,exchange,verified,stored",
        hide_possible_values = true
    )]
    pub layers: Vec<LayerName>,

    /// How long each layer runs, behind its warm-up.
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = units::duration)]
    pub duration: Duration,

    /// Move so much in each layer, instead of running for a time. Without a warm-up.
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["duration", "warm_up"])]
    pub size: Option<Size>,

    /// Leave out so much of the start of each layer, while TCP finds its pace.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = units::duration)]
    pub warm_up: Duration,

    /// Tell how it goes so often. A comparison needs about ten intervals.
    #[arg(long, default_value = "250ms", value_name = "TIME", value_parser = units::duration)]
    pub interval: Duration,

    /// Connections to each host.
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=32))]
    pub streams: u32,

    /// Write the report into this file, with charts, to be opened in a browser.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Compare two reports that --json wrote, and measure nothing: do they differ beyond noise?
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], conflicts_with = "hosts")]
    pub compare: Option<Vec<PathBuf>>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub tuning: Tuning,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub access: Access,
}

/// How content is moved. What concerns the other hosts is done there too.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Tuning")]
pub struct Tuning {
    /// Ask for so much at once, and write so much at once in the raw layer: 1KiB to 1MiB, which is
    /// a whole piece.
    #[arg(long, default_value = "1MiB", value_name = "SIZE")]
    pub block_size: Size,

    /// Requests in flight on a connection, at most. Without it, what makes 32 MiB.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub depth: Option<u32>,

    /// Congestion control of the connections, such as cubic or bbr, where the system has it.
    #[arg(long, value_name = "NAME")]
    pub congestion_control: Option<String>,

    /// Send and receive buffers of each connection, instead of what the system finds good.
    #[arg(long, value_name = "SIZE")]
    pub buffer: Option<Size>,

    /// Send no faster than this to each host, such as 100Mbit/s or 12MB/s.
    #[arg(long, value_name = "RATE")]
    pub rate_limit: Option<Rate>,

    /// What is sent: made-up bytes that no link can compress, or zeroes.
    #[arg(long, value_name = "SOURCE", default_value = "synthetic")]
    pub source: SourceName,

    /// Where what comes goes: as the layer says, or nowhere (null) in the stored layer too.
    #[arg(long, value_name = "SINK", default_value = "layer")]
    pub sink: SinkName,

    /// Where the stored layer stores what this host receives, until it ends; the system's folder for
    /// temporary files if not given. The other hosts decide for themselves.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
}

/// Which way content moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// To this host
    Receive,
    /// From this host
    Send,
    /// Both at the same time
    Both,
}

/// A layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LayerName {
    /// Bytes over TCP
    Raw,
    /// The protocol, without hashes and disk
    Exchange,
    /// With hashes
    Verified,
    /// And written
    Stored,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SourceName {
    /// Made-up bytes
    Synthetic,
    /// Zeroes
    Zero,
}

/// Where what comes goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SinkName {
    /// As the layer says
    Layer,
    /// Nowhere
    Null,
}

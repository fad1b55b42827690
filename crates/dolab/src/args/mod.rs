//! What can be typed. One type for each command; what they share stands in `common`.

mod bench;
mod cloud;
mod common;
mod device;
mod diagnosis;
mod dissect;
mod lab;
mod policy;
mod site;

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use dolab_content::ContentId;
use dolab_discovery::Target;

pub use self::{
    bench::{BenchArgs, LayerName, SinkName, SourceName, Tuning, Way},
    cloud::{CloudArgs, CloudCache, CloudListening, CloudTold, Origin},
    common::{Access, ListenArgs},
    device::{ConfigArgs, LogArgs, PerfsnapArgs, StateArgs, StatusArgs},
    diagnosis::{DiagnoseArgs, ExplainArgs},
    dissect::DissectArgs,
    lab::{LabArgs, LabCommand, LabRunArgs, Twin},
    policy::{CodeOrList, ErrorArgs, PolicyArgs, PolicyCommand, PolicyOptions},
    site::Site,
};
use crate::{
    exit,
    units::{self, Size},
};

/// The Delivery Optimization lab: can these two hosts share updates, and if not, what is in the
/// way?
///
/// `dolab peer` on one host and `dolab check HOST` on the other prove every port that Windows'
/// Delivery Optimization uses, in both directions, move real content and verify it, and name the
/// firewall that is in the way and the rule that opens it. Nothing is asked of Microsoft, and only
/// private addresses are spoken to unless --allow-public is given.
#[derive(Debug, Parser)]
#[command(
    name = "dolab",
    bin_name = "dolab",
    version,
    after_help = exit::HELP,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "clap would take a comment for the help of every command"
    )]
    pub global: Global,
    #[command(subcommand)]
    #[expect(
        missing_docs,
        reason = "clap would take a comment for the help of every command"
    )]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Global {
    /// Write JSON to standard output: one event in a line, and one final document, which has no
    /// `event`. Everything else goes to standard error.
    #[arg(long, global = true)]
    pub json: bool,

    /// Say more, on standard error: -v what happens, -vv every detail. RUST_LOG overrides it.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// When to use colours: always, never, or auto, which means on a terminal unless NO_COLOR is
    /// set.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub color: Color,

    /// Print every setting of the command, with where it comes from, and stop.
    #[arg(long, global = true)]
    pub print_config: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "the help of each stands at its arguments")]
pub enum Command {
    Demo(DemoArgs),
    Peer(PeerArgs),
    Check(CheckArgs),
    Fetch(Box<FetchArgs>),
    Bench(Box<BenchArgs>),
    Cloud(Box<CloudArgs>),
    Diagnose(DiagnoseArgs),
    Explain(ExplainArgs),
    Status(StatusArgs),
    Perfsnap(PerfsnapArgs),
    Log(LogArgs),
    Config(ConfigArgs),
    Discover(DiscoverArgs),
    Dissect(DissectArgs),
    Lab(LabArgs),
    Firewall(FirewallArgs),
    Policy(PolicyArgs),
    Error(ErrorArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// See it work on this machine alone: a site with a cloud and two devices, and a check
///
/// Starts a cloud and two devices: the first downloads from the origin, the second from the first,
/// and every byte's source is told. Then two peers on loopback addresses, and a check from one to the
/// other with content in both directions, which prints what a check between two hosts prints. Leaves
/// nothing behind. The site takes free ports; the check the real ones where they are free.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct DemoArgs {
    /// Content to move in each direction.
    #[arg(long, default_value = "256MiB", value_name = "SIZE")]
    pub size: Size,

    /// Use free ports even where the real ones can be had.
    #[arg(long)]
    pub free_ports: bool,
}

/// Be a peer: listen, share content, answer checks and benchmarks
///
/// Listens on TCP 7680 as Delivery Optimization does, answers checks and benchmarks of other hosts, announces
/// itself on the link by DNS-SD, and shares the files that are named here and nothing else. Runs
/// until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct PeerArgs {
    /// Share a file; repeat for more. Its content id is printed, for `dolab fetch`.
    #[arg(long, value_name = "FILE")]
    pub share: Vec<PathBuf>,

    /// Share made-up content of this size, without a file; with the same seed (a number, 0 if not
    /// given) it is the same content everywhere. Repeat for more.
    #[arg(long, value_name = "SIZE[:SEED]")]
    pub share_synthetic: Vec<SyntheticSpec>,

    /// Write the pieces hash file of each shared content into this folder, as ID.json.
    #[arg(long, value_name = "FOLDER")]
    pub hash_file_dir: Option<PathBuf>,

    /// Take part in no benchmark of other hosts.
    #[arg(long)]
    pub no_bench: bool,

    /// Where benchmarks of other hosts may store up to 4 GiB while they run; the system's folder for
    /// temporary files if not given.
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_bench")]
    pub bench_store: Option<PathBuf>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub device: DeviceArgs,
}

/// What a device of this program is set up from: for whoever is one, or may be.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub policies: PolicyOptions,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub state: StateArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub listen: ListenArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub access: Access,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub site: Site,
}

/// Made-up content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntheticSpec {
    /// How much, in bytes.
    pub size: Size,
    /// What it is made from.
    pub seed: u64,
}

impl std::str::FromStr for SyntheticSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (size, seed) = match text.split_once(':') {
            Some((size, seed)) => (
                size,
                seed.parse()
                    .map_err(|_| format!("the seed `{seed}` is no number"))?,
            ),
            None => (text, 0),
        };
        Ok(Self {
            size: size.parse()?,
            seed,
        })
    }
}

/// Prove the paths to a peer and back, move content and verify it
///
/// Tests TCP 7680, TCP 443, UDP 443, UDP 3544 and UDP 5353 from here to the other host and from
/// there to here, moves content in both directions, and says what is in the way, where, and how to
/// open it. `dolab peer` has to run on the other host.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct CheckArgs {
    /// Hosts that run `dolab peer`: a name or an address, and with another port HOST:PORT. Without
    /// one, the lab peers that the cloud knows, or those that DNS-SD finds on the link.
    #[arg(value_name = "HOST")]
    pub hosts: Vec<Target>,

    /// Content to move in each direction; 0 moves none.
    #[arg(long, default_value = "64MiB", value_name = "SIZE")]
    pub size: Size,

    /// How long to look for peers when no host is given.
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = units::duration)]
    pub wait: Duration,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub listen: ListenArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub access: Access,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub site: Site,
}

/// Download content from peers, verified piece by piece
///
/// Writes the file whole and verified, or not at all. What an interrupted run left is kept beside
/// the file and resumed by the same command.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct FetchArgs {
    /// What to download: the id that `dolab peer --share` printed, 64 hex digits, or with --cloud
    /// an id or a URL.
    #[arg(value_name = "ID|URL")]
    pub content: FetchWhat,

    /// Download from this host, HOST or HOST:PORT; repeat for more. Without one, from the lab peers
    /// that DNS-SD finds.
    #[arg(long, value_name = "HOST")]
    pub from: Vec<Target>,

    /// Where to write it: a file, or a folder, where it gets the name that the peer states.
    #[arg(long, short, value_name = "PATH", default_value = ".")]
    pub output: PathBuf,

    /// Overwrite a file that is there.
    #[arg(long)]
    pub force: bool,

    /// Hash again what an earlier run left, instead of trusting its record.
    #[arg(long)]
    pub verify: bool,

    /// Do not wait until the disk has it: faster, but a power cut soon afterwards may damage the
    /// file.
    #[arg(long)]
    pub no_sync: bool,

    /// Take the piece hashes from this file instead of asking a peer.
    #[arg(long, value_name = "FILE")]
    pub pieces_hash_file: Option<PathBuf>,

    /// Be in nobody's way: take only what other traffic leaves free. Linux only.
    #[arg(long)]
    pub background: bool,

    /// Somebody waits for it: the default.
    #[arg(long, conflicts_with = "background")]
    pub foreground: bool,

    /// With --cloud: which program asks. The cloud lets some of them use peers.
    #[arg(long, value_name = "NAME", default_value = dolab_device::Request::CALLER)]
    pub caller: String,

    /// With --cloud: the content's size, where it is known before: a small one is not asked about.
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Size>,

    /// How long to look for peers when no host is given.
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = units::duration)]
    pub wait: Duration,

    /// Give up when no piece has come for so long. When every peer is gone it ends at once.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = units::duration)]
    pub patience: Duration,

    /// Be a peer as well: share with others what is there already, announce it, find others that
    /// share it, and go on for so long once the file is whole. Without it nothing is shared, and
    /// the options for listening are not used.
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub share_for: Option<Duration>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub device: DeviceArgs,
}

impl FetchArgs {
    /// The content, for a download from named or found peers.
    pub(crate) fn id(&self) -> ContentId {
        match &self.content {
            FetchWhat::Id(id) => *id,
            FetchWhat::Url(_) => unreachable!("what has a URL is downloaded by a device"),
        }
    }

    /// Whether a device downloads it, by policies and with the cloud.
    pub(crate) fn by_device(&self) -> bool {
        self.device.site.cloud.is_some() || matches!(self.content, FetchWhat::Url(_))
    }
}

/// What to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchWhat {
    /// A content by its id.
    Id(ContentId),
    /// What is at an address.
    Url(String),
}

impl std::str::FromStr for FetchWhat {
    type Err = dolab_content::ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Url(text.to_owned()));
        }
        text.parse().map(Self::Id)
    }
}

/// List who is there: lab peers and Windows hosts, found by DNS-SD
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 a lab peer was found, 1 only Windows hosts were found, 3 this host cannot run it,
4 nothing was found, which proves nothing: multicast may be blocked, or nobody is there.")]
pub struct DiscoverArgs {
    /// How long to look.
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = units::duration)]
    pub wait: Duration,
}

/// Print the firewall rules that let this host share
///
/// Nothing is changed: the commands are printed, to be read and pasted.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct FirewallArgs {
    /// For which system; without it, for the one that runs here.
    #[arg(long = "for", value_name = "SYSTEM")]
    pub system: Option<FirewallSystem>,

    /// Open the ports only to peers at these addresses, such as 10.0.0.0/8; repeat for more.
    #[arg(long, value_name = "CIDR")]
    pub from: Vec<String>,
}

/// Systems that rules can be printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FirewallSystem {
    /// Windows, in PowerShell as administrator
    Windows,
    /// Linux with nft
    Nftables,
    /// Linux with ufw
    Ufw,
    /// Linux with firewall-cmd
    Firewalld,
    /// Linux with iptables and ip6tables
    Iptables,
}

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Example: dolab completions bash > ~/.local/share/bash-completion/completions/dolab")]
pub struct CompletionsArgs {
    /// For which shell.
    pub shell: Shell,
}

/// Print the manual page, or write all of them into a folder
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn synthetic_content_is_named_by_size_and_seed() {
        let spec = |size, seed| SyntheticSpec {
            size: Size(size),
            seed,
        };
        assert_eq!("8MiB".parse(), Ok(spec(8 << 20, 0)));
        assert_eq!("1GB:7".parse(), Ok(spec(1_000_000_000, 7)));
        assert!("8MiB:".parse::<SyntheticSpec>().is_err());
        assert!(":7".parse::<SyntheticSpec>().is_err());
    }
}

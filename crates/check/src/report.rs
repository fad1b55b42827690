//! What a check says. Serialised, it is the final document of `dolab check --json`
//! (`docs/schema/check-1.json`).

use std::{fmt, net::IpAddr, time::Duration};

pub use dolab_catalogue::Severity;
use serde::{Deserialize, Serialize};

/// Name and version of the document.
pub const SCHEMA: &str = "dolab.check/1";

/// The whole answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The answer in a word.
    pub verdict: Verdict,
    /// The answer in one sentence that a person can act on.
    pub summary: String,
    /// The host that ran the check.
    pub local: HostInfo,
    /// The host that it was run against.
    pub remote: HostInfo,
    /// How the two sides talked about the check.
    pub control: Control,
    /// Every path, in both directions.
    pub paths: Vec<PathReport>,
    /// Content that was moved.
    pub exchange: Vec<ExchangeReport>,
    /// How the other side was found.
    pub discovery: Vec<DiscoveryReport>,
    /// What is wrong, the one that hides others first.
    pub findings: Vec<Finding>,
}

/// The answer in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The two hosts can share, in both directions.
    Pass,
    /// They can share, but something is in the way of a part of it.
    Degraded,
    /// They can not share.
    Fail,
    /// Too little could be tested to say.
    Inconclusive,
}

impl Verdict {
    /// The program's exit code for it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Degraded | Self::Fail => 1,
            Self::Inconclusive => 4,
        }
    }
}

/// Who a host is. Of the remote one only what it said over the control session is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInfo {
    /// Its name, or the address that was given.
    pub host: String,
    /// Operating system, such as `linux`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// Version of dolab that runs there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its addresses.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// How the control session was carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// `None` when there was no session: then nothing of the remote side is known.
    pub via: Option<Via>,
}

/// What carries a control session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// A connection to the remote's TCP 7680.
    #[serde(rename = "tcp-7680")]
    Tcp7680,
    /// TLS on the remote's TCP 443.
    #[serde(rename = "tcp-443")]
    Tcp443,
    /// QUIC on the remote's UDP 443.
    #[serde(rename = "udp-443")]
    Udp443,
    /// The remote called back after it saw our announcement.
    DnsSdCallback,
    /// The simulated cloud, as go-between.
    Cloud,
}

/// What a path is: a protocol and DO's port for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PathId {
    /// The exchange between peers.
    #[serde(rename = "tcp-7680")]
    Tcp7680,
    /// The cloud service.
    #[serde(rename = "tcp-443")]
    Tcp443,
    /// QUIC, which many checklists ask for and DO is not known to use.
    #[serde(rename = "udp-443")]
    Udp443,
    /// Teredo, which goes to a server and not between two peers.
    #[serde(rename = "udp-3544")]
    Udp3544,
    /// DNS-SD on the link.
    #[serde(rename = "udp-5353")]
    Udp5353,
}

impl PathId {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 5] = [
        Self::Tcp7680,
        Self::Tcp443,
        Self::Udp443,
        Self::Udp3544,
        Self::Udp5353,
    ];

    /// The protocol.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Tcp7680 | Self::Tcp443 => Protocol::Tcp,
            Self::Udp443 | Self::Udp3544 | Self::Udp5353 => Protocol::Udp,
        }
    }

    /// DO's port.
    pub fn port(self) -> u16 {
        match self {
            Self::Tcp7680 => 7680,
            Self::Tcp443 | Self::Udp443 => 443,
            Self::Udp3544 => 3544,
            Self::Udp5353 => 5353,
        }
    }
}

impl fmt::Display for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol() {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        write!(f, "{protocol}-{}", self.port())
    }
}

/// Transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Which way a path was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the host that runs the check to the other.
    Outbound,
    /// From the other to the host that runs the check.
    Inbound,
}

/// How a path ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathState {
    /// The protocol's first exchange worked.
    Open,
    /// Something answered with a refusal.
    Refused,
    /// Nothing answered.
    Filtered,
    /// The network said that there is no way.
    Unreachable,
    /// The connection stood and was cut.
    Reset,
    /// The caller's own system did not let it out.
    BlockedLocally,
    /// Not tested; never a failure.
    NotTested,
}

/// DO download modes that need a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeededFor {
    /// Mode 1, LAN.
    Lan,
    /// Mode 2, group.
    Group,
    /// Mode 3, internet.
    Internet,
    /// The cloud service, in every mode but 99 and 100.
    Cloud,
}

/// Who is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// What the checking host sends.
    LocalOutbound,
    /// What comes to the checking host.
    LocalInbound,
    /// What comes to the other host.
    RemoteInbound,
    /// What the other host sends.
    RemoteOutbound,
    /// Something between the two.
    Network,
    /// The evidence does not say.
    Unknown,
}

/// One path in one direction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PathReport {
    /// Which path.
    pub id: PathId,
    /// Its protocol.
    pub protocol: Protocol,
    /// The port that was tried; another than DO's when the user asked for it.
    pub port: u16,
    /// Who opened it.
    pub direction: Direction,
    /// How it ended.
    pub state: PathState,
    /// Why it ended so, in words; for [`PathState::NotTested`], why it was not tested.
    pub reason: Option<String>,
    /// Round trip, in milliseconds, where it is open.
    pub rtt_ms: Option<f64>,
    /// Attempts made.
    pub attempts: u32,
    /// Time until the state was known, in milliseconds.
    pub waited_ms: f64,
    /// What needs this path; empty for one that checklists ask for and two peers do not need.
    pub needed_for: Vec<NeededFor>,
    /// Who is in the way; `None` where nothing is.
    pub blame: Option<Blame>,
    /// Where something between the two hosts is to blame and hop-limited probes tell: the last address
    /// that the packets reached, and the first that they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<[IpAddr; 2]>,
    /// Whose packets die there; given with `between`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// The routers on the way, where they were looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops: Option<HopsReport>,
    /// What state and blame rest on.
    pub evidence: Vec<String>,
}

/// Which packets of a path are lost on the way: answers may come back another way than requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// Those from the caller to the callee.
    Request,
    /// Those from the callee to the caller: the request arrived.
    Answer,
}

/// The routers between two hosts; null for one that does not answer, which means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopsReport {
    /// From the caller to the callee; null where nobody looked.
    pub out: Option<Vec<Option<IpAddr>>>,
    /// From the callee to the caller.
    pub back: Option<Vec<Option<IpAddr>>>,
}

/// Content that was moved in one direction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExchangeReport {
    /// Seen from the host that ran the check.
    pub direction: ExchangeDirection,
    /// Bytes moved.
    pub bytes: u64,
    /// Pieces of the content.
    pub pieces: u32,
    /// Pieces whose hash was found good by the side that received them.
    pub verified: u32,
    /// Pieces whose hash was found bad.
    pub bad_pieces: u32,
    /// Time it took.
    pub seconds: f64,
    /// Rate.
    pub bits_per_second: f64,
    /// SHA-256 over the whole content as received, as hex; `None` when it is not whole. Pieces come
    /// in any order and are not kept: the receiver makes the content again from its seed, checks
    /// that each piece has the hash that the received one was verified by, and hashes them in order.
    pub sha256: Option<String>,
    /// Why it is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Which way content moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExchangeDirection {
    /// To the host that runs the check.
    Receive,
    /// From it.
    Send,
}

/// One way of finding the other side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DiscoveryReport {
    /// How.
    pub source: DiscoverySource,
    /// Whether it was found so.
    pub found: bool,
    /// Time until it was found, or until the search was given up.
    pub seconds: f64,
}

/// How a host is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiscoverySource {
    /// DNS-SD on the link.
    DnsSd,
    /// The simulated cloud.
    Cloud,
    /// The user named it.
    Static,
}

/// Something that is wrong, and what to do about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code: `DL` and the row of the failure catalogue, from 101 on our own.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub title: String,
    /// Paths that it rests on.
    pub paths: Vec<String>,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// Delivery Optimization's own code for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub do_error: Option<String>,
    /// The code of a finding of the same report that explains this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consequence_of: Option<String>,
    /// Commands that mend it.
    pub fixes: Vec<Fix>,
}

/// A command that mends a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// Where to run it.
    pub host: FixHost,
    /// For which system.
    pub system: System,
    /// The command, ready to paste.
    pub command: String,
}

/// Where a command is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixHost {
    /// On the host that ran the check.
    Local,
    /// On the other.
    Remote,
}

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Windows PowerShell, as administrator.
    Windows,
    /// nft.
    Nftables,
    /// ufw.
    Ufw,
    /// firewall-cmd.
    Firewalld,
    /// iptables and ip6tables.
    Iptables,
}

/// Milliseconds, to the microsecond, as reports carry them.
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

//! What is known of one device: plain data, which is written on one machine and read on another.
//!
//! Nothing in it is needed: what is left out is not known, and a rule that lacks it says nothing.

use std::net::IpAddr;

use dolab_policy::{
    Group, Held, Os, Restriction, Told,
    gates::{Conditions, Gate, Verdict},
};
use dolab_wire::{DoCode, DownloadMode, PeerType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Name and version of the form.
pub const SCHEMA: &str = "dolab.evidence/1";

/// One device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What it is called in findings.
    pub name: String,
    /// Its system.
    pub os: Option<Os>,
    /// When this was written.
    pub written: Option<Timestamp>,
    /// Whether it ran then.
    pub running: bool,
    /// The policies that hold, with who set them.
    pub policies: Vec<Held>,
    /// How peers are narrowed down by those policies.
    pub restriction: Option<Restriction>,
    /// Its group in mode 2, and where that came from.
    pub group: Option<Group>,
    /// What it is like.
    pub conditions: Conditions,
    /// The proxy that the whole device uses.
    pub proxy: Option<String>,
    /// Every gate, as it stood without a download.
    pub gates: Vec<Told>,
    /// Its own addresses with the length of their prefix.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The cloud, if one was to be asked.
    pub cloud: Option<Cloud>,
    /// Whether its port for peers is open.
    pub listening: Option<bool>,
    /// The most that its cache may take, in bytes.
    pub cache_limit: Option<u64>,
    /// How many seconds its clock is ahead of what servers said; negative where it is behind.
    pub clock_ahead: Option<i64>,
    /// Its files.
    pub files: Vec<File>,
    /// What went out of the cache.
    pub gone: Vec<Gone>,
}

/// What a device knows of its cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cloud {
    /// The public address that the device has by its word.
    pub external_ip: Option<IpAddr>,
    /// How it failed last, when it did.
    pub failure: Option<Failure>,
}

/// Something that failed, in the words of the device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// What kind of thing.
    pub kind: FailureKind,
    /// Delivery Optimization's code for it.
    pub code: Option<DoCode>,
    /// What it was, in words.
    pub text: String,
}

/// What kind of thing failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Something answered or not, and nothing more is known.
    #[default]
    Other,
    /// Nobody answered.
    Unreachable,
    /// The certificate is not trusted for that name.
    Certificate,
    /// The certificate does not hold at this date, by the device's clock.
    CertificateDate,
    /// A page of HTML instead of an answer.
    CaptivePortal,
    /// The content is not known there.
    UnknownContent,
    /// The pieces hash file could not be had.
    HashFileUnavailable,
    /// The pieces hash file is none, or another.
    HashFileWrong,
    /// Ranges of bytes are not understood.
    NoRanges,
}

/// Bytes by where they came from or went to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bytes {
    /// The content's own servers.
    pub cdn: u64,
    /// A Connected Cache.
    pub cache_host: u64,
    /// LAN peers.
    pub lan: u64,
    /// Peers found by DNS-SD.
    pub link_local: u64,
    /// Group peers.
    pub group: u64,
    /// Internet peers.
    pub internet: u64,
}

impl Bytes {
    /// From or to peers of all kinds.
    pub fn peers(&self) -> u64 {
        self.lan + self.link_local + self.group + self.internet
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.cdn + self.cache_host + self.peers()
    }
}

/// How a file stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// On its way.
    Downloading,
    /// Whole, and not kept for others.
    #[default]
    Complete,
    /// Whole, and kept for others.
    Caching,
    /// It was on its way.
    Paused,
}

/// A file that a device downloads or has downloaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct File {
    /// Its id; the same on every device.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Its size in bytes; 0 where it is not known.
    pub size: u64,
    /// How it stands.
    pub status: Status,
    /// Which program asked.
    pub caller: String,
    /// Whether somebody waits for it.
    pub foreground: bool,
    /// When it was asked for.
    pub asked: Option<Timestamp>,
    /// When it was whole.
    pub whole: Option<Timestamp>,
    /// The mode that it ran in.
    pub mode: Option<DownloadMode>,
    /// Why that is not the policy's.
    pub reason: Option<DoCode>,
    /// Gates that were not open for it.
    pub gates: Vec<Told>,
    /// What failed when the cloud was asked about it.
    pub failure: Option<Failure>,
    /// What failed in the end, where it is not whole.
    pub ended: Option<Failure>,
    /// What failed on the way over HTTP.
    pub http: Option<Failure>,
    /// Its registration at the cloud.
    pub registration: Option<Registration>,
    /// Connected Caches that were to be used.
    pub caches: Vec<String>,
    /// Bytes that came, by source.
    pub from: Bytes,
    /// Bytes that were sent to others.
    pub to: Bytes,
    /// Peers that were proposed, connected or not.
    pub peers: Vec<Peer>,
    /// Sources whose pieces failed their hash.
    pub bad: Vec<BadSource>,
}

/// How a registration went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Whether the cloud took it at least once.
    pub joined: bool,
    /// The most peers that were offered in one answer.
    pub offered: u32,
    /// How it failed last, since it was taken last.
    pub failure: Option<Failure>,
}

/// A peer that was proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its address.
    pub ip: IpAddr,
    /// What kind of peer it is.
    pub kind: PeerType,
    /// Whether a connection ever stood.
    pub connected: bool,
    /// Bytes that it was sent.
    #[serde(default)]
    pub sent: u64,
    /// Bytes that came from it.
    #[serde(default)]
    pub received: u64,
    /// Delivery Optimization's code of how the last attempt or connection ended.
    #[serde(default)]
    pub code: Option<DoCode>,
    /// The same in words.
    #[serde(default)]
    pub end: String,
}

/// A source that sent pieces with a wrong hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadSource {
    /// Its address.
    pub source: String,
    /// Pieces that failed.
    pub pieces: u32,
}

/// A file that went out of the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Its id.
    pub id: String,
    /// When it was whole.
    pub since: Timestamp,
    /// When it went.
    pub when: Timestamp,
    /// Whether it was its age.
    pub expired: bool,
}

impl Device {
    /// A policy that holds.
    pub fn policy(&self, name: &str) -> Option<&Held> {
        self.policies.iter().find(|held| held.name == name)
    }

    /// The number that a policy has, in its own unit.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.policy(name)?.number
    }

    /// The mode that the policies set.
    pub fn mode(&self) -> Option<DownloadMode> {
        self.number("DODownloadMode")
            .and_then(|number| DownloadMode::try_from(number).ok())
    }

    /// A gate that is shut, without a download or for one of the files.
    pub fn shut(&self, gate: Gate) -> Option<&Told> {
        let of_files = self.files.iter().flat_map(|file| &file.gates);
        self.gates
            .iter()
            .chain(of_files)
            .find(|it| it.gate == gate && it.verdict == Verdict::Closed)
    }

    /// The public address that the cloud sees.
    pub fn external_ip(&self) -> Option<IpAddr> {
        self.cloud.as_ref()?.external_ip
    }

    /// Whether an address lies in one of this device's own networks.
    pub fn is_near(&self, ip: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|(own, prefix)| in_one_network(*own, ip, *prefix))
    }

    /// The file with an id.
    pub fn file(&self, id: &str) -> Option<&File> {
        self.files.iter().find(|file| file.id == id)
    }
}

impl File {
    /// A gate that was shut for it.
    pub fn shut(&self, gate: Gate) -> Option<&Told> {
        self.gates
            .iter()
            .find(|it| it.gate == gate && it.verdict == Verdict::Closed)
    }

    /// Whether it ran in a mode with peers.
    pub fn wanted_peers(&self) -> bool {
        self.mode.is_some_and(DownloadMode::peers)
            && self.gates.iter().all(|gate| !keeps_from_peers(gate))
    }

    /// Peers that were offered, by the cloud or by the link.
    pub fn offered(&self) -> u32 {
        let told = self.registration.as_ref().map_or(0, |it| it.offered);
        told.max(self.peers.len() as u32)
    }

    /// Whether it was fetched, and not only shared on.
    pub fn was_fetched(&self) -> bool {
        self.from.total() > 0
    }

    /// What it is called in sentences.
    pub fn title(&self) -> String {
        let id: String = self.id.chars().take(8).collect();
        if self.name.is_empty() || self.name.starts_with(&id) {
            id
        } else {
            dolab_wire::text::printable(&self.name, 60)
        }
    }
}

fn keeps_from_peers(gate: &Told) -> bool {
    use dolab_policy::gates::Use;
    gate.verdict == Verdict::Closed
        && gate
            .blocks
            .iter()
            .any(|what| matches!(what, Use::FromPeers | Use::Download))
}

fn in_one_network(a: IpAddr, b: IpAddr, prefix: u8) -> bool {
    match (a.to_canonical(), b.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let shift = 32 - u32::from(prefix.min(32));
            u64::from(a.to_bits()) >> shift == u64::from(b.to_bits()) >> shift
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(prefix.min(128)))
                .unwrap_or(0);
            a.to_bits() & mask == b.to_bits() & mask
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

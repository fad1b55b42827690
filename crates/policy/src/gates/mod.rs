//! What keeps a download from peers, or a device from serving them: decisions with their reasons.
//!
//! Pure: the same policies, conditions and transfer give the same decisions. Every gate is always
//! decided, so that a report can show what was looked at; what is not known keeps nothing shut.

mod conditions;
mod rules;
#[cfg(test)]
mod tests;

use std::fmt;

use dolab_wire::{DoCode, DownloadMode};
use serde::{Deserialize, Serialize};

pub use self::conditions::{Adapter, Conditions, Cost, Disk, Power, Transfer};
use crate::{Name, Origin, Policies, Value};

/// What can be in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// There is no network.
    Network,
    /// The network costs money by the byte, or is cellular.
    Cost,
    /// Memory is scarce.
    Memory,
    /// The download mode has no peers.
    Mode,
    /// The cloud service does not answer.
    Cloud,
    /// The program that asked is not one of those that the cloud service knows.
    Caller,
    /// The content's own policy.
    ContentPolicy,
    /// The pieces can not be verified.
    Integrity,
    /// The cache's folder is not there.
    CacheFolder,
    /// The content is so small that it runs in Simple mode.
    SimpleSize,
    /// The content is smaller than what peers share.
    MinFileSize,
    /// The device has too little memory.
    Ram,
    /// The cache's disk is too small.
    Disk,
    /// A VPN is connected.
    Vpn,
    /// A VPN is connected, and a Connected Cache is not to be used over it.
    CacheServerOnVpn,
    /// The device runs on battery.
    Battery,
    /// Enough was sent to Internet peers this month.
    MonthlyCap,
    /// The time of day: how much of the bandwidth a download may take now.
    Hours,
    /// Servers share with servers, clients with clients.
    Role,
}

impl Gate {
    /// Every gate, in the order in which they are decided.
    pub const ALL: [Self; 19] = [
        Self::Network,
        Self::Cost,
        Self::Memory,
        Self::Mode,
        Self::Cloud,
        Self::Caller,
        Self::ContentPolicy,
        Self::Integrity,
        Self::CacheFolder,
        Self::SimpleSize,
        Self::MinFileSize,
        Self::Ram,
        Self::Disk,
        Self::Vpn,
        Self::CacheServerOnVpn,
        Self::Battery,
        Self::MonthlyCap,
        Self::Hours,
        Self::Role,
    ];

    /// As it stands in reports.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Cost => "cost",
            Self::Memory => "memory left",
            Self::Mode => "download mode",
            Self::Cloud => "cloud service",
            Self::Caller => "caller",
            Self::ContentPolicy => "content policy",
            Self::Integrity => "piece hashes",
            Self::CacheFolder => "cache folder",
            Self::SimpleSize => "simple mode size",
            Self::MinFileSize => "minimum size",
            Self::Ram => "memory",
            Self::Disk => "disk",
            Self::Vpn => "vpn",
            Self::CacheServerOnVpn => "cache on vpn",
            Self::Battery => "battery",
            Self::MonthlyCap => "monthly cap",
            Self::Hours => "hours",
            Self::Role => "role",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing in the way.
    Open,
    /// Open, with a limit that the reason tells.
    Limited,
    /// Shut for what [`Decision::blocks`] lists.
    Closed,
    /// Not known, and taken for open.
    Unknown,
}

/// What a gate can shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// The download as a whole, from any source.
    Download,
    /// Taking from peers.
    FromPeers,
    /// Taking from a Connected Cache.
    FromCacheServer,
    /// Giving to peers.
    ToPeers,
    /// Giving to Internet peers.
    ToInternetPeers,
}

/// How one gate was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The gate.
    pub gate: Gate,
    /// How it stands.
    pub verdict: Verdict,
    /// Why, in words, with the numbers.
    pub reason: String,
    /// What it shuts; empty unless it is closed.
    pub blocks: Vec<Use>,
    /// The mode that the download falls back to because of it.
    pub mode: Option<DownloadMode>,
    /// Delivery Optimization's code for it, where it is closed and there is one.
    pub code: Option<DoCode>,
    /// The policy that decided, where one did.
    pub decided_by: Option<Decider>,
}

/// A policy that decided, with what it was at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decider {
    /// The policy.
    pub policy: Name,
    /// Its value.
    pub value: Option<Value>,
    /// Where the value came from.
    pub origin: Origin,
}

/// Everything that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The mode in which the download runs: the policy's, or what it falls back to.
    pub mode: DownloadMode,
    /// Why it runs in another mode than one with peers, where there is a code for it.
    pub mode_reason: Option<DoCode>,
    /// What may be done.
    pub allowed: Allowed,
    /// One for each gate, in the order of [`Gate::ALL`].
    pub decisions: Vec<Decision>,
}

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// Download at all.
    pub download: bool,
    /// Take from peers.
    pub from_peers: bool,
    /// Take from a Connected Cache.
    pub from_cache_server: bool,
    /// Give to peers on the local network and of the group.
    pub to_peers: bool,
    /// Give to Internet peers.
    pub to_internet_peers: bool,
}

impl Judgement {
    /// The gates that are shut.
    pub fn closed(&self) -> impl Iterator<Item = &Decision> {
        let closed = |it: &&Decision| it.verdict == Verdict::Closed;
        self.decisions.iter().filter(closed)
    }

    /// How a gate stands.
    pub fn gate(&self, gate: Gate) -> &Decision {
        &self.decisions[gate as usize]
    }
}

/// Decides every gate.
pub fn judge(policies: &Policies, conditions: &Conditions, transfer: &Transfer) -> Judgement {
    let decisions: Vec<_> = Gate::ALL
        .into_iter()
        .map(|gate| rules::decide(gate, policies, conditions, transfer))
        .collect();
    let open = |what: Use| {
        !decisions
            .iter()
            .any(|decision| decision.blocks.contains(&what))
    };
    let allowed = Allowed {
        download: open(Use::Download),
        from_peers: open(Use::Download) && open(Use::FromPeers),
        from_cache_server: open(Use::Download) && open(Use::FromCacheServer),
        to_peers: open(Use::ToPeers),
        to_internet_peers: open(Use::ToPeers) && open(Use::ToInternetPeers),
    };
    let fallback = decisions.iter().find(|decision| decision.mode.is_some());
    Judgement {
        mode: fallback
            .and_then(|decision| decision.mode)
            .unwrap_or_else(|| policies.download_mode()),
        mode_reason: fallback.and_then(|decision| decision.code),
        allowed,
        decisions,
    }
}

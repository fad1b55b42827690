use std::net::IpAddr;

use dolab_content::ContentId;
use dolab_wire::swarm::PeerId;
use if_addrs::Interface;

use crate::GroupMark;

/// The service that Delivery Optimization's peers announce (observed).
pub const SERVICE: &str = "_dosvc._tcp.local.";

/// Where and how to discover.
#[derive(Clone, Debug)]
pub struct DiscoveryConfig {
    /// The interfaces to speak on.
    pub interfaces: Interfaces,
    /// The name to announce as instance and host, one DNS label.
    pub host: String,
    /// The UDP port, 5353 everywhere but in tests. All who want to meet need the same.
    pub mdns_port: u16,
    /// Candidates that are remembered. When there are more, hosts that are no lab peers give way.
    pub max_candidates: usize,
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        Self {
            interfaces: Interfaces::All,
            host: dolab_host::host_name(),
            mdns_port: mdns_sd::MDNS_PORT,
            max_candidates: 1024,
        }
    }
}

/// The interfaces to discover on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interfaces {
    /// All but loopback, those that come up later too.
    All,
    /// These, by name.
    Named(Vec<String>),
    /// Loopback alone: several peers on this machine, and nobody else.
    Loopback,
}

impl Interfaces {
    pub(crate) fn include(&self, interface: &Interface) -> bool {
        match self {
            Self::All => !interface.is_loopback(),
            Self::Named(names) => names.contains(&interface.name),
            Self::Loopback => interface.is_loopback(),
        }
    }

    /// Whether an address can be a peer's there.
    pub(crate) fn admit(&self, addr: IpAddr) -> bool {
        let loopback = addr.is_loopback() && *self != Self::All;
        loopback || !(addr.is_loopback() || addr.is_unspecified() || addr.is_multicast())
    }
}

/// What to tell the link about this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The TCP port that we listen on.
    pub port: u16,
    /// Our peer id. Announcements that carry it are our own and become no candidates.
    pub peer: PeerId,
    /// Contents that we have, most wanted first: only
    /// [`txt::MAX_CONTENTS`](crate::txt::MAX_CONTENTS) are listed, the others counted.
    pub contents: Vec<ContentId>,
    /// The group that this device is in, when it is in group mode.
    pub group: Option<GroupMark>,
}

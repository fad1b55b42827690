use std::{net::IpAddr, sync::Arc};

use dolab_discovery::cloud::Relay;

use crate::{
    bench::BenchService, evidence::ClosedBecause, key::Key, report::PathId, session::limits::Limits,
};

/// How a station is set up.
#[derive(Clone, Debug)]
pub struct StationConfig {
    /// Addresses to listen on; all of this host's when empty.
    pub listen: Vec<IpAddr>,
    /// Ports to listen on.
    pub ports: Ports,
    /// A secret that the other side must hold too.
    pub key: Option<Key>,
    /// Whether to announce this host on the link by DNS-SD. It browses either way.
    pub announce: bool,
    /// Whether to speak to addresses that are neither private nor link-local nor loopback.
    pub allow_public: bool,
    /// The host's name in reports and announcements; the system's own when `None`.
    pub name: Option<String>,
    /// What strangers can make this host do.
    pub limits: Limits,
    /// How the exchange on TCP 7680 is set up. Where it listens, who it is and whom it speaks to
    /// follow from the other fields.
    pub peer: dolab_peer::PeerConfig,
    /// The cloud as go-between: this station waits there to be called, and calls others through it
    /// when no other way is open.
    pub relay: Option<Relay>,
    /// What serves benchmarks; without, they are declined.
    pub bench: Option<Arc<dyn BenchService>>,
}

impl Default for StationConfig {
    /// Delivery Optimization's ports on every address, announced, without a key.
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            ports: Ports::default(),
            key: None,
            announce: true,
            allow_public: false,
            name: None,
            limits: Limits::default(),
            peer: dolab_peer::PeerConfig::default(),
            relay: None,
            bench: None,
        }
    }
}

impl StationConfig {
    /// Whether it is this machine alone that can reach the station.
    pub(crate) fn is_on_loopback(&self) -> bool {
        !self.listen.is_empty() && self.listen.iter().all(|addr| addr.is_loopback())
    }
}

/// What to listen on for each path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The exchange and the check session.
    pub tcp_7680: PortWish,
    /// TLS.
    pub tcp_443: PortWish,
    /// QUIC.
    pub udp_443: PortWish,
    /// Teredo.
    pub udp_3544: PortWish,
    /// Whether to take part in DNS-SD on UDP 5353.
    pub dns_sd: bool,
}

impl Default for Ports {
    /// Delivery Optimization's own, and no other.
    fn default() -> Self {
        Self {
            tcp_7680: PortWish::Exact(PathId::Tcp7680.port()),
            tcp_443: PortWish::Exact(PathId::Tcp443.port()),
            udp_443: PortWish::Exact(PathId::Udp443.port()),
            udp_3544: PortWish::Exact(PathId::Udp3544.port()),
            dns_sd: true,
        }
    }
}

impl Ports {
    /// Delivery Optimization's own where they can be had, and free ones elsewhere.
    pub fn or_free() -> Self {
        Self {
            tcp_7680: PortWish::OrFree(PathId::Tcp7680.port()),
            tcp_443: PortWish::OrFree(PathId::Tcp443.port()),
            udp_443: PortWish::OrFree(PathId::Udp443.port()),
            udp_3544: PortWish::OrFree(PathId::Udp3544.port()),
            dns_sd: true,
        }
    }

    /// Free ones, and no DNS-SD: for tests on loopback.
    pub fn free() -> Self {
        let any = PortWish::Exact(0);
        Self {
            tcp_7680: any,
            tcp_443: any,
            udp_443: any,
            udp_3544: any,
            dns_sd: false,
        }
    }
}

/// Which port to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortWish {
    /// None.
    Off,
    /// This one or none; 0 stands for any free one.
    Exact(u16),
    /// This one, or a free one where it is taken or forbidden.
    OrFree(u16),
}

/// What listens for a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerState {
    /// The path.
    pub path: PathId,
    /// The port that is listened on, or that was wanted.
    pub port: u16,
    /// Why nothing listens.
    pub closed: Option<ClosedBecause>,
}

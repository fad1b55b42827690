//! Whom to check.

use std::net::SocketAddr;

use dolab_discovery::Candidate;

use crate::report::{DiscoverySource, PathId};

/// A host to check: what to call it, and where it may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What the user calls it.
    pub name: String,
    /// Its addresses with the port of the exchange, the best one first. The first that answers at
    /// all is checked.
    pub addrs: Vec<SocketAddr>,
    /// Ports of the other paths, where they are not Delivery Optimization's.
    pub ports: TargetPorts,
    /// How it was found.
    pub source: DiscoverySource,
}

/// The ports of a host that listens elsewhere than on Delivery Optimization's, as in `dolab demo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetPorts {
    /// TLS.
    pub tcp_443: Option<u16>,
    /// QUIC.
    pub udp_443: Option<u16>,
    /// Teredo.
    pub udp_3544: Option<u16>,
}

impl Target {
    /// A host that the user named.
    pub fn new(name: impl Into<String>, addrs: Vec<SocketAddr>) -> Self {
        Self {
            name: name.into(),
            addrs,
            ports: TargetPorts::default(),
            source: DiscoverySource::Static,
        }
    }

    /// The port of a path at one of its addresses.
    pub(crate) fn port(&self, path: PathId, addr: SocketAddr) -> u16 {
        let other = match path {
            PathId::Tcp7680 => Some(addr.port()),
            PathId::Tcp443 => self.ports.tcp_443,
            PathId::Udp443 => self.ports.udp_443,
            PathId::Udp3544 => self.ports.udp_3544,
            PathId::Udp5353 => None,
        };
        other.unwrap_or_else(|| path.port())
    }
}

impl From<Candidate> for Target {
    fn from(candidate: Candidate) -> Self {
        let source = match candidate.source {
            dolab_discovery::Source::DnsSd => DiscoverySource::DnsSd,
            dolab_discovery::Source::Cloud => DiscoverySource::Cloud,
            dolab_discovery::Source::Static | _ => DiscoverySource::Static,
        };
        Self {
            source,
            ..Self::new(candidate.name, candidate.addrs)
        }
    }
}

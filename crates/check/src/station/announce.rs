//! DNS-SD: the path that has no listener of its own.

use dolab_discovery::{Announcement, Discovery, DiscoveryConfig, DiscoveryError, Interfaces};
use dolab_peer::Peer;

use super::{ListenerState, StationConfig};
use crate::{evidence::ClosedBecause, report::PathId};

/// Starts to browse, and to announce where that is wanted.
pub(super) fn start(
    config: &StationConfig,
    host: &str,
    port: u16,
    peer: &Peer,
) -> (Option<Discovery>, ListenerState) {
    let path = PathId::Udp5353;
    let state = |closed| ListenerState {
        path,
        port: path.port(),
        closed,
    };
    if !config.ports.dns_sd {
        return (None, state(Some(ClosedBecause::NotWanted)));
    }
    let interfaces = if config.is_on_loopback() {
        Interfaces::Loopback
    } else {
        Interfaces::All
    };
    let started = Discovery::start(DiscoveryConfig {
        interfaces,
        host: host.into(),
        ..Default::default()
    });
    let discovery = match started {
        Ok(discovery) => discovery,
        Err(error) => {
            tracing::info!(%error, "no dns-sd");
            return (None, state(Some(closed_because(error))));
        }
    };
    if config.announce {
        let announcement = Announcement {
            port,
            peer: peer.id(),
            contents: Vec::new(),
            group: None,
        };
        if let Err(error) = discovery.announce(announcement) {
            tracing::warn!(%error, "dns-sd: nothing is announced");
        }
    }
    (Some(discovery), state(None))
}

fn closed_because(error: DiscoveryError) -> ClosedBecause {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are all of one kind"
    )]
    match error {
        DiscoveryError::PortTaken { holder, .. } => ClosedBecause::Held {
            by: holder.map(|holder| holder.to_string()),
        },
        DiscoveryError::Socket { source, .. }
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            ClosedBecause::NoPrivilege
        }
        error => ClosedBecause::Failed {
            why: error.to_string(),
        },
    }
}

//! Waits at the cloud to be called by those who can not reach this host.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{Arc, Weak},
    time::Duration,
};

use dolab_discovery::cloud::Relay;
use dolab_wire::relay::{MAX_ADDRESSES, Station};

use super::Shared;
use crate::{
    report::{PathId, Via},
    session::channel::{Carrier, Channel},
};

/// Time until the cloud is tried again; doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Waits until the station stops.
pub(super) fn start(shared: &Arc<Shared>) {
    let Some(relay) = shared.config.relay.clone() else {
        return;
    };
    let station: Weak<Shared> = Arc::downgrade(shared);
    shared.door.spawn(wait(relay, station));
}

async fn wait(relay: Relay, station: Weak<Shared>) {
    let mut pause = FIRST;
    loop {
        let Some(me) = station.upgrade().map(|shared| describe(&shared)) else {
            return;
        };
        match relay.wait(&me).await {
            Ok((stream, caller)) => {
                pause = FIRST;
                let Some(shared) = station.upgrade() else {
                    return;
                };
                if !shared.door.welcomes(caller) {
                    tracing::info!(%caller, "a call through the cloud came from a public address");
                    continue;
                }
                let remote = SocketAddr::new(caller, 0);
                let channel = Channel::new(stream, carrier(remote), &[]);
                if shared.door.channels.try_send(channel).is_err() {
                    tracing::info!(%caller, "a call through the cloud found no place");
                }
            }
            Err(error) => {
                tracing::info!(%error, "the cloud is no go-between now");
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(LONGEST);
            }
        }
    }
}

fn describe(shared: &Shared) -> Station {
    let port = shared.port(PathId::Tcp7680);
    let addresses = shared.addresses().into_iter().take(MAX_ADDRESSES);
    Station {
        id: shared.peer_id(),
        name: shared.host.clone(),
        addresses: port.map_or_else(Vec::new, |port| {
            addresses.map(|ip| SocketAddr::new(ip, port)).collect()
        }),
        external: Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// What carries a session through the cloud: the two hosts' own addresses, not the cloud's, for it
/// is these that are checked.
pub(crate) fn carrier(remote: SocketAddr) -> Carrier {
    Carrier {
        via: Via::Cloud,
        local: own_address(remote),
        remote,
    }
}

/// The address that this host would call another from. Asks the system for the way there, and sends
/// nothing.
fn own_address(remote: SocketAddr) -> SocketAddr {
    let any = match remote {
        SocketAddr::V4(_) => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        SocketAddr::V6(_) => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
    };
    let towards = SocketAddr::new(remote.ip(), PathId::Tcp7680.port());
    let way = UdpSocket::bind(any).and_then(|socket| {
        socket.connect(towards)?;
        socket.local_addr()
    });
    way.unwrap_or(any)
}

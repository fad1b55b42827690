//! TCP 7680: the peer's port, on which check sessions arrive too.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use dolab_peer::{Event, Foreign, Peer, PeerConfig, StartError};
use dolab_wire::preface::Protocol;
use tokio::sync::{broadcast::error::RecvError, mpsc};

use super::{ListenerState, PortWish, QUEUE, StationConfig};
use crate::{
    bench::{BenchService, read_token},
    evidence::ClosedBecause,
    report::{PathId, Via},
    responder::Door,
    session::channel::{Carrier, Channel},
};

/// Starts the peer. Without its port it still dials.
pub(super) async fn start(
    config: &StationConfig,
    door: &Door,
) -> Result<(Peer, ListenerState), StartError> {
    let (foreign, sessions) = mpsc::channel(QUEUE);
    let base = PeerConfig {
        listen: Vec::new(),
        allow_public: config.allow_public,
        foreign: Some(foreign),
        ..config.peer.clone()
    };
    let path = PathId::Tcp7680;
    let (port, fallback) = match config.ports.tcp_7680 {
        PortWish::Off => (None, false),
        PortWish::Exact(port) => (Some(port), false),
        PortWish::OrFree(port) => (Some(port), true),
    };
    let Some(port) = port else {
        let closed = Some(ClosedBecause::NotWanted);
        let peer = Peer::start(base).await?;
        return Ok((
            peer,
            ListenerState {
                path,
                port: path.port(),
                closed,
            },
        ));
    };
    let (peer, state) = match listen(&base, &config.listen, port).await {
        Ok(peer) => (peer, None),
        Err(error) if fallback && port != 0 && closed_because(&error).is_some() => {
            tracing::info!(%error, "a free port is taken instead");
            (listen(&base, &config.listen, 0).await?, None)
        }
        Err(error) => match closed_because(&error) {
            Some(closed) => (Peer::start(base).await?, Some(closed)),
            None => return Err(error),
        },
    };
    let bound = peer.local_addrs().first().map_or(port, SocketAddr::port);
    take_sessions(sessions, door, config.bench.clone());
    note_arrivals(&peer, door);
    Ok((
        peer,
        ListenerState {
            path,
            port: bound,
            closed: state,
        },
    ))
}

/// Listens on one port of all addresses. A free one that the first address has may be taken on
/// another: then a new one is tried.
async fn listen(base: &PeerConfig, on: &[IpAddr], port: u16) -> Result<Peer, StartError> {
    if on.is_empty() {
        let all = start_on(base, vec![(Ipv6Addr::UNSPECIFIED, port).into()]).await;
        return match all {
            // A system without IPv6.
            Err(StartError::Listen { .. }) => {
                start_on(base, vec![(Ipv4Addr::UNSPECIFIED, port).into()]).await
            }
            result => result,
        };
    }
    let addrs = |port: u16| {
        on.iter()
            .map(|ip| SocketAddr::new(*ip, port))
            .collect::<Vec<_>>()
    };
    if port != 0 || on.len() == 1 {
        return start_on(base, addrs(port)).await;
    }
    let mut tries = 20;
    loop {
        let free = match std::net::TcpListener::bind((on[0], 0)).and_then(|l| l.local_addr()) {
            Ok(free) => free.port(),
            Err(source) => {
                return Err(StartError::Listen {
                    addr: SocketAddr::new(on[0], 0),
                    source,
                });
            }
        };
        match start_on(base, addrs(free)).await {
            Err(StartError::PortTaken { .. }) if tries > 0 => tries -= 1,
            result => return result,
        }
    }
}

async fn start_on(base: &PeerConfig, listen: Vec<SocketAddr>) -> Result<Peer, StartError> {
    Peer::start(PeerConfig {
        listen,
        ..base.clone()
    })
    .await
}

fn closed_because(error: &StartError) -> Option<ClosedBecause> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other errors are not about the port"
    )]
    match error {
        StartError::PortTaken { holder, .. } => Some(ClosedBecause::Held {
            by: holder.as_ref().map(ToString::to_string),
        }),
        StartError::PermissionDenied { .. } => Some(ClosedBecause::NoPrivilege),
        StartError::Listen { source, .. } => Some(ClosedBecause::Failed {
            why: source.to_string(),
        }),
        _ => None,
    }
}

fn take_sessions(
    mut sessions: mpsc::Receiver<Foreign>,
    door: &Door,
    bench: Option<Arc<dyn BenchService>>,
) {
    let (door, tasks) = (door.clone(), door.clone());
    tasks.spawn(async move {
        while let Some(foreign) = sessions.recv().await {
            if foreign.protocol == Protocol::Bench {
                if let Some(bench) = &bench {
                    take_bench(foreign, &door, Arc::clone(bench));
                }
                continue;
            }
            let Foreign {
                stream,
                prefix,
                remote,
                local,
                ..
            } = foreign;
            let carrier = Carrier {
                via: Via::Tcp7680,
                local,
                remote,
            };
            let channel = Channel::new(stream, carrier, &prefix);
            if door.channels.try_send(channel).is_err() {
                tracing::warn!(%remote, "too many check sessions at once: this one is closed");
            }
        }
    });
}

/// Hands a connection to the benchmark whose token it brings.
fn take_bench(foreign: Foreign, door: &Door, bench: Arc<dyn BenchService>) {
    let place = door.strangers.enter();
    door.spawn(async move {
        let Foreign {
            mut stream,
            prefix,
            remote,
            ..
        } = foreign;
        match place.hold(read_token(&mut stream, &prefix)).await.flatten() {
            Some(token) => bench.connected(token, stream, remote),
            None => tracing::debug!(%remote, "a connection for a benchmark, without its token"),
        }
    });
}

/// Records every connection that the listener got, whatever it wanted.
fn note_arrivals(peer: &Peer, door: &Door) {
    let mut events = peer.subscribe();
    let arrivals = Arc::clone(&door.arrivals);
    door.spawn(async move {
        loop {
            match events.recv().await {
                Ok(Event::Accepted { remote, .. }) => arrivals.came(PathId::Tcp7680, remote),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => arrivals.forget(PathId::Tcp7680),
                Err(RecvError::Closed) => return,
            }
        }
    });
}

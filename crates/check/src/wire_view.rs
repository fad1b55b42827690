//! What this host's witness and listeners saw of a call, as evidence.

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use crate::{
    evidence::{
        Answer, CalleeReport, CalleeSaw, CallerSaw, ClosedBecause, Listener, NoWitness, WireSaw,
        Witnessed,
    },
    firewall,
    report::{PathId, Protocol},
    responder::canonical,
    sighting,
    station::Shared,
    witness::{Flow, Role, Watched, Witness},
};

/// What to watch: what a station is likely to be asked about: its own ports and Delivery Optimization's.
pub(crate) fn watched(listening: impl Iterator<Item = (PathId, u16)>) -> Watched {
    let usual = PathId::ALL.into_iter().map(|path| (path, path.port()));
    listening
        .chain(usual)
        .fold(Watched::default(), |watched, (path, port)| {
            watched.and(path, port)
        })
}

/// What crossed the caller's wire.
pub(crate) fn of_caller(
    witness: &Witness,
    path: PathId,
    saw: &CallerSaw,
    began: Instant,
) -> Witnessed {
    match saw.to {
        Some(to) => {
            let (port, remote) = (to.port(), to.ip().to_canonical());
            look(
                witness,
                &Flow {
                    path,
                    port,
                    remote,
                    role: Role::Caller,
                },
                began,
            )
        }
        None => Witnessed::Absent(NoWitness::NotAsked),
    }
}

/// What a witness saw of a flow.
pub(crate) fn look(witness: &Witness, flow: &Flow, since: Instant) -> Witnessed {
    match witness.saw(flow, since) {
        // Both sides announce on their own: what comes back is no answer.
        Witnessed::Saw(saw) if flow.path == PathId::Udp5353 => Witnessed::Saw(WireSaw {
            answers_left: 0,
            answers_arrived: 0,
            ..saw
        }),
        witnessed @ (Witnessed::Saw(_) | Witnessed::Absent(_)) => witnessed,
    }
}

/// What the callee knows of a call by the host at `remote`, the peer of this id, which says that it
/// called from these addresses.
pub(crate) fn of_callee(
    shared: &Shared,
    path: PathId,
    (remote, peer): (IpAddr, &str),
    from: &[SocketAddr],
    port: u16,
    since: Instant,
) -> CalleeReport {
    let remote = remote.to_canonical();
    let flow = Flow {
        path,
        port,
        remote,
        role: Role::Callee,
    };
    let (accepted, answer) = match path {
        PathId::Udp5353 if sighting::is_seen(shared, peer) => (Some(true), Answer::None),
        // Only IPv4 is listened to beside the responder.
        PathId::Udp5353 if !remote.is_ipv4() => (None, Answer::None),
        PathId::Udp5353 => shared.door.arrivals.of(path, from, since),
        PathId::Tcp7680 | PathId::Tcp443 | PathId::Udp443 | PathId::Udp3544 => {
            shared.door.arrivals.of(path, from, since)
        }
    };
    // Behind an address translator the call came from an address that the caller does not know.
    let translated = !from.iter().any(|addr| canonical(*addr).ip() == remote);
    let listener = match shared.port(path) {
        // What was called is another port than the one that it stands on.
        Some(ours) if ours != port && !translated => Listener::Closed(ClosedBecause::Failed {
            why: format!("it listens on port {ours}"),
        }),
        _ => shared.listens(path),
    };
    CalleeReport {
        saw: CalleeSaw {
            listener,
            accepted: accepted.filter(|accepted| *accepted || !translated),
            answer,
            half_open: match path.protocol() {
                Protocol::Tcp => shared.witness.half_open(&flow, since),
                Protocol::Udp => None,
            },
            rules: None,
            rules_unread: None,
        },
        witness: look(&shared.witness, &flow, since),
    }
}

/// Adds what this host's rules say of a call for the exchange that came as far as its wire and no further.
pub(crate) async fn add_rules(callee: &mut CalleeReport, path: PathId, port: u16, remote: IpAddr) {
    let arrived = |saw: &WireSaw| saw.requests_arrived > 0 && saw.answers_left == 0;
    let swallowed = callee.witness.saw().is_some_and(arrived)
        && callee.saw.listener == Listener::Listening
        && callee.saw.accepted != Some(true);
    if path == PathId::Tcp7680 && swallowed {
        match firewall::standing(port, remote).await {
            Ok(rules) => callee.saw.rules = rules,
            Err(why) => callee.saw.rules_unread = Some(why.to_string()),
        }
    }
}

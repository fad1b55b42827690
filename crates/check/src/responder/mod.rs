//! What answers the probes: each port speaks the first exchange of its real protocol.
//!
//! A port that can not be had is no failure of the whole: it carries the reason, which ends in the
//! report.

mod arrivals;
mod bind;
mod certificate;
mod door;
mod ear;
pub(crate) mod quic;
mod strangers;
pub(crate) mod teredo;
pub(crate) mod tls;
pub(crate) mod udp;

use std::{io, sync::Arc};

pub(crate) use arrivals::{Arrivals, canonical};
use bind::{Bound, listen_tcp, listen_udp};
pub(crate) use certificate::{ALPN, Tls};
pub(crate) use door::Door;

use crate::{
    evidence::ClosedBecause,
    report::PathId,
    station::{ListenerState, StationConfig},
};

/// Opens the ports beside TCP 7680 and starts to answer on them.
pub(crate) fn start(config: &StationConfig, tls: &Arc<Tls>, door: &Door) -> Vec<ListenerState> {
    let (ports, on) = (&config.ports, &config.listen[..]);
    let ear = (ports.dns_sd && !config.is_on_loopback()).then(ear::open);
    match ear.flatten() {
        Some(socket) => ear::listen(socket, door),
        None => door.arrivals.deaf(PathId::Udp5353),
    }
    let tcp_443 = listen_tcp(ports.tcp_443, on);
    let udp_443 = listen_udp(ports.udp_443, on);
    let udp_3544 = listen_udp(ports.udp_3544, on);
    vec![
        serve(PathId::Tcp443, tcp_443, |listener| {
            tls::serve(listener, tls, door)
        }),
        serve(PathId::Udp443, udp_443, |socket| {
            quic::serve(socket, tls, door)
        }),
        serve(PathId::Udp3544, udp_3544, |socket| {
            teredo::serve(socket, door)
        }),
    ]
}

fn serve<S>(path: PathId, bound: Bound<S>, serve: impl Fn(S) -> io::Result<()>) -> ListenerState {
    let port = if bound.port == 0 {
        path.port()
    } else {
        bound.port
    };
    let served = bound.sockets.and_then(|sockets| {
        let failed = |error: io::Error| ClosedBecause::Failed {
            why: error.to_string(),
        };
        sockets.into_iter().try_for_each(serve).map_err(failed)
    });
    let closed = served.err();
    match &closed {
        None => tracing::info!(%path, port, "listening"),
        Some(why) => tracing::info!(%path, port, %why, "not listening"),
    }
    ListenerState { path, port, closed }
}

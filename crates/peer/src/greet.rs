//! The listener: who connects says within seconds what it wants, or goes.
//!
//! Nothing reaches the engine before a whole handshake is there, so connections that say nothing,
//! or say it a byte at a time, cost a socket and no more, and the oldest of them make room.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use dolab_wire::{
    WireError,
    preface::{self, Protocol},
    swarm::{HANDSHAKE_LEN, Handshake},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{broadcast, mpsc},
    task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    Event, Stream,
    conn::{Ended, read_some},
    counters::Counters,
    net::{canonical, is_near},
    shared::{Report, Reports},
};

/// Time for the 75 bytes of a handshake, which fit one packet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections of a listener that have not said what they want. When there are more, the oldest
/// goes: an honest peer needs a round trip, so it is never among the oldest for long.
const MAX_PENDING: usize = 256;

/// Pause after the system could not give us a connection, for want of descriptors for example:
/// the connection stays in the backlog, and asking again at once would only burn the processor.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection on the peer's port that speaks something else than the Swarm protocol.
#[derive(Debug)]
pub struct Foreign {
    /// What it speaks.
    pub protocol: Protocol,
    /// The connection, with the peer's socket options set.
    pub stream: TcpStream,
    /// What was read of it already: the protocol's length byte and name, and maybe more.
    pub prefix: Bytes,
    /// Where it comes from.
    pub remote: SocketAddr,
    /// The address of ours that it came to.
    pub local: SocketAddr,
}

/// What a listener needs to judge who connects.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) allow_public: bool,
    pub(crate) foreign: Option<mpsc::Sender<Foreign>>,
    pub(crate) reports: Reports,
    pub(crate) counters: Arc<Counters>,
    pub(crate) events: broadcast::Sender<Event>,
}

/// Why a connection ended before it had said what it wants.
#[derive(Debug, thiserror::Error)]
enum Ungreeted {
    #[error("{error} ({code})", code = error.do_code())]
    Malformed {
        #[from]
        error: WireError,
    },
    #[error("it ended after {0} of the {HANDSHAKE_LEN} bytes of a handshake")]
    Truncated(usize),
    #[error("it ended without a byte: a port scan, or a check")]
    Silent,
    #[error("only {0} of the {HANDSHAKE_LEN} bytes of a handshake came in {PATIENCE:?}")]
    TooSlow(usize),
    #[error("{0}")]
    Broken(io::Error),
}

/// Accepts connections until `stop`.
pub(crate) async fn serve(listener: TcpListener, gate: Arc<Gate>, stop: CancellationToken) {
    let mut pending = JoinSet::new();
    let mut handles: BTreeMap<u64, AbortHandle> = BTreeMap::new();
    let mut count = 0;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            Some(done) = pending.join_next() => {
                if let Ok(number) = done {
                    handles.remove(&number);
                }
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause(&gate.counters, &error).await;
                continue;
            }
        };
        let remote = canonical(remote);
        gate.counters.accepted.fetch_add(1, Ordering::Relaxed);
        if let Ok(local) = stream.local_addr().map(canonical) {
            // Nobody may be listening.
            drop(gate.events.send(Event::Accepted { remote, local }));
        }
        if !gate.allow_public && !is_near(remote.ip()) {
            gate.counters.refused_public.fetch_add(1, Ordering::Relaxed);
            info!(target: "dolab_peer", %remote, "refused: a public address (--allow-public would let it in)");
            continue;
        }
        if pending.len() >= MAX_PENDING
            && let Some((_, oldest)) = handles.pop_first()
        {
            oldest.abort();
            gate.counters.evicted.fetch_add(1, Ordering::Relaxed);
        }
        count += 1;
        let (gate, number) = (gate.clone(), count);
        let task = pending.spawn(async move {
            greet(stream.into(), remote, &gate).await;
            number
        });
        handles.insert(number, task);
    }
}

async fn pause(counters: &Counters, error: &io::Error) {
    // These concern the one connection that was about to be accepted.
    let passing = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    );
    if !passing {
        counters.accept_errors.fetch_add(1, Ordering::Relaxed);
        warn!(target: "dolab_peer", %error, "can not accept a connection: trying again in {PAUSE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

pub(crate) async fn greet(stream: Stream, remote: SocketAddr, gate: &Gate) {
    if let Err(error) = stream.prepare() {
        debug!(target: "dolab_peer", %remote, %error, "a socket option was refused");
    }
    let mut first = BytesMut::with_capacity(HANDSHAKE_LEN);
    let named = tokio::time::timeout(PATIENCE, read_first(&stream, &mut first)).await;
    let counters = &gate.counters;
    let greeting = match named.unwrap_or_else(|_| Err(Ungreeted::TooSlow(first.len()))) {
        Ok(Protocol::Swarm) => {
            let handshake = first.first_chunk().expect("it was read as a whole");
            Handshake::decode(handshake)
        }
        Ok(protocol @ (Protocol::Check | Protocol::Bench)) => {
            counters.foreign.fetch_add(1, Ordering::Relaxed);
            return hand_over(protocol, stream, first.freeze(), remote, gate);
        }
        Err(why) => {
            match &why {
                Ungreeted::Silent => drop(counters.silent.fetch_add(1, Ordering::Relaxed)),
                Ungreeted::TooSlow(_) => drop(counters.too_slow.fetch_add(1, Ordering::Relaxed)),
                Ungreeted::Truncated(_) | Ungreeted::Broken(_) => {
                    counters.truncated.fetch_add(1, Ordering::Relaxed);
                }
                // Counted by the actor, together with what is malformed later.
                Ungreeted::Malformed { .. } => {}
            }
            info!(target: "dolab_peer", %remote, error = %why, "not a peer");
            let Ungreeted::Malformed { error } = why else {
                return;
            };
            Err(error)
        }
    };
    let report = Report::Greeted {
        stream,
        remote,
        greeting,
    };
    gate.reports.send(report).await;
}

/// Reads until the protocol is known, and for the Swarm protocol until the handshake is whole. Not
/// a byte more: what follows belongs to whoever serves the connection.
async fn read_first(stream: &Stream, first: &mut BytesMut) -> Result<Protocol, Ungreeted> {
    loop {
        match preface::detect(first)? {
            Some(Protocol::Swarm) if first.len() < HANDSHAKE_LEN => {}
            Some(protocol) => return Ok(protocol),
            None => {}
        }
        let most = HANDSHAKE_LEN - first.len();
        match read_some(stream, first, most).await {
            Ok(_) => {}
            Err(Ended::Broken(error)) => return Err(Ungreeted::Broken(error)),
            Err(_) if first.is_empty() => return Err(Ungreeted::Silent),
            Err(_) => return Err(Ungreeted::Truncated(first.len())),
        }
    }
}

fn hand_over(protocol: Protocol, stream: Stream, prefix: Bytes, remote: SocketAddr, gate: &Gate) {
    let Some(taker) = &gate.foreign else {
        debug!(target: "dolab_peer", %remote, ?protocol, "nobody here serves that");
        return;
    };
    let Some(local) = stream.local() else {
        return;
    };
    // Who takes it asks the kernel about it, and no other stream has an address of ours.
    let Some(stream) = stream.into_tcp() else {
        return;
    };
    if taker
        .try_send(Foreign {
            protocol,
            stream,
            prefix,
            remote,
            local,
        })
        .is_err()
    {
        debug!(target: "dolab_peer", %remote, ?protocol, "too many connections at once: this one is closed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the runtime's paused clock, which moves only when everything waits.
    #[tokio::test(start_paused = true)]
    async fn a_lack_costs_a_pause_and_a_lost_connection_none() {
        let counters = Counters::default();
        let cost = async |error: io::Error| {
            let (began, before) = (tokio::time::Instant::now(), counters.read().accept_errors);
            pause(&counters, &error).await;
            (began.elapsed(), counters.read().accept_errors - before)
        };
        // EMFILE and ENFILE on unix, WSAEMFILE on Windows.
        for lack in [24, 23, 10024] {
            assert_eq!(
                cost(io::Error::from_raw_os_error(lack)).await,
                (PAUSE, 1),
                "{lack}"
            );
        }
        let lost = io::ErrorKind::ConnectionAborted.into();
        assert_eq!(cost(lost).await, (Duration::ZERO, 0));
    }
}

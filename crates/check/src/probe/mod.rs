//! Calls to the other side, on each path, by whichever side is asked to. Each ends with what the
//! caller's socket saw, and where it got through, with a channel that a session can run over.

mod connect;
pub(crate) mod hops;
mod outcome;
mod quic;
mod tcp;
mod teredo;
mod tls;

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use crate::{
    evidence::{CallerSaw, NotTested, Outcome},
    key::Key,
    report::PathId,
    responder::Tls,
    session::{
        SessionError,
        channel::Channel,
        opening::{self, Mine, Opened},
    },
};

/// Time that a probe has. The kernel sends a SYN at 0, 1 and 3 s, and says after 3.1 s that a host
/// on the link does not answer (observed on Linux).
pub(crate) const PATIENCE: Duration = Duration::from_millis(4000);

/// When datagrams of a probe leave, counted from its start: one may be lost on the way.
const UDP_SCHEDULE: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(300),
    Duration::from_millis(900),
    Duration::from_millis(2100),
];

/// Whom to call, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) path: PathId,
    pub(crate) to: SocketAddr,
    /// The address to call from; the system chooses where it is `None`.
    pub(crate) from: Option<IpAddr>,
    pub(crate) patience: Duration,
}

/// What came of a call.
pub(crate) struct Probed {
    pub(crate) saw: CallerSaw,
    /// When the call began.
    pub(crate) began: Instant,
    pub(crate) reached: Option<Reached>,
}

/// How far a call got that got through.
pub(crate) enum Reached {
    /// The carrying protocol stands, and is dolab's.
    Channel(Channel),
    /// The session's first messages were exchanged.
    Opened(Opened),
    /// The other side is dolab and declined the session.
    Declined(SessionError),
}

impl Reached {
    /// Exchanges the session's first messages, where that is still to do.
    pub(crate) async fn open(self, mine: &Mine<'_>) -> Result<Opened, SessionError> {
        match self {
            Self::Channel(channel) => tokio::time::timeout(PATIENCE, opening::dial(channel, mine))
                .await
                .unwrap_or(Err(SessionError::TimedOut)),
            Self::Opened(opened) => Ok(opened),
            Self::Declined(error) => Err(error),
        }
    }

    /// Ends a call that only had to show that it gets through.
    pub(crate) async fn bye(self) {
        if let Self::Opened(opened) = self {
            opened.bye().await;
        }
    }
}

/// Calls on a path that has a port of its own.
pub(crate) async fn probe(call: Call, mine: &Mine<'_>, tls: &Tls) -> Probed {
    // Signing takes milliseconds, which somebody's round trip would have in it. What goes wrong with it is
    // said by who needs it.
    drop(tls.configs());
    let began = Instant::now();
    let (mut saw, reached) = match call.path {
        PathId::Tcp7680 => tcp::probe(&call, mine).await,
        PathId::Tcp443 => tls::probe(&call, tls).await,
        PathId::Udp443 => quic::probe(&call, tls).await,
        PathId::Udp3544 => (teredo::probe(&call).await, None),
        // It has no connection: see `run::dns_sd`.
        PathId::Udp5353 => (
            CallerSaw::new(Outcome::NotTested(NotTested::NotAsked)),
            None,
        ),
    };
    saw.to = Some(call.to);
    saw.waited = began.elapsed();
    tracing::debug!(path = %call.path, to = %call.to, outcome = ?saw.outcome, "probed");
    Probed {
        saw,
        began,
        reached,
    }
}

/// Part of a probe on its own: for tests and for who wants a session and nothing else.
pub(crate) async fn open_session(
    to: SocketAddr,
    from: Option<IpAddr>,
    key: Option<&Key>,
) -> Result<Opened, SessionError> {
    let mine = Mine {
        role: dolab_wire::session::Role::Asker,
        key,
        call: None,
    };
    let call = Call {
        path: PathId::Tcp7680,
        to,
        from,
        patience: PATIENCE,
    };
    tcp::open(&call, &mine).await
}

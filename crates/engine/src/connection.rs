use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use dolab_wire::{PeerType, swarm::Block};

use crate::{
    Config, ConnId, ConnectionReport, Instant, Reason,
    lanes::Pace,
    session::{Download, Exchange, Session, Upload},
};

/// A connection: its session, and what is common to all states of it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) remote: SocketAddr,
    /// What type of peer it counts as; not known before its content is.
    pub(crate) kind: PeerType,
    pub(crate) session: Session,
    /// Whether the address that it was dialled at is a candidate of its content.
    pub(crate) candidate: bool,
    /// Whether a piece came over it.
    pub(crate) useful: bool,
    /// The body that the driver reads now.
    pub(crate) body: Option<Body>,
    /// The bodies that the driver has not sent yet.
    pub(crate) unsent: VecDeque<Unsent>,
    pub(crate) pace: Pace,
    pub(crate) bytes_down: u64,
    pub(crate) bytes_up: u64,
    pub(crate) clock: Clock,
}

/// A body on its way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Receiving(Block),
    Discarding,
}

/// A body on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsent {
    pub(crate) len: u32,
    /// When it was handed over.
    pub(crate) since: Instant,
    /// Bytes that had left for whomever when its turn came.
    pub(crate) before: u64,
}

/// When things last happened on a connection.
#[derive(Debug)]
pub(crate) struct Clock {
    /// The wait for the connection, or for the handshake, began.
    pub(crate) began: Instant,
    /// Both handshakes were exchanged.
    pub(crate) joined: Instant,
    /// Something came.
    pub(crate) received: Instant,
    /// Something was sent.
    pub(crate) sent: Instant,
    /// What was requested came further.
    pub(crate) progress: Instant,
    /// The peer took something.
    pub(crate) taken: Instant,
    /// Since when neither side wants anything.
    pub(crate) quiet: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(now: Instant, remote: SocketAddr, session: Session) -> Self {
        Self {
            remote,
            kind: PeerType::None,
            session,
            candidate: false,
            useful: false,
            body: None,
            unsent: VecDeque::new(),
            pace: Pace::Fair,
            bytes_down: 0,
            bytes_up: 0,
            clock: Clock {
                began: now,
                joined: now,
                received: now,
                sent: now,
                progress: now,
                taken: now,
                quiet: None,
            },
        }
    }

    pub(crate) fn is_dialling(&self) -> bool {
        matches!(self.session, Session::Dialling { .. })
    }

    pub(crate) fn is_shaking_hands(&self) -> bool {
        matches!(self.session, Session::Greeting { .. } | Session::Awaiting)
    }

    pub(crate) fn is_joined(&self) -> bool {
        self.session.joined().is_some()
    }

    /// Whether the driver reads messages, as against a handshake or a body.
    pub(crate) fn is_ready_for_head(&self) -> bool {
        self.is_joined() && self.body.is_none()
    }

    /// Whether a body is on its way out.
    pub(crate) fn is_sending(&self) -> bool {
        !self.unsent.is_empty()
    }

    pub(crate) fn exchange(&self) -> Option<&Exchange> {
        match &self.session {
            Session::Exchanging(exchange) => Some(exchange),
            Session::Dialling { .. }
            | Session::Greeting { .. }
            | Session::Awaiting
            | Session::Mapping(_) => None,
        }
    }

    pub(crate) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        match &mut self.session {
            Session::Exchanging(exchange) => Some(exchange),
            Session::Dialling { .. }
            | Session::Greeting { .. }
            | Session::Awaiting
            | Session::Mapping(_) => None,
        }
    }

    /// The first of its deadlines. `linger` is how long it is kept once nothing is wanted.
    pub(crate) fn deadline(
        &mut self,
        now: Instant,
        config: &Config,
        linger: Duration,
    ) -> Option<(Instant, Reason)> {
        let quiet = self.is_quiet();
        let clock = &mut self.clock;
        clock.quiet = quiet.then(|| clock.quiet.unwrap_or(now));
        let at = |since: Instant, wait: Duration, why| Some((since + wait, why));
        match &self.session {
            Session::Dialling { .. } => at(clock.began, config.dial_timeout, Reason::Dial),
            Session::Greeting { .. } | Session::Awaiting => {
                at(clock.began, config.handshake_timeout, Reason::Handshake)
            }
            Session::Mapping(_) | Session::Exchanging(_) => {
                let idle = at(clock.received, config.idle_timeout, Reason::Idle);
                let keep_alive = if self.unsent.is_empty() {
                    at(clock.sent, config.keepalive_interval, Reason::KeepAlive)
                } else {
                    at(clock.taken, config.send_timeout, Reason::Send)
                };
                let linger = clock
                    .quiet
                    .and_then(|since| at(since, linger, Reason::Linger));
                let request = if self.awaits_data() {
                    at(self.clock.progress, config.request_timeout, Reason::Request)
                } else {
                    self.choked_since()
                        .and_then(|s| at(s, config.choked_timeout, Reason::Choked))
                };
                [idle, keep_alive, linger, request]
                    .into_iter()
                    .flatten()
                    .min()
            }
        }
    }

    /// Whether a request has no answer, or the answer is on its way.
    fn awaits_data(&self) -> bool {
        let asked = self.exchange().and_then(Exchange::pipeline);
        asked.is_some_and(|asked| asked.requests() > 0) || self.body.is_some()
    }

    fn choked_since(&self) -> Option<Instant> {
        let exchange = self.exchange().filter(|exchange| exchange.interested)?;
        match exchange.download {
            Download::Choked { since } => Some(since),
            Download::Unchoked(_) => None,
        }
    }

    /// Whether neither side wants anything of the other, and nothing is on its way.
    fn is_quiet(&self) -> bool {
        self.exchange().is_some_and(|exchange| {
            !exchange.interested && !exchange.wants && exchange.queued() == 0
        }) && !self.awaits_data()
            && self.unsent.is_empty()
    }

    pub(crate) fn report(&self, conn: ConnId, now: Instant) -> ConnectionReport {
        let exchange = self.exchange();
        let pipeline = exchange.and_then(Exchange::pipeline);
        ConnectionReport {
            conn,
            content: self.session.content(),
            remote: self.remote,
            kind: self.kind,
            peer: self.session.joined().map(|joined| joined.peer),
            state: self.session.state(),
            bytes_down: self.bytes_down,
            bytes_up: self.bytes_up,
            rate_down: exchange.map_or(0, |exchange| exchange.depth.rate(now)),
            round_trip: exchange.map(|exchange| exchange.depth.round_trip()),
            outstanding_requests: pipeline.map_or(0, |pipeline| pipeline.requests()),
            interested: exchange.is_some_and(|exchange| exchange.interested),
            wanted: exchange.is_some_and(|exchange| exchange.wants),
            unchoked_by_peer: pipeline.is_some(),
            unchoked: exchange
                .is_some_and(|exchange| matches!(exchange.upload, Upload::Unchoked { .. })),
        }
    }
}

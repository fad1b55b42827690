use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dolab_content::ContentId;
use dolab_wire::swarm::{Head, PeerId};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    CandidateReport, CloseReason, Config, ConnId, ConnectionReport, ContentReport, Counters, Event,
    Initiator, Input, Instant, Limits, Misuse, Output, Reason, addresses::Addresses, bans::Bans,
    budget::Budget, cap::Caps, connection::Connection, connections::Connections, hybrid::HostBans,
    kind::Subnets, lanes::Lanes, slots::Round, swarm::Swarm, timers::Timers,
};

mod arrival;
#[cfg(test)]
mod audit;
mod caps;
mod commands;
mod download;
mod ending;
mod fetch;
mod greeting;
mod lanes;
mod messages;
mod rest;
mod upkeep;
mod upload;

/// The brain of one device: several contents, many connections, no I/O.
///
/// The same seed and the same calls give the same outputs, on every system.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    me: PeerId,
    rng: ChaCha8Rng,
    now: Instant,
    stopped: bool,
    swarms: BTreeMap<ContentId, Swarm>,
    connections: Connections,
    /// Connections of each remote address.
    addresses: Addresses,
    next_accepted: u64,
    next_dialled: u64,
    next_fetch: u64,
    bans: Bans,
    /// Cache hosts that are left alone.
    host_bans: HostBans,
    caps: Caps,
    subnets: Subnets,
    /// Whose each fetch is.
    fetches: BTreeMap<ConnId, ContentId>,
    /// Contents that peers want, and which of them are uploaded.
    slots: Round<ContentId>,
    /// Peers that gave their slot back and were not choked.
    resting: BTreeSet<(ContentId, ConnId)>,
    /// Who of them is sent to where bodies take their time.
    lanes: Lanes,
    /// Connections on which bodies are on their way out.
    senders: usize,
    /// When those who have slots are to hand them on.
    next_rotation: Instant,
    /// Pieces that landed whole and whose hash is not known yet.
    verifying: BTreeMap<(ConnId, ContentId, u32), arrival::Verifying>,
    budget: Budget,
    timers: Timers,
    /// Connections whose deadline may have changed.
    touched: BTreeSet<ConnId>,
    /// Contents for which somebody may have to be dialled.
    roused: BTreeSet<ContentId>,
    /// Contents whose HTTP sources may have to be asked.
    hybrids: BTreeSet<ContentId>,
    /// Contents whose HTTP sources wait for a part of the budget.
    waiting_for_budget: BTreeSet<ContentId>,
    /// Contents that wait for a free connection.
    waiting_for_room: BTreeSet<ContentId>,
    outputs: VecDeque<Output>,
    counters: Counters,
}

impl Engine {
    /// A device without contents. `me` is what it is called in handshakes; `seed` decides every
    /// choice that is left to chance.
    pub fn new(config: Config, me: PeerId, seed: u64) -> Self {
        let config = config.normalized();
        Self {
            me,
            rng: ChaCha8Rng::seed_from_u64(seed),
            now: Instant::default(),
            stopped: false,
            swarms: BTreeMap::new(),
            connections: Connections::default(),
            addresses: Addresses::new(config.max_connections_per_address),
            next_accepted: 0,
            next_dialled: 0,
            next_fetch: 0,
            bans: Bans::new(config.bad_pieces_until_ban, config.ban_duration),
            host_bans: HostBans::default(),
            caps: Caps::default(),
            subnets: Subnets::default(),
            fetches: BTreeMap::new(),
            slots: Round::new(config.upload_contents),
            resting: BTreeSet::new(),
            lanes: Lanes::new(),
            senders: 0,
            next_rotation: Instant::default(),
            verifying: BTreeMap::new(),
            budget: Budget::new(config.max_outstanding),
            timers: Timers::default(),
            touched: BTreeSet::new(),
            roused: BTreeSet::new(),
            hybrids: BTreeSet::new(),
            waiting_for_budget: BTreeSet::new(),
            waiting_for_room: BTreeSet::new(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            config,
        }
    }

    /// Takes what happened. Afterwards [`poll_output`](Self::poll_output) has to be drained before
    /// the next call. A time before that of the last call counts as the latter.
    ///
    /// # Errors
    /// When the caller did what it must not. The input is then ignored. Nothing that a peer sends
    /// leads to an error.
    pub fn handle(&mut self, now: Instant, input: Input) -> Result<(), Misuse> {
        debug_assert!(
            self.outputs.is_empty(),
            "poll_output is to be drained before handle"
        );
        self.now = self.now.max(now);
        let taken = self.take(input);
        self.settle();
        // A deadline that moved may have passed already.
        while self.expire() {
            self.settle();
        }
        taken
    }

    /// The next thing to do. In order; to be drained after each [`handle`](Self::handle).
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`handle`](Self::handle) with [`Input::Timeout`] at the latest, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        self.timers.next()
    }

    /// What this device is called in handshakes.
    pub fn peer_id(&self) -> PeerId {
        self.me
    }

    /// How it behaves.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// All contents, in the order of their ids.
    pub fn contents(&self) -> impl Iterator<Item = ContentReport<'_>> {
        self.swarms
            .iter()
            .map(|(&content, swarm)| swarm.report(content))
    }

    /// One content.
    pub fn content(&self, content: &ContentId) -> Option<ContentReport<'_>> {
        self.swarms.get(content).map(|swarm| swarm.report(*content))
    }

    /// All connections, in the order of their ids.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionReport> + '_ {
        self.connections
            .iter()
            .map(|(conn, connection)| connection.report(conn, self.now))
    }

    /// One connection.
    pub fn connection(&self, conn: ConnId) -> Option<ConnectionReport> {
        self.connections
            .get(&conn)
            .map(|connection| connection.report(conn, self.now))
    }

    /// The peers that were offered for a content, in the order of their addresses.
    pub fn candidates(&self, content: &ContentId) -> impl Iterator<Item = CandidateReport> + '_ {
        let swarm = self.swarms.get(content);
        swarm
            .into_iter()
            .flat_map(|swarm| swarm.candidates.reports())
    }

    /// What binds the device, with what is left of it.
    pub fn limits(&self) -> Limits {
        self.caps.limits()
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Bytes of all pieces that are being received or verified, each counted whole. At most
    /// [`Config::max_outstanding`].
    pub fn outstanding(&self) -> u64 {
        self.budget.used()
    }

    fn take(&mut self, input: Input) -> Result<(), Misuse> {
        match input {
            Input::Timeout => {}
            Input::Command(command) => self.command(command)?,
            Input::Accepted { conn, remote } => self.accepted(conn, remote)?,
            Input::Connected { conn } => {
                if self.expects(conn, "connected", Connection::is_dialling)? {
                    self.connected(conn);
                }
            }
            Input::DialFailed { conn, why } => {
                if self.expects(conn, "a failure to connect", Connection::is_dialling)? {
                    self.gone(conn, CloseReason::DialFailed(why));
                }
            }
            Input::Handshake { conn, handshake } => {
                if self.expects(conn, "a handshake", Connection::is_shaking_hands)? {
                    self.handshake(conn, handshake);
                }
            }
            Input::Head { conn, head } => {
                if self.expects(conn, "a message", Connection::is_ready_for_head)? {
                    self.head(conn, head);
                }
            }
            Input::BodyProgress { conn } => {
                if self.expects(conn, "a part of a body", |connection| {
                    connection.body.is_some()
                })? {
                    self.body_progress(conn);
                }
            }
            Input::BodyDone { conn, outcome } => {
                if self.expects(conn, "a body", |connection| connection.body.is_some())? {
                    self.body_done(conn, outcome);
                }
            }
            Input::PieceDone {
                conn,
                content,
                piece,
                outcome,
            } => {
                self.existed(conn)?;
                self.piece_done(conn, content, piece, outcome);
            }
            Input::BodySent { conn } => {
                if self.expects(conn, "a sent body", Connection::is_sending)? {
                    self.body_sent(conn);
                }
            }
            Input::SendProgress { conn } => {
                if self.expects(conn, "a part of a sent body", Connection::is_sending)? {
                    self.send_progress(conn);
                }
            }
            Input::SourceFailed { conn, range } => {
                if self.expects(conn, "a failed source", Connection::is_joined)? {
                    self.source_failed(conn, range);
                }
            }
            Input::OriginAnswered { fetch, remote } => {
                if self.expects_fetch(fetch)? {
                    self.origin_answered(fetch, remote);
                }
            }
            Input::OriginProgress { fetch, bytes } => {
                if self.expects_fetch(fetch)? {
                    self.origin_progress(fetch, bytes);
                }
            }
            Input::OriginLanded { fetch, piece } => {
                if self.expects_fetch(fetch)? {
                    self.origin_landed(fetch, piece);
                }
            }
            Input::OriginReached { fetch, piece } => {
                if self.expects_fetch(fetch)? {
                    self.origin_reached(fetch, piece);
                }
            }
            Input::OriginDone { fetch } => {
                if self.expects_fetch(fetch)? {
                    self.origin_done(fetch);
                }
            }
            Input::OriginFailed { fetch, why } => {
                if self.expects_fetch(fetch)? {
                    self.origin_failed(fetch, why);
                }
            }
            Input::Malformed { conn, error } => {
                if self.expects(conn, "malformed bytes", |connection| {
                    !connection.is_dialling()
                })? {
                    self.gone(conn, error.into());
                }
            }
            Input::Closed { conn, reset } => {
                if self.expects(conn, "an end", |connection| !connection.is_dialling())? {
                    let why = if reset {
                        CloseReason::Reset
                    } else {
                        CloseReason::Closed
                    };
                    self.gone(conn, why);
                }
            }
        }
        Ok(())
    }

    /// Whether a connection is there and may have had this input; an input about one that ended is
    /// stale, and only counted.
    fn expects(
        &mut self,
        conn: ConnId,
        input: &'static str,
        may: impl Fn(&Connection) -> bool,
    ) -> Result<bool, Misuse> {
        self.existed(conn)?;
        let Some(connection) = self.connections.get_mut(&conn) else {
            self.counters.stale_inputs += 1;
            return Ok(false);
        };
        if !may(connection) {
            let state = connection.session.state();
            return Err(Misuse::OutOfTurn { conn, state, input });
        }
        self.touched.insert(conn);
        Ok(true)
    }

    fn existed(&self, conn: ConnId) -> Result<(), Misuse> {
        let known = match conn.initiator() {
            _ if conn.is_fetch() => self.next_fetch,
            Initiator::Local => self.next_dialled,
            Initiator::Remote => self.next_accepted,
        };
        if conn.number() < known {
            Ok(())
        } else {
            Err(Misuse::UnknownConnection(conn))
        }
    }

    /// Sends a message without a body.
    fn send(&mut self, conn: ConnId, head: Head) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.clock.sent = self.now;
            self.touched.insert(conn);
            self.outputs.push_back(Output::Send {
                conn,
                head,
                body: None,
            });
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

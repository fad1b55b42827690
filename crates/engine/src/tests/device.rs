//! A driver without bytes around an engine, which checks every word of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use dolab_content::{ContentId, Layout, PieceMap};
use dolab_wire::{
    PeerType,
    swarm::{Block, Head, PeerId},
};

use super::world::World;
use crate::{
    BodyOutcome, CloseReason, Command, Config, ConnId, Counters, Engine, Event, Input, Instant,
    Output, PieceOutcome,
};

/// A content as the disk and the user see it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) layout: Layout,
    pub(super) have: PieceMap,
    pub(super) share: bool,
    pub(super) candidates: Vec<SocketAddr>,
    pub(super) completed: bool,
    pub(super) starved: u32,
    pub(super) failed: bool,
    /// Storing this piece fails.
    pub(super) unstorable: Option<u32>,
}

#[derive(Debug, Default)]
struct Watch {
    connected: bool,
    content: Option<ContentId>,
    /// We told the peer that it may ask.
    open_to_them: bool,
    /// The peer told us that we may ask.
    open_to_us: bool,
    /// What the peer asked for, and was neither sent nor cancelled.
    asked_of_us: Vec<Block>,
    unsent: usize,
}

#[derive(Clone, Copy, Debug)]
enum Reading {
    /// The engine has not said yet.
    Head,
    Receive(Block, ContentId),
    Discard,
}

pub(super) struct Device {
    pub(super) engine: Engine,
    me: PeerId,
    config: Config,
    seed: u64,
    accepted: u64,
    pub(super) kept: BTreeMap<ContentId, Kept>,
    watched: BTreeMap<ConnId, Watch>,
    reading: BTreeMap<ConnId, (Reading, bool)>,
    /// What landed of pieces, and whether all of it was right.
    incoming: BTreeMap<(ConnId, ContentId, u32), (u32, bool)>,
    verifying: BTreeSet<(ConnId, ContentId, u32)>,
    /// Which connections each piece is asked for on.
    asked: BTreeMap<(ContentId, u32), BTreeSet<ConnId>>,
    /// One piece in so many is sent wrong.
    pub(super) corrupt_one_in: u32,
    pub(super) left: Vec<(SocketAddr, CloseReason)>,
    earlier: Vec<Counters>,
    handled: u64,
}

impl Device {
    pub(super) fn new(config: Config, me: PeerId, seed: u64) -> Self {
        Self {
            engine: Engine::new(config.clone(), me, seed),
            me,
            config,
            seed,
            accepted: 0,
            kept: BTreeMap::new(),
            watched: BTreeMap::new(),
            reading: BTreeMap::new(),
            incoming: BTreeMap::new(),
            verifying: BTreeSet::new(),
            asked: BTreeMap::new(),
            corrupt_one_in: 0,
            left: Vec::new(),
            earlier: Vec::new(),
            handled: 0,
        }
    }

    /// What the user says once the device runs.
    pub(super) fn wishes(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for (&content, kept) in &self.kept {
            let (layout, have, share) = (kept.layout, kept.have.clone(), kept.share);
            inputs.push(Input::Command(Command::Add {
                content,
                layout,
                have,
                share,
            }));
            for &addr in &kept.candidates {
                inputs.push(Input::Command(Command::Candidate {
                    content,
                    addr,
                    kind: PeerType::None,
                }));
            }
        }
        inputs
    }

    /// The same device after a crash: what is on its disk stays.
    pub(super) fn restart(&self) -> (Self, Vec<Input>) {
        let mut reborn = Self::new(self.config.clone(), self.me, self.seed + 1);
        reborn.kept = self.kept.clone();
        reborn.corrupt_one_in = self.corrupt_one_in;
        reborn.left = self.left.clone();
        reborn.earlier = self.counters();
        let wishes = reborn.wishes();
        (reborn, wishes)
    }

    /// What its engines counted, of this life and those before.
    pub(super) fn counters(&self) -> Vec<Counters> {
        self.earlier
            .iter()
            .chain([self.engine.counters()])
            .copied()
            .collect()
    }

    /// Whether every content is complete, or it was said why not.
    pub(super) fn is_settled(&self) -> bool {
        self.kept
            .values()
            .all(|kept| kept.have.is_full() || kept.failed || kept.starved > 0)
    }

    pub(super) fn number_accepted(&mut self) -> ConnId {
        self.accepted += 1;
        ConnId::accepted(self.accepted)
    }

    pub(super) fn is_dialling(&self, conn: ConnId) -> bool {
        self.watched
            .get(&conn)
            .is_some_and(|watch| !watch.connected)
    }

    pub(super) fn is_reading(&self, conn: ConnId) -> bool {
        self.reading.contains_key(&conn)
    }

    pub(super) fn corrupts(&self, piece: u32) -> bool {
        self.corrupt_one_in > 0 && piece.is_multiple_of(self.corrupt_one_in)
    }

    /// The body behind the head that comes next is right or wrong.
    pub(super) fn body_is(&mut self, conn: ConnId, good: bool) {
        self.reading.insert(conn, (Reading::Head, good));
    }

    pub(super) fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let missing_head = self.note_input(&input);
        self.engine
            .handle(now, input)
            .expect("nothing here is misuse");
        let outputs: Vec<Output> = std::iter::from_fn(|| self.engine.poll_output()).collect();
        for output in &outputs {
            self.note_output(output);
        }
        if let Some(conn) = missing_head {
            let answered = !matches!(self.reading.get(&conn), Some((Reading::Head, _)));
            assert!(answered, "a head with a body on {conn} was left unanswered");
        }
        self.check();
        outputs
    }

    /// Returns the connection on which a body has to be told where to go.
    fn note_input(&mut self, input: &Input) -> Option<ConnId> {
        match input {
            Input::Accepted { conn, .. } => {
                self.watched.insert(
                    *conn,
                    Watch {
                        connected: true,
                        ..Watch::default()
                    },
                );
            }
            Input::Connected { conn } => self.watched.get_mut(conn).unwrap().connected = true,
            Input::DialFailed { conn, .. }
            | Input::Closed { conn, .. }
            | Input::Malformed { conn, .. }
            | Input::SourceFailed { conn, .. } => self.forget(*conn),
            Input::BodySent { conn } => self.watched.get_mut(conn).unwrap().unsent -= 1,
            Input::Head { conn, head } => {
                let watch = self.watched.get_mut(conn).unwrap();
                match head {
                    Head::Choke => {
                        watch.open_to_us = false;
                        self.unask(*conn, |_| true);
                    }
                    Head::Unchoke => watch.open_to_us = true,
                    Head::Request(block) if watch.open_to_them => watch.asked_of_us.push(*block),
                    Head::Cancel(block) => {
                        if let Some(at) = watch.asked_of_us.iter().position(|b| b == block) {
                            watch.asked_of_us.remove(at);
                        }
                    }
                    _ => {}
                }
                if head.body_len() > 0 {
                    return Some(*conn);
                }
                self.reading.remove(conn);
            }
            Input::PieceDone {
                conn,
                content,
                piece,
                outcome,
            } => {
                assert!(self.verifying.remove(&(*conn, *content, *piece)));
                self.unask_piece(*conn, *content, *piece);
                let kept = self.kept.get_mut(content).unwrap();
                match outcome {
                    PieceOutcome::Good => {
                        kept.have.insert(*piece);
                    }
                    PieceOutcome::Bad | PieceOutcome::StoreFailed => {}
                }
            }
            _ => {}
        }
        None
    }

    fn note_output(&mut self, output: &Output) {
        match output {
            Output::Connect { conn, .. } => {
                self.watched.insert(*conn, Watch::default());
            }
            Output::SendHandshake { conn, content, .. } => {
                self.watched.get_mut(conn).unwrap().content = Some(*content);
            }
            Output::Send { conn, head, body } => self.note_sent(*conn, head, body.is_some()),
            Output::Receive { conn, range } => {
                let block = Block {
                    piece: range.piece,
                    offset: range.offset,
                    len: range.len,
                };
                let reading = self.reading.get_mut(conn).unwrap();
                assert!(
                    matches!(reading.0, Reading::Head),
                    "nothing to receive on {conn}"
                );
                reading.0 = Reading::Receive(block, range.content);
                let key = (*conn, range.content, range.piece);
                let (landed, _) = *self.incoming.entry(key).or_insert((0, true));
                assert_eq!(landed, range.offset, "blocks come in order");
            }
            Output::Discard { conn, .. } => {
                let reading = self.reading.get_mut(conn).unwrap();
                assert!(
                    matches!(reading.0, Reading::Head),
                    "nothing to discard on {conn}"
                );
                reading.0 = Reading::Discard;
            }
            Output::Abandon {
                conn,
                content,
                piece,
            } => {
                assert!(!self.verifying.contains(&(*conn, *content, *piece)));
                self.incoming
                    .remove(&(*conn, *content, *piece))
                    .expect("something had begun");
                self.unask_piece(*conn, *content, *piece);
            }
            Output::Close { conn, .. } => self.forget(*conn),
            Output::FetchOrigin { .. }
            | Output::KeepOrigin { .. }
            | Output::SkipOrigin { .. }
            | Output::CancelOrigin { .. } => {}
            Output::Event(event) => self.note_event(event),
        }
    }

    fn note_sent(&mut self, conn: ConnId, head: &Head, body: bool) {
        let watch = self
            .watched
            .get_mut(&conn)
            .expect("sent over a connection that is there");
        let content = watch.content.expect("the handshake went first");
        match head {
            Head::Unchoke => watch.open_to_them = true,
            Head::Choke => {
                watch.open_to_them = false;
                watch.asked_of_us.clear();
            }
            Head::Piece(block) => {
                assert!(body);
                let at = watch.asked_of_us.iter().position(|b| b == block);
                watch
                    .asked_of_us
                    .remove(at.expect("only what was asked for is sent"));
                watch.unsent += 1;
                assert!(watch.unsent <= self.config.max_unsent_bodies);
                let kept = &self.kept[&content];
                assert!(
                    kept.share && kept.have.contains(block.piece),
                    "sends what it lacks"
                );
            }
            Head::Request(block) => {
                assert!(watch.open_to_us, "asked while choked");
                let kept = &self.kept[&content];
                assert!(!kept.have.contains(block.piece), "asked for what is there");
                let on = self.asked.entry((content, block.piece)).or_default();
                on.insert(conn);
                // Later blocks belong to an attempt that was rightly begun.
                if on.len() > 1 && block.offset == 0 {
                    assert!(on.len() <= self.config.endgame_copies);
                    let missing = kept.layout.pieces() - kept.have.count();
                    let asked = self.asked.range((content, 0)..=(content, u32::MAX));
                    let asked = asked.filter(|((_, piece), _)| !kept.have.contains(*piece));
                    let asked = asked.count();
                    assert_eq!(missing as usize, asked, "asked twice outside the endgame");
                }
            }
            Head::Cancel(block) => self.unask_piece(conn, content, block.piece),
            _ => {}
        }
    }

    fn note_event(&mut self, event: &Event) {
        match event {
            Event::PeerLeft { remote, why, .. } => self.left.push((*remote, why.clone())),
            Event::Completed { content } => {
                let kept = self.kept.get_mut(content).unwrap();
                assert!(
                    kept.have.is_full() && !kept.completed,
                    "completed once, when it is"
                );
                kept.completed = true;
            }
            Event::Starved { content, missing } => {
                let kept = self.kept.get_mut(content).unwrap();
                assert_eq!(*missing, kept.layout.pieces() - kept.have.count());
                kept.starved += 1;
            }
            Event::Failed { content, .. } => self.kept.get_mut(content).unwrap().failed = true,
            Event::PeerJoined { .. }
            | Event::PieceStored { .. }
            | Event::PieceBad { .. }
            | Event::OriginFailed { .. }
            | Event::InternetUploadsEnded => {}
            Event::GaveUp { content, .. } => self.kept.get_mut(content).unwrap().failed = true,
        }
    }

    pub(super) fn body_done(&mut self, conn: ConnId, outcome: BodyOutcome) -> Option<Input> {
        let (reading, good) = self.reading.remove(&conn)?;
        let (Reading::Receive(block, content), BodyOutcome::Landed) = (reading, outcome) else {
            return None;
        };
        let key = (conn, content, block.piece);
        // It may have been abandoned meanwhile.
        let incoming = self.incoming.get_mut(&key)?;
        incoming.0 += block.len;
        incoming.1 &= good;
        let kept = &self.kept[&content];
        if Some(incoming.0) < kept.layout.piece_len(block.piece) {
            return None;
        }
        let (_, good) = self.incoming.remove(&key)?;
        self.verifying.insert(key);
        let outcome = match good {
            false => PieceOutcome::Bad,
            true if kept.unstorable == Some(block.piece) => PieceOutcome::StoreFailed,
            true => PieceOutcome::Good,
        };
        Some(Input::PieceDone {
            conn,
            content,
            piece: block.piece,
            outcome,
        })
    }

    fn forget(&mut self, conn: ConnId) {
        self.watched.remove(&conn);
        self.reading.remove(&conn);
        self.incoming.retain(|(of, ..), _| *of != conn);
        let verifying = self.verifying.clone();
        self.unask(conn, |(content, piece)| {
            !verifying.contains(&(conn, content, piece))
        });
    }

    fn unask(&mut self, conn: ConnId, which: impl Fn((ContentId, u32)) -> bool) {
        self.asked.retain(|&key, on| {
            if which(key) && !self.verifying.contains(&(conn, key.0, key.1)) {
                on.remove(&conn);
            }
            !on.is_empty()
        });
    }

    fn unask_piece(&mut self, conn: ConnId, content: ContentId, piece: u32) {
        if let Some(on) = self.asked.get_mut(&(content, piece)) {
            on.remove(&conn);
            if on.is_empty() {
                self.asked.remove(&(content, piece));
            }
        }
    }

    fn check(&mut self) {
        self.handled += 1;
        let held = self.incoming.keys().chain(&self.verifying);
        let held: u64 = held
            .map(|(_, content, piece)| {
                u64::from(self.kept[content].layout.piece_len(*piece).unwrap())
            })
            .sum();
        assert!(
            held <= self.engine.outstanding(),
            "more is held than the engine counts"
        );
        assert!(self.engine.outstanding() <= self.engine.config().max_outstanding);
        assert!(self.watched.len() <= self.config.max_connections);
        let mut open: BTreeMap<ContentId, usize> = BTreeMap::new();
        for watch in self.watched.values().filter(|watch| watch.open_to_them) {
            *open.entry(watch.content.unwrap()).or_default() += 1;
        }
        assert!(
            open.len() <= self.config.upload_contents,
            "too many contents are uploaded"
        );
        assert!(
            open.values()
                .all(|&peers| peers <= self.config.unchoked_per_content)
        );
        if self.handled.is_multiple_of(61) {
            self.check_deeply();
        }
    }

    fn check_deeply(&self) {
        self.engine.audit();
        for (content, kept) in &self.kept {
            if let Some(report) = self.engine.content(content) {
                assert_eq!(*report.have, kept.have, "what is there of {content}");
            }
        }
        for connection in self.engine.connections() {
            let outstanding = connection.outstanding_requests;
            assert!(outstanding <= self.config.max_requests_per_connection);
        }
    }
}

impl World {
    /// A device that is up from now on.
    pub(super) fn start(&mut self, index: usize) {
        // One that was down meanwhile has come up with its wishes.
        let fresh = self.honest(index).filter(|_| self.places[index].life == 0);
        let wishes = fresh.map(Device::wishes).unwrap_or_default();
        for wish in wishes {
            self.input(index, wish);
        }
    }
}

//! Thousands of downloads drawn from seeds, with sources and peers that fail in every way: each
//! ends, whole or with the reason, and every byte is accounted for.

use std::collections::{BTreeMap, BTreeSet};

use dolab_content::Layout;
use dolab_wire::swarm::{Block, Head};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    super::solo::{bits, hello, peer},
    *,
};
use crate::{BodyOutcome, DialFailure, Engine, Instant, Limits};

const PIECE: u32 = 1 << 18;

/// How a server answers a request.
#[derive(Clone, Copy, Debug)]
enum Server {
    Good,
    /// Answers with a failure.
    Fails(FetchFailure),
    /// Ends after some pieces.
    Cuts,
    /// Sends some pieces, and then nothing for ever: no one tells the engine.
    Hangs,
    /// Sends pieces with wrong hashes.
    Bad,
    /// Sends the whole only.
    Whole,
    /// Each request draws anew from the others.
    Moody,
}

const FAILURES: [FetchFailure; 14] = [
    FetchFailure::Name,
    FetchFailure::Connect,
    FetchFailure::TimedOut,
    FetchFailure::Forbidden,
    FetchFailure::Certificate,
    FetchFailure::Status(404),
    FetchFailure::Status(429),
    FetchFailure::Status(503),
    FetchFailure::OddSuccess(204),
    FetchFailure::BadRange,
    FetchFailure::Size,
    FetchFailure::WebPage,
    FetchFailure::NotHttp,
    FetchFailure::Stalled,
];

fn draw_server(rng: &mut ChaCha8Rng) -> Server {
    match rng.random_range(0..10) {
        0..4 => Server::Good,
        4 => Server::Fails(FAILURES[rng.random_range(0..FAILURES.len())]),
        5 => Server::Cuts,
        6 => Server::Hangs,
        7 => Server::Bad,
        8 => Server::Whole,
        _ => Server::Moody,
    }
}

/// What is to be told to the engine, by time and order.
type Future = BTreeMap<(Instant, u64), Happening>;

#[derive(Clone, Debug)]
enum Happening {
    Tell(Input),
    /// A request comes to its next piece.
    Piece(ConnId),
    /// A peer answers the oldest request that it has.
    Answer(ConnId),
}

/// A request as a driver has it.
struct Underway {
    server: Server,
    next: u32,
    end: u32,
    ranged: bool,
    skipped: BTreeSet<u32>,
    ends_after: u32,
}

struct Neighbour {
    kind: PeerType,
    wanted: Vec<Block>,
    /// Whether it is sending, or about to.
    busy: bool,
    bad: bool,
    bytes_per_second: u64,
}

struct Run {
    engine: Engine,
    rng: ChaCha8Rng,
    now: Instant,
    order: u64,
    future: Future,
    layout: Layout,
    rules: Rules,
    limits: Limits,
    caches: usize,
    servers: Vec<Server>,
    fetches: BTreeMap<ConnId, Underway>,
    peers: BTreeMap<ConnId, Neighbour>,
    /// What will come of the addresses that are dialled.
    addresses: BTreeMap<SocketAddr, bool>,
    /// Over which connection a piece is being received.
    receiving: BTreeMap<ConnId, u32>,
    /// What will have a wrong hash.
    bad: BTreeSet<(ConnId, u32)>,
    /// Bytes that were asked for where a cap binds, and when.
    bound: Vec<(Instant, u64)>,
    began: Instant,
    whole: bool,
    gave_up: Option<GiveUp>,
    stored: BTreeMap<PeerType, u64>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pieces: u32 = rng.random_range(1..40);
        let layout = Layout::new(u64::from(pieces) * u64::from(PIECE) - 1000, PIECE).unwrap();
        let maybe = |rng: &mut ChaCha8Rng, most: u64| {
            let seconds = rng.random_range(0..most);
            let at_all: bool = rng.random();
            Duration::from_secs(if at_all { seconds } else { 0 })
        };
        let rules = Rules {
            peers: rng.random_range(0..4) > 0,
            priority: Priority::Foreground,
            delay_http: maybe(&mut rng, 120),
            delay_cdn: maybe(&mut rng, 120),
            floor: [None, Some(1 << 16), Some(1 << 20)][rng.random_range(0..3)],
            hurry_when_starved: rng.random(),
            strangers: PeerType::Lan,
        };
        let limits = Limits {
            foreground: [None, None, Some(1 << 17), Some(1 << 20)][rng.random_range(0..4)],
            ..Limits::default()
        };
        let config = Config {
            max_fetches: rng.random_range(1..4),
            max_pieces_per_fetch: rng.random_range(1..10),
            endgame_copies: rng.random_range(1..4),
            max_outstanding: rng.random_range(1..20) << 20,
            ..Config::default()
        };
        let caches = rng.random_range(0..3);
        let origins = rng.random_range(1..3);
        let servers = (0..caches + origins)
            .map(|_| draw_server(&mut rng))
            .collect();
        Self {
            engine: Engine::new(config, peer(100), rng.random()),
            now: Instant(1_000_000_000),
            order: 0,
            future: Future::new(),
            layout,
            rules,
            limits,
            caches,
            servers,
            fetches: BTreeMap::new(),
            peers: BTreeMap::new(),
            addresses: BTreeMap::new(),
            receiving: BTreeMap::new(),
            bad: BTreeSet::new(),
            bound: Vec::new(),
            began: Instant(1_000_000_000),
            whole: false,
            gave_up: None,
            stored: BTreeMap::new(),
            rng,
        }
    }

    fn start(&mut self) {
        let (content, layout) = (content(1), self.layout);
        self.command(Command::Limits(self.limits.clone()));
        self.command(Command::Add {
            content,
            layout,
            have: PieceMap::empty(layout.pieces()),
            share: true,
        });
        let name = |n: usize| format!("host-{n}");
        let sources = (0..self.servers.len()).map(|n| {
            if n < self.caches {
                cache(&name(n), &name(self.caches))
            } else {
                origin(&name(n))
            }
        });
        self.command(Command::Sources {
            content,
            sources: sources.collect(),
            rules: self.rules.clone(),
        });
        for n in 0..self.rng.random_range(0..4) {
            let kinds = [PeerType::Lan, PeerType::Group, PeerType::Internet];
            let kind = kinds[self.rng.random_range(0..3)];
            let addr = addr(n + 1);
            let answers = self.rng.random();
            self.addresses.insert(addr, answers);
            let at = self.now + Duration::from_millis(self.rng.random_range(0..20_000));
            let candidate = Command::Candidate {
                content,
                addr,
                kind,
            };
            self.at(at, Happening::Tell(Input::Command(candidate)));
        }
    }

    fn command(&mut self, command: Command) {
        self.tell(Input::Command(command));
    }

    fn at(&mut self, at: Instant, happening: Happening) {
        self.future.insert((at, self.order), happening);
        self.order += 1;
    }

    fn after(&mut self, millis: u64, happening: Happening) {
        self.at(self.now + Duration::from_millis(millis), happening);
    }

    fn tell(&mut self, input: Input) {
        self.engine.handle(self.now, input).unwrap();
        while let Some(output) = self.engine.poll_output() {
            self.carry_out(output);
        }
        self.engine.audit();
        let wake = self.engine.poll_timeout();
        assert!(wake.is_none_or(|(at, _)| at > self.now), "it would spin");
        assert!(self.engine.outstanding() <= self.engine.config().max_outstanding);
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Connect { conn, addr } => {
                assert!(self.rules.peers, "peers are not to be asked");
                let input = if self.addresses[&addr] {
                    Input::Connected { conn }
                } else {
                    Input::DialFailed {
                        conn,
                        why: DialFailure::TimedOut,
                    }
                };
                self.after(50, Happening::Tell(input));
            }
            Output::SendHandshake { conn, .. } => self.greet(conn),
            Output::Send {
                conn,
                head: Head::Request(block),
                ..
            } => {
                let bound = self.peers.get_mut(&conn).map(|peer| {
                    peer.wanted.push(block);
                    let idle = !std::mem::replace(&mut peer.busy, true);
                    (peer.kind != PeerType::Lan, idle)
                });
                let (bound, idle) = bound.unwrap();
                if bound {
                    self.bound.push((self.now, block.len.into()));
                }
                if idle {
                    self.after(5, Happening::Answer(conn));
                }
            }
            Output::Send {
                conn,
                head: Head::Cancel(block),
                ..
            } => {
                // It may be on its way already.
                let late: bool = self.rng.random();
                if let Some(peer) = self.peers.get_mut(&conn).filter(|_| !late) {
                    peer.wanted.retain(|wanted| *wanted != block);
                }
            }
            Output::Receive { conn, range } => drop(self.receiving.insert(conn, range.piece)),
            Output::Abandon { conn, .. } => drop(self.receiving.remove(&conn)),
            Output::Close { conn, .. } => drop(self.peers.remove(&conn)),
            Output::FetchOrigin {
                fetch,
                source,
                pieces,
                ranged,
                ..
            } => self.ask(fetch, source, pieces, ranged),
            Output::KeepOrigin { fetch, .. } => {
                let len = self.len(self.fetches[&fetch].next);
                self.bound.push((self.now, len));
                self.go_on(fetch, true);
            }
            Output::SkipOrigin { fetch, piece } => {
                let underway = self.fetches.get_mut(&fetch).unwrap();
                underway.skipped.insert(piece);
                if !underway.ranged && underway.next == piece {
                    self.go_on(fetch, false);
                }
            }
            Output::CancelOrigin { fetch } => drop(self.fetches.remove(&fetch).unwrap()),
            Output::Event(event) => self.note(event),
            _ => {}
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::PieceStored { piece, kind, .. } => {
                *self.stored.entry(kind).or_default() += self.len(piece);
            }
            Event::Completed { .. } => self.whole = true,
            Event::GaveUp { why, .. } => self.gave_up = Some(why),
            _ => {}
        }
    }

    /// A peer that has everything shakes hands, and says so.
    fn greet(&mut self, conn: ConnId) {
        let report = self.engine.connection(conn).unwrap();
        let bad = self.rng.random_range(0..4) == 0;
        let neighbour = Neighbour {
            kind: report.kind,
            wanted: Vec::new(),
            busy: false,
            bad,
            bytes_per_second: 1 << self.rng.random_range(16..24),
        };
        self.peers.insert(conn, neighbour);
        let id = peer(report.remote.ip().to_string().bytes().last().unwrap());
        let mut hello = hello(content(1), id);
        hello.piece_size = PIECE.into();
        let map = PieceMap::full(self.layout.pieces());
        self.after(
            10,
            Happening::Tell(Input::Handshake {
                conn,
                handshake: hello,
            }),
        );
        for head in [bits(&map), Head::Unchoke] {
            self.after(20, Happening::Tell(Input::Head { conn, head }));
        }
        if self.rng.random_range(0..3) == 0 {
            let lives = self.rng.random_range(100..60_000);
            let end = Input::Closed { conn, reset: true };
            self.after(lives, Happening::Tell(end));
        }
    }

    fn ask(&mut self, fetch: ConnId, source: SourceId, pieces: Range<u32>, ranged: bool) {
        let kind = if usize::from(source.0) < self.caches {
            PeerType::Doinc
        } else {
            PeerType::Cdn
        };
        self.judge_delays(kind);
        let mut server = self.servers[usize::from(source.0)];
        while let Server::Moody = server {
            server = draw_server(&mut self.rng);
        }
        if ranged {
            let len: u64 = pieces.clone().map(|piece| self.len(piece)).sum();
            self.bound.push((self.now, len));
        }
        let underway = Underway {
            server,
            next: pieces.start,
            end: pieces.end,
            ranged,
            skipped: BTreeSet::new(),
            ends_after: self.rng.random_range(0..4),
        };
        self.fetches.insert(fetch, underway);
        let latency = self.rng.random_range(1..300);
        let input = match server {
            Server::Fails(why) => Some(Input::OriginFailed { fetch, why }),
            Server::Whole if ranged => Some(Input::OriginFailed {
                fetch,
                why: FetchFailure::NoRanges,
            }),
            _ => None,
        };
        match input {
            Some(input) => self.after(latency, Happening::Tell(input)),
            None => self.after(latency, Happening::Piece(fetch)),
        }
    }

    /// HTTP only after its delay, unless no peer can deliver; the origin behind the caches' delay.
    fn judge_delays(&self, kind: PeerType) {
        let waited = self.now.since(self.began);
        let mut least = Duration::ZERO;
        let alone = self.rules.hurry_when_starved && self.peers.is_empty();
        if self.rules.peers && !alone {
            least += self.rules.delay_http;
        }
        let hurried = self.rules.hurry_when_starved;
        if kind == PeerType::Cdn && self.caches > 0 && !hurried {
            least += self.rules.delay_cdn;
        }
        let earlier = hurried && waited >= self.engine.config().starved_after;
        assert!(waited >= least || earlier, "{kind} after {waited:?}");
    }

    fn len(&self, piece: u32) -> u64 {
        self.layout.piece_len(piece).unwrap().into()
    }

    /// A request comes to its next piece.
    fn piece(&mut self, fetch: ConnId) {
        let Some(underway) = self.fetches.get_mut(&fetch) else {
            return;
        };
        let piece = underway.next;
        if piece == underway.end {
            self.fetches.remove(&fetch);
            return self.tell(Input::OriginDone { fetch });
        }
        if underway.ends_after == 0 {
            match underway.server {
                Server::Cuts => {
                    let bytes = 1000;
                    self.tell(Input::OriginProgress { fetch, bytes });
                    self.fetches.remove(&fetch);
                    let why = FetchFailure::Broken;
                    return self.tell(Input::OriginFailed { fetch, why });
                }
                Server::Hangs => return,
                _ => {}
            }
        }
        underway.ends_after = underway.ends_after.saturating_sub(1);
        if !underway.ranged {
            return self.tell(Input::OriginReached { fetch, piece });
        }
        let keep = !underway.skipped.contains(&piece);
        self.go_on(fetch, keep);
    }

    /// The bytes of the next piece come.
    fn go_on(&mut self, fetch: ConnId, keep: bool) {
        let Some(underway) = self.fetches.get_mut(&fetch) else {
            return;
        };
        let piece = underway.next;
        underway.next += 1;
        let bad = matches!(underway.server, Server::Bad) && piece.is_multiple_of(2);
        let bytes = self.len(piece);
        let takes = self.rng.random_range(1..200);
        self.after(
            takes,
            Happening::Tell(Input::OriginProgress { fetch, bytes }),
        );
        if keep {
            if bad {
                self.bad.insert((fetch, piece));
            }
            self.after(takes, Happening::Tell(Input::OriginLanded { fetch, piece }));
        }
        self.after(takes, Happening::Piece(fetch));
    }

    /// A peer sends the oldest block that was asked of it.
    fn answer(&mut self, conn: ConnId) {
        let Some(neighbour) = self.peers.get_mut(&conn) else {
            return;
        };
        neighbour.busy = !neighbour.wanted.is_empty();
        if !neighbour.busy {
            return;
        }
        let block = neighbour.wanted.remove(0);
        let takes = 1 + u64::from(block.len) * 1000 / neighbour.bytes_per_second;
        let bad = neighbour.bad && block.piece.is_multiple_of(3);
        self.tell(Input::Head {
            conn,
            head: Head::Piece(block),
        });
        if bad {
            self.bad.insert((conn, block.piece));
        }
        let outcome = BodyOutcome::Landed;
        self.after(takes, Happening::Tell(Input::BodyDone { conn, outcome }));
        self.after(takes, Happening::Answer(conn));
    }

    /// A piece landed whole: it is hashed.
    fn verify(&mut self, conn: ConnId, piece: u32) {
        let outcome = if self.bad.remove(&(conn, piece)) {
            PieceOutcome::Bad
        } else {
            PieceOutcome::Good
        };
        let done = Input::PieceDone {
            conn,
            content: content(1),
            piece,
            outcome,
        };
        self.after(2, Happening::Tell(done));
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Piece(fetch) => self.piece(fetch),
            Happening::Answer(conn) => self.answer(conn),
            Happening::Tell(input) => {
                if self.is_due(&input) {
                    match input {
                        Input::OriginLanded { fetch, piece } => self.verify(fetch, piece),
                        Input::BodyDone { conn, .. } => {
                            if let Some(piece) = self.receiving.remove(&conn) {
                                self.verify(conn, piece);
                            }
                        }
                        _ => {}
                    }
                    self.tell(input);
                }
            }
        }
    }

    /// Whether a driver would still say this: not of what was closed or cancelled meanwhile.
    fn is_due(&mut self, input: &Input) -> bool {
        match input {
            Input::OriginProgress { fetch, .. } => self.fetches.contains_key(fetch),
            Input::OriginLanded { fetch, piece } => self
                .fetches
                .get(fetch)
                .is_some_and(|it| !it.skipped.contains(piece)),
            Input::OriginFailed { fetch, .. } => self.fetches.remove(fetch).is_some(),
            Input::Connected { conn } | Input::DialFailed { conn, .. } => {
                self.engine.connection(*conn).is_some()
            }
            Input::Handshake { conn, .. } | Input::Head { conn, .. } => {
                self.peers.contains_key(conn)
            }
            Input::BodyDone { conn, .. } => self.peers.contains_key(conn),
            Input::Closed { conn, .. } => self.peers.remove(conn).is_some(),
            _ => true,
        }
    }

    /// Runs to the end.
    fn run(&mut self) {
        self.start();
        for _ in 0..200_000 {
            let next = self.future.first_key_value().map(|(&(at, _), _)| at);
            let wake = self.engine.poll_timeout().map(|(at, _)| at);
            let over = self.whole || self.gave_up.is_some();
            match (next, wake) {
                (Some(at), wake) if wake.is_none_or(|wake| at <= wake) => {
                    self.now = self.now.max(at);
                    let (_, happening) = self.future.pop_first().unwrap();
                    self.happen(happening);
                }
                (_, Some(wake)) if !over => {
                    self.now = wake;
                    self.tell(Input::Timeout);
                }
                _ => return,
            }
        }
        panic!("it does not come to an end");
    }

    /// The cap was kept at every moment: what was asked for since any request is no more than the
    /// rate allows, with that request and one more ahead of it.
    fn judge_caps(&self) {
        let Some(rate) = self.limits.foreground else {
            return;
        };
        let largest = self.bound.iter().map(|&(_, len)| len).max().unwrap_or(0);
        let mut sum = 0;
        for &(at, len) in &self.bound {
            sum += len;
            let time = at.since(self.began).as_secs_f64();
            let allowed = time * rate as f64 + 2.0 * largest as f64;
            assert!(sum as f64 <= allowed, "{sum} asked for in {time} s");
        }
    }
}

#[test]
fn every_download_ends_and_every_byte_is_accounted_for() {
    let (mut whole, mut no_progress, mut refused) = (0, 0, 0);
    let mut kinds: BTreeMap<PeerType, u64> = BTreeMap::new();
    for seed in 0..3000 {
        let mut run = Run::new(seed);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.run()));
        assert!(outcome.is_ok(), "seed {seed}");
        let report = run.engine.content(&content(1)).unwrap();
        let traffic = *report.traffic;
        let have: u64 = report.have.iter().map(|piece| run.len(piece)).sum();
        assert_eq!(traffic.down.total(), have, "seed {seed}: what is there");
        for (kind, bytes) in traffic.down.iter() {
            let stored = run.stored.get(&kind).copied().unwrap_or(0);
            assert_eq!(bytes, stored, "seed {seed}: {kind}");
            *kinds.entry(kind).or_default() += bytes;
        }
        let counters = run.engine.counters();
        let came = counters.bytes_down + counters.discarded_bytes;
        let accounted = traffic.down.total() + traffic.wasted.total();
        assert_eq!(accounted, came, "seed {seed}: every byte once");
        run.judge_caps();
        match run.gave_up {
            None => {
                assert!(run.whole && report.have.is_full(), "seed {seed}");
                whole += 1;
            }
            Some(GiveUp::NoProgress) => no_progress += 1,
            Some(GiveUp::Source(_)) => refused += 1,
        }
        assert_eq!(run.engine.outstanding(), 0, "seed {seed}");
        assert!(
            run.fetches.is_empty(),
            "seed {seed}: something is under way"
        );
    }
    // The worlds were as good and as bad as they were meant to be.
    assert!(
        whole > 1000 && no_progress > 100 && refused > 50,
        "{whole} {no_progress} {refused}"
    );
    for kind in [
        PeerType::Lan,
        PeerType::Group,
        PeerType::Internet,
        PeerType::Cdn,
        PeerType::Doinc,
    ] {
        assert!(kinds[&kind] > 0, "nothing came from {kind}");
    }
}

#[test]
fn the_same_seed_gives_the_same_download() {
    for seed in 0..50 {
        let end = |seed| {
            let mut run = Run::new(seed);
            run.run();
            (run.now, run.stored, run.gave_up, *run.engine.counters())
        };
        assert_eq!(end(seed), end(seed), "seed {seed}");
    }
}

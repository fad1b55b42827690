//! One engine among many peers, and a driver of it that does nothing.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant as Clock},
};

use dolab_content::{ContentId, Layout, PieceMap};
use dolab_engine::{
    BodyOutcome, Command, Config, ConnId, Engine, Input, Instant, Output, PieceOutcome,
};
use dolab_wire::swarm::{Block, Handshake, Head, PeerId, SwarmHash};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CONTENT: ContentId = ContentId([7; 32]);

/// Nanoseconds that pass with each input.
const STEP: u64 = 10_000;

/// How many peers have each piece of those who have some.
enum Theirs {
    Nothing,
    Half,
}

pub(super) struct Crowd {
    engine: Engine,
    layout: Layout,
    now: u64,
    rng: ChaCha8Rng,
    maps: Vec<PieceMap>,
    /// What each peer was asked for.
    asked: VecDeque<(ConnId, Block)>,
    arrived: u64,
}

impl Crowd {
    /// This device has nothing, the others half of it.
    pub(super) fn curious(connections: usize, pieces: u32) -> Self {
        let have = PieceMap::empty(pieces);
        Self::new(connections, have, true, &Theirs::Half)
    }

    /// This device has everything, the others nothing, and each may ask.
    pub(super) fn generous(connections: usize, pieces: u32) -> Self {
        let mut crowd = Self::new(connections, PieceMap::full(pieces), true, &Theirs::Nothing);
        crowd.each(|_| Head::Interested);
        crowd
    }

    /// This device has nothing, the others half of it, and all of them may be asked.
    pub(super) fn hungry(connections: usize, pieces: u32) -> Self {
        let mut crowd = Self::curious(connections, pieces);
        crowd.each(|_| Head::Unchoke);
        crowd
    }

    /// The same, and it does not tell others what it gets.
    pub(super) fn silent(connections: usize, pieces: u32) -> Self {
        let have = PieceMap::empty(pieces);
        let mut crowd = Self::new(connections, have, false, &Theirs::Half);
        crowd.each(|_| Head::Unchoke);
        crowd
    }

    fn new(connections: usize, have: PieceMap, share: bool, theirs: &Theirs) -> Self {
        let pieces = have.pieces();
        let layout = super::layout(pieces);
        let config = Config {
            max_connections: connections + 1,
            unchoked_per_content: connections,
            ..Config::default()
        };
        let mut engine = Engine::new(config, PeerId::from_random([0; 16]), 1);
        let add = Command::Add {
            content: CONTENT,
            layout,
            have,
            share,
        };
        engine
            .handle(Instant(0), Input::Command(add))
            .expect("it is not there yet");
        let mut crowd = Self {
            engine,
            layout,
            now: 0,
            rng: ChaCha8Rng::seed_from_u64(1),
            maps: Vec::new(),
            asked: VecDeque::new(),
            arrived: 0,
        };
        for _ in 0..connections {
            let map = match theirs {
                Theirs::Nothing => PieceMap::empty(pieces),
                Theirs::Half => crowd.half(),
            };
            crowd.arrive(&map);
            crowd.maps.push(map);
        }
        crowd
    }

    fn half(&mut self) -> PieceMap {
        let pieces = self.layout.pieces();
        let mut map = PieceMap::empty(pieces);
        for piece in 0..pieces {
            if self.rng.random() {
                map.insert(piece);
            }
        }
        map
    }

    fn arrive(&mut self, map: &PieceMap) -> ConnId {
        let number = self.arrived;
        self.arrived += 1;
        let conn = ConnId::accepted(number);
        let address = Ipv4Addr::from_bits(0x0A00_0001 + (number % 0xFF_FFFF) as u32);
        let remote = SocketAddr::from((address, 40_000));
        let mut id = [1; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        let handshake = Handshake {
            piece_size: self.layout.piece_size().into(),
            swarm: SwarmHash(CONTENT.0),
            peer: PeerId::from_random(id),
        };
        let bits = map.as_bytes().to_vec().into();
        self.input(Input::Accepted { conn, remote });
        self.input(Input::Handshake { conn, handshake });
        self.head(conn, Head::Bitfield(bits));
        conn
    }

    fn each(&mut self, say: impl Fn(usize) -> Head) {
        for index in 0..self.maps.len() {
            self.head(ConnId::accepted(index as u64), say(index));
        }
    }

    /// Returns how many messages it was, with those that go out.
    fn head(&mut self, conn: ConnId, head: Head) -> u64 {
        1 + self.input(Input::Head { conn, head })
    }

    /// Hands an input to the engine, and remembers what it asks for. Returns how many messages go
    /// out.
    fn input(&mut self, input: Input) -> u64 {
        self.now += STEP;
        self.engine
            .handle(Instant(self.now), input)
            .expect("the driver keeps the rules");
        let mut sent = 0;
        while let Some(output) = self.engine.poll_output() {
            if let Output::Send { conn, head, .. } = output {
                sent += 1;
                if let Head::Request(block) = head {
                    self.asked.push_back((conn, block));
                }
            } else if let Output::Close { why, .. } = output {
                panic!("closed: {why}");
            }
        }
        sent
    }

    /// Peers get pieces that are missing here, until all have all.
    pub(super) fn haves(&mut self, most: u64) -> (u64, Duration) {
        let mut news = Vec::new();
        for (index, map) in self.maps.iter_mut().enumerate() {
            // Never the last ones: a peer that has everything is another case.
            let missing = (0..map.pieces() - 1).filter(|&piece| !map.contains(piece));
            let share = (most as usize).div_ceil(1 + index).clamp(1, 1_000);
            let some: Vec<u32> = missing.take(share).collect();
            for piece in some {
                map.insert(piece);
                news.push((ConnId::accepted(index as u64), piece));
            }
        }
        for at in (1..news.len()).rev() {
            let other = self.rng.random_range(0..=at);
            news.swap(at, other);
        }
        let mut said = 0;
        let began = Clock::now();
        for (conn, piece) in news {
            said += self.head(conn, Head::Have(piece));
        }
        (said, began.elapsed())
    }

    /// Peers ask for pieces, one after the other.
    pub(super) fn requests(&mut self, most: u64) -> (u64, Duration) {
        let pieces = self.layout.pieces();
        let wishes: Vec<_> = (0..most.div_ceil(2).min(100_000))
            .map(|_| {
                let who = self.rng.random_range(0..self.maps.len());
                let piece = self.rng.random_range(0..pieces);
                (ConnId::accepted(who as u64), piece)
            })
            .collect();
        let len = self.layout.piece_size();
        let mut said = 0;
        let began = Clock::now();
        for (conn, piece) in wishes {
            let block = Block {
                piece,
                offset: 0,
                len,
            };
            said += self.head(conn, Head::Request(block));
            self.input(Input::BodySent { conn });
        }
        (said, began.elapsed())
    }

    /// What was asked for comes, until nothing more is asked for.
    pub(super) fn pieces(&mut self, most: u64) -> (u64, Duration) {
        let mut said = 0;
        let began = Clock::now();
        while said < most {
            let Some((conn, block)) = self.asked.pop_front() else {
                break;
            };
            said += self.head(conn, Head::Piece(block));
            let outcome = BodyOutcome::Landed;
            said += self.input(Input::BodyDone { conn, outcome });
            said += self.input(Input::PieceDone {
                conn,
                content: CONTENT,
                piece: block.piece,
                outcome: PieceOutcome::Good,
            });
        }
        (said, began.elapsed())
    }

    /// Peers come and leave.
    pub(super) fn arrivals(&mut self, most: u64) -> (u64, Duration) {
        let maps: Vec<_> = (0..4).map(|_| self.half()).collect();
        let peers = most.min(1_000);
        let began = Clock::now();
        for peer in 0..peers {
            let conn = self.arrive(&maps[peer as usize % maps.len()]);
            let reset = false;
            self.input(Input::Closed { conn, reset });
        }
        (peers, began.elapsed())
    }
}

//! One engine, and a test that plays everybody else.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use dolab_content::{ContentId, Layout, PieceMap};
use dolab_wire::{
    PeerType,
    swarm::{Block, Handshake, Head, PeerId, SwarmHash},
};

use crate::{
    BodyOutcome, CloseReason, Command, Config, ConnId, Engine, Event, Input, Instant, Misuse,
    Output, PieceOutcome,
};

pub(super) const PIECE: u32 = 1 << 20;

pub(super) struct Solo {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    accepted: u64,
    /// Everything that came out since it was last taken.
    pub(super) out: Vec<Output>,
}

pub(super) fn content(n: u8) -> ContentId {
    ContentId([n; 32])
}

pub(super) fn layout(pieces: u32) -> Layout {
    // The last piece is shorter.
    Layout::new(u64::from(pieces) * u64::from(PIECE) - 1000, PIECE).unwrap()
}

pub(super) fn peer(n: u8) -> PeerId {
    PeerId::from_random([n; 16])
}

pub(super) fn addr(n: u8) -> SocketAddr {
    ([10, 0, 0, n], 7680).into()
}

pub(super) fn whole(piece: u32) -> Block {
    Block {
        piece,
        offset: 0,
        len: PIECE,
    }
}

pub(super) fn map(pieces: u32, have: &[u32]) -> PieceMap {
    let mut map = PieceMap::empty(pieces);
    have.iter().for_each(|&piece| assert!(map.insert(piece)));
    map
}

pub(super) fn bits(map: &PieceMap) -> Head {
    Head::Bitfield(Bytes::copy_from_slice(map.as_bytes()))
}

pub(super) fn hello(content: ContentId, peer: PeerId) -> Handshake {
    Handshake {
        piece_size: PIECE.into(),
        swarm: SwarmHash(content.0),
        peer,
    }
}

impl Solo {
    pub(super) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(super) fn with(config: Config) -> Self {
        Self {
            engine: Engine::new(config, peer(100), 7),
            now: Instant(1_000_000_000),
            accepted: 0,
            out: Vec::new(),
        }
    }

    /// One that has all of content 1, in so many pieces.
    pub(super) fn seed(pieces: u32) -> Self {
        let mut solo = Self::new();
        solo.add(1, PieceMap::full(pieces));
        solo
    }

    /// One that has nothing of content 1, in so many pieces.
    pub(super) fn leech(pieces: u32) -> Self {
        let mut solo = Self::new();
        solo.add(1, PieceMap::empty(pieces));
        solo
    }

    pub(super) fn add(&mut self, n: u8, have: PieceMap) {
        let layout = layout(have.pieces());
        self.command(Command::Add {
            content: content(n),
            layout,
            have,
            share: true,
        });
    }

    pub(super) fn try_input(&mut self, input: Input) -> Result<(), Misuse> {
        let taken = self.engine.handle(self.now, input);
        while let Some(output) = self.engine.poll_output() {
            self.out.push(output);
        }
        taken
    }

    pub(super) fn input(&mut self, input: Input) {
        self.try_input(input).unwrap();
    }

    pub(super) fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    pub(super) fn candidate(&mut self, n: u8, addr: SocketAddr) {
        self.command(Command::Candidate {
            content: content(n),
            addr,
            kind: PeerType::None,
        });
    }

    pub(super) fn says(&mut self, conn: ConnId, head: Head) {
        self.input(Input::Head { conn, head });
    }

    pub(super) fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }

    /// Lets time pass, waking the engine whenever it asks for it.
    pub(super) fn wait(&mut self, wait: Duration) {
        let until = self.now + wait;
        while let Some((at, _)) = self.engine.poll_timeout().filter(|&(at, _)| at <= until) {
            assert!(at >= self.now);
            self.now = at;
            self.input(Input::Timeout);
        }
        self.now = until;
    }

    pub(super) fn accept(&mut self, from: SocketAddr) -> ConnId {
        self.accepted += 1;
        let conn = ConnId::accepted(self.accepted);
        self.input(Input::Accepted { conn, remote: from });
        conn
    }

    /// A connection from peer `n` for content 1 that has these pieces. What it led to is dropped.
    pub(super) fn joined(&mut self, n: u8, have: &PieceMap) -> ConnId {
        self.joined_for(1, n, have)
    }

    pub(super) fn joined_for(&mut self, of: u8, n: u8, have: &PieceMap) -> ConnId {
        let conn = self.accept(addr(n));
        self.input(Input::Handshake {
            conn,
            handshake: hello(content(of), peer(n)),
        });
        self.says(conn, bits(have));
        self.take();
        conn
    }

    /// Lets a body come and its piece be hashed.
    pub(super) fn answers(&mut self, conn: ConnId, block: Block, outcome: PieceOutcome) {
        self.says(conn, Head::Piece(block));
        self.input(Input::BodyDone {
            conn,
            outcome: BodyOutcome::Landed,
        });
        let (content, piece) = (content(1), block.piece);
        self.input(Input::PieceDone {
            conn,
            content,
            piece,
            outcome,
        });
    }

    /// Requests that went out since outputs were last taken.
    pub(super) fn requests(&self, on: ConnId) -> Vec<Block> {
        let requests = self.sent(on).into_iter().filter_map(|head| match head {
            Head::Request(block) => Some(block),
            _ => None,
        });
        requests.collect()
    }

    pub(super) fn sent(&self, on: ConnId) -> Vec<Head> {
        let sent = self.out.iter().filter_map(|output| match output {
            Output::Send { conn, head, .. } if *conn == on => Some(head.clone()),
            _ => None,
        });
        sent.collect()
    }

    pub(super) fn has_sent(&self, on: ConnId, head: &Head) -> bool {
        self.sent(on).contains(head)
    }

    /// Why a connection was closed, if it was.
    pub(super) fn closed(&self, on: ConnId) -> Option<CloseReason> {
        self.out.iter().find_map(|output| match output {
            Output::Close { conn, why } if *conn == on => Some(why.clone()),
            _ => None,
        })
    }

    pub(super) fn events(&self) -> Vec<Event> {
        let events = self.out.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event.clone()),
            _ => None,
        });
        events.collect()
    }

    pub(super) fn dials(&self) -> Vec<(ConnId, SocketAddr)> {
        let dials = self.out.iter().filter_map(|output| match output {
            Output::Connect { conn, addr } => Some((*conn, *addr)),
            _ => None,
        });
        dials.collect()
    }
}

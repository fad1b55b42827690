//! Whatever peers say, the engine neither panics nor blames its caller.

use dolab_content::PieceMap;
use dolab_wire::{
    Malformed, PeerType,
    swarm::{Block, Handshake, Head, SwarmHash},
};
use proptest::prelude::*;

use super::{
    device::{Device, Kept},
    solo::{PIECE, addr, content, layout, map, peer},
};
use crate::{
    BodyOutcome, Command, Config, ConnId, DialFailure, Input, Instant, Output, RequestSize,
    SessionState,
};

/// Something that a peer does, or the world to it; the number says which connection.
#[derive(Clone, Debug)]
enum Act {
    Accept(u8),
    Candidate(u8),
    Connect(usize, bool),
    Greet(usize, Handshake),
    Say(usize, Head, bool),
    /// The body comes to its end, or the connection ends inside it.
    Body(usize, bool),
    Sent(usize),
    Verified,
    Malformed(usize),
    Close(usize, bool),
    Wait(u64),
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        // What is likely to be asked for, and anything at all.
        4 => (0..9_u32).prop_map(|piece| {
            Block { piece, offset: 0, len: layout(8).piece_len(piece).unwrap_or(PIECE) }
        }),
        2 => (0..9_u32, 0..4_u32).prop_map(|(piece, n)| {
            Block { piece, offset: n << 18, len: 1 << 18 }
        }),
        1 => (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(piece, offset, len)| {
            // The decoder lets no other through.
            Block { piece, offset: offset.min(u32::MAX - len.max(1)), len: len.max(1) }
        }),
    ]
}

fn head() -> impl Strategy<Value = Head> {
    prop_oneof![
        1 => Just(Head::KeepAlive),
        1 => Just(Head::Choke),
        3 => Just(Head::Unchoke),
        3 => Just(Head::Interested),
        1 => Just(Head::NotInterested),
        3 => (0..8_u32).prop_map(Head::Have),
        1 => any::<u32>().prop_map(Head::Have),
        3 => Just(Head::Bitfield(vec![0xFF].into())),
        1 => any::<u8>().prop_map(|bits| Head::Bitfield(vec![bits].into())),
        1 => proptest::collection::vec(any::<u8>(), 0..4).prop_map(|b| Head::Bitfield(b.into())),
        6 => block().prop_map(Head::Request),
        12 => block().prop_map(Head::Piece),
        2 => block().prop_map(Head::Cancel),
        1 => (any::<u8>(), any::<u32>()).prop_map(|(id, len)| Head::Opaque { id, len }),
    ]
}

fn handshake() -> impl Strategy<Value = Handshake> {
    let size = prop_oneof![9 => Just(u64::from(PIECE)), 1 => any::<u64>()];
    let swarm = prop_oneof![9 => Just(1), 1 => 0..3_u8];
    let peer_id = prop_oneof![9 => 1..6_u8, 1 => Just(100)];
    (size, swarm, peer_id).prop_map(|(piece_size, swarm, n)| Handshake {
        piece_size,
        swarm: SwarmHash([swarm; 32]),
        peer: peer(n),
    })
}

fn act() -> impl Strategy<Value = Act> {
    let conn = 0..4_usize;
    prop_oneof![
        2 => (1..5_u8).prop_map(Act::Accept),
        1 => (1..5_u8).prop_map(Act::Candidate),
        2 => (conn.clone(), any::<bool>()).prop_map(|(n, ok)| Act::Connect(n, ok)),
        6 => (conn.clone(), handshake()).prop_map(|(n, said)| Act::Greet(n, said)),
        40 => (conn.clone(), head(), any::<bool>()).prop_map(|(n, said, good)| {
            Act::Say(n, said, good)
        }),
        12 => (conn.clone(), 0..20).prop_map(|(n, short)| Act::Body(n, short > 0)),
        4 => conn.clone().prop_map(Act::Sent),
        6 => Just(Act::Verified),
        1 => conn.clone().prop_map(Act::Malformed),
        1 => (conn, any::<bool>()).prop_map(|(n, reset)| Act::Close(n, reset)),
        3 => (0..40_000_u64).prop_map(Act::Wait),
    ]
}

struct Stage {
    device: Device,
    now: Instant,
    conns: Vec<ConnId>,
    unsent: Vec<ConnId>,
    verdicts: Vec<Input>,
}

impl Stage {
    fn new(have: PieceMap, request_size: RequestSize) -> Self {
        let config = Config {
            request_size,
            max_requests_per_connection: 6,
            max_connections: 3,
            max_outstanding: 6 << 20,
            ..Config::default()
        };
        let mut device = Device::new(config, peer(100), 3);
        let kept = Kept {
            layout: layout(have.pieces()),
            completed: have.is_full(),
            have,
            share: true,
            candidates: Vec::new(),
            starved: 0,
            failed: false,
            unstorable: Some(3),
        };
        device.kept.insert(content(1), kept);
        let mut stage = Self {
            device,
            now: Instant(1),
            conns: Vec::new(),
            unsent: Vec::new(),
            verdicts: Vec::new(),
        };
        for wish in stage.device.wishes() {
            stage.input(wish);
        }
        stage
    }

    fn input(&mut self, input: Input) {
        for output in self.device.handle(self.now, input) {
            match output {
                Output::Connect { conn, .. } => self.conns.push(conn),
                Output::Send {
                    conn,
                    body: Some(_),
                    ..
                } => self.unsent.push(conn),
                _ => {}
            }
        }
    }

    /// One of the newest connections, when it is open and in one of these states.
    fn pick(&self, n: usize, states: &[SessionState]) -> Option<ConnId> {
        let conn = *self.conns.iter().rev().nth(n)?;
        let report = self.device.engine.connection(conn)?;
        states.contains(&report.state).then_some(conn)
    }

    fn act(&mut self, act: Act) {
        use SessionState::{Awaiting, Dialling, Exchanging, Greeting, Mapping};
        match act {
            Act::Accept(n) => {
                let conn = self.device.number_accepted();
                self.conns.push(conn);
                self.input(Input::Accepted {
                    conn,
                    remote: addr(n),
                });
            }
            Act::Candidate(n) => {
                let (content, addr) = (content(1), addr(n));
                self.input(Input::Command(Command::Candidate {
                    content,
                    addr,
                    kind: PeerType::None,
                }));
            }
            Act::Connect(n, ok) => {
                if let Some(conn) = self.pick(n, &[Dialling]) {
                    let why = DialFailure::Refused;
                    let failed = Input::DialFailed { conn, why };
                    self.input(if ok {
                        Input::Connected { conn }
                    } else {
                        failed
                    });
                }
            }
            Act::Greet(n, handshake) => {
                if let Some(conn) = self.pick(n, &[Greeting, Awaiting]) {
                    self.input(Input::Handshake { conn, handshake });
                }
            }
            Act::Say(n, head, good) => {
                if let Some(conn) = self.pick(n, &[Mapping, Exchanging])
                    && !self.device.is_reading(conn)
                {
                    self.device.body_is(conn, good);
                    self.input(Input::Head { conn, head });
                }
            }
            Act::Body(n, whole) => {
                if let Some(conn) = self.pick(n, &[Mapping, Exchanging])
                    && self.device.is_reading(conn)
                {
                    let outcome = if whole {
                        BodyOutcome::Landed
                    } else {
                        BodyOutcome::Short
                    };
                    self.verdicts.extend(self.device.body_done(conn, outcome));
                    self.input(Input::BodyDone { conn, outcome });
                    if !whole {
                        self.input(Input::Closed { conn, reset: true });
                    }
                }
            }
            Act::Sent(n) => {
                let Some(conn) = self.pick(n, &[Exchanging]) else {
                    return;
                };
                if let Some(at) = self.unsent.iter().position(|unsent| *unsent == conn) {
                    self.unsent.remove(at);
                    self.input(Input::BodySent { conn });
                }
            }
            Act::Verified => {
                if !self.verdicts.is_empty() {
                    let verdict = self.verdicts.remove(0);
                    self.input(verdict);
                }
            }
            Act::Malformed(n) => {
                if let Some(conn) = self.pick(n, &[Greeting, Awaiting, Mapping, Exchanging]) {
                    let error = Malformed::FrameTooLong { len: 9, max: 8 }.into();
                    self.input(Input::Malformed { conn, error });
                }
            }
            Act::Close(n, reset) => {
                if let Some(conn) = self.pick(n, &[Greeting, Awaiting, Mapping, Exchanging]) {
                    self.input(Input::Closed { conn, reset });
                }
            }
            Act::Wait(millis) => {
                self.now = self.now + std::time::Duration::from_millis(millis);
                self.input(Input::Timeout);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_peers_do_is_a_panic_or_misuse(
        have in prop_oneof![
            3 => Just(map(8, &[])),
            2 => Just(map(8, &[0, 1, 2])),
            1 => Just(PieceMap::full(8)),
        ],
        blocks in any::<bool>(),
        acts in proptest::collection::vec(act(), 1..200),
    ) {
        let size = if blocks { RequestSize::Blocks(1 << 18) } else { RequestSize::WholePieces };
        let mut stage = Stage::new(have, size);
        for act in acts {
            stage.act(act);
            stage.device.engine.audit();
        }
        // When everybody is gone, and everything is verified, nothing is held any more.
        while !stage.verdicts.is_empty() {
            stage.act(Act::Verified);
        }
        stage.input(Input::Command(Command::Stop));
        prop_assert_eq!(stage.device.engine.outstanding(), 0);
        prop_assert_eq!(stage.device.engine.poll_timeout(), None);
    }
}

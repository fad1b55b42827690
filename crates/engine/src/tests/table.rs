//! The states of a session and what leads from each to which, found by trying it out. The
//! snapshots are the table and a picture of it, for Graphviz.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use dolab_content::{PieceMap, PieceRange};
use dolab_wire::{
    Malformed,
    swarm::{Block, Handshake, Head, SwarmHash},
};

use super::solo::{PIECE, Solo, addr, bits, content, hello, map, peer, whole};
use crate::{
    CloseReason, Command, ConnId, DialFailure, Input, Misuse, PeerViolation, SessionState,
};

/// A session's state, and inside the exchange who may ask whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    session: SessionState,
    may_ask: bool,
    may_be_asked: bool,
}

impl State {
    const ALL: [Self; 8] = [
        Self::of(SessionState::Dialling, false, false),
        Self::of(SessionState::Greeting, false, false),
        Self::of(SessionState::Awaiting, false, false),
        Self::of(SessionState::Mapping, false, false),
        Self::of(SessionState::Exchanging, false, false),
        Self::of(SessionState::Exchanging, true, false),
        Self::of(SessionState::Exchanging, false, true),
        Self::of(SessionState::Exchanging, true, true),
    ];

    const fn of(session: SessionState, may_ask: bool, may_be_asked: bool) -> Self {
        Self {
            session,
            may_ask,
            may_be_asked,
        }
    }

    /// Brings a connection into this state: this device has the first two of nine pieces.
    fn enter(self) -> (Solo, ConnId) {
        let mut solo = Solo::new();
        solo.add(1, map(9, &[0, 1]));
        if matches!(
            self.session,
            SessionState::Dialling | SessionState::Greeting
        ) {
            solo.candidate(1, addr(1));
            let (conn, _) = solo.dials()[0];
            if self.session == SessionState::Greeting {
                solo.input(Input::Connected { conn });
            }
            return (solo, conn);
        }
        let conn = solo.accept(addr(1));
        if self.session == SessionState::Awaiting {
            return (solo, conn);
        }
        solo.input(Input::Handshake {
            conn,
            handshake: hello(content(1), peer(1)),
        });
        if self.session == SessionState::Mapping {
            return (solo, conn);
        }
        solo.says(conn, bits(&map(9, &[7, 8])));
        if self.may_ask {
            solo.says(conn, Head::Unchoke);
        }
        if self.may_be_asked {
            solo.says(conn, Head::Interested);
        }
        (solo, conn)
    }

    fn now(solo: &Solo, conn: ConnId) -> Option<Self> {
        let report = solo.engine.connection(conn)?;
        Some(Self::of(
            report.state,
            report.unchoked_by_peer,
            report.unchoked,
        ))
    }

    fn name(self) -> String {
        let allowed = match (self.may_ask, self.may_be_asked) {
            (false, false) => "",
            (true, false) => ", may ask",
            (false, true) => ", may be asked",
            (true, true) => ", may ask and be asked",
        };
        format!("{}{allowed}", self.session)
    }
}

/// What is tried in every state.
fn inputs(conn: ConnId) -> Vec<(&'static str, Input)> {
    let good = hello(content(1), peer(1));
    let handshake = |handshake| Input::Handshake { conn, handshake };
    let head = |head| Input::Head { conn, head };
    let range = PieceRange {
        content: content(1),
        piece: 0,
        offset: 0,
        len: PIECE,
    };
    let error = Malformed::FrameTooLong { len: 9, max: 8 }.into();
    let beyond = Block {
        piece: 9,
        offset: 0,
        len: 1,
    };
    vec![
        ("connected", Input::Connected { conn }),
        (
            "dial failed",
            Input::DialFailed {
                conn,
                why: DialFailure::Refused,
            },
        ),
        ("handshake", handshake(good)),
        (
            "handshake, other swarm",
            handshake(Handshake {
                swarm: SwarmHash([2; 32]),
                ..good
            }),
        ),
        (
            "handshake, other piece size",
            handshake(Handshake {
                piece_size: 1,
                ..good
            }),
        ),
        ("handshake, own id", handshake(hello(content(1), peer(100)))),
        ("keepalive", head(Head::KeepAlive)),
        ("bitfield", head(bits(&PieceMap::full(9)))),
        (
            "bitfield, wrong length",
            head(Head::Bitfield(vec![0].into())),
        ),
        ("have", head(Head::Have(5))),
        ("have, no such piece", head(Head::Have(9))),
        ("choke", head(Head::Choke)),
        ("unchoke", head(Head::Unchoke)),
        ("interested", head(Head::Interested)),
        ("not interested", head(Head::NotInterested)),
        ("request", head(Head::Request(whole(0)))),
        ("request, not offered", head(Head::Request(whole(2)))),
        ("request, no such bytes", head(Head::Request(beyond))),
        ("piece, asked for", head(Head::Piece(whole(7)))),
        ("piece, not asked for", head(Head::Piece(whole(2)))),
        ("cancel", head(Head::Cancel(whole(0)))),
        ("unknown message", head(Head::Opaque { id: 20, len: 3 })),
        ("source failed", Input::SourceFailed { conn, range }),
        ("malformed", Input::Malformed { conn, error }),
        ("closed", Input::Closed { conn, reset: false }),
        ("reset", Input::Closed { conn, reset: true }),
        (
            "remove content",
            Input::Command(Command::Remove {
                content: content(1),
            }),
        ),
        ("stop", Input::Command(Command::Stop)),
    ]
}

/// Where an input leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    To(State),
    End(&'static str, String),
    Misuse,
}

fn step(from: State, name: &str) -> Step {
    let (mut solo, conn) = from.enter();
    assert_eq!(State::now(&solo, conn), Some(from));
    solo.take();
    if name == "silence" {
        solo.wait(Duration::from_secs(3600));
    } else {
        let (_, input) = inputs(conn).into_iter().find(|(n, _)| *n == name).unwrap();
        match solo.try_input(input) {
            Ok(()) => {}
            Err(Misuse::OutOfTurn { .. }) => return Step::Misuse,
            Err(other) => panic!("{other}"),
        }
    }
    match State::now(&solo, conn) {
        Some(state) => Step::To(state),
        None => {
            let why = solo.events().into_iter().find_map(|event| match event {
                crate::Event::PeerLeft {
                    conn: left, why, ..
                } if left == conn => Some(why),
                _ => None,
            });
            let why = why.expect("the end of a connection is told");
            Step::End(blame(&why), in_short(&why))
        }
    }
}

fn blame(why: &CloseReason) -> &'static str {
    match why {
        CloseReason::Violation(PeerViolation::WrongSwarm(_)) => "ended, wrong swarm",
        CloseReason::Violation(_) => "ended, violation",
        CloseReason::Wire(_) => "ended, malformed",
        CloseReason::TimedOut(_) | CloseReason::DialFailed(_) => "ended, in vain",
        _ => "ended",
    }
}

/// Without what other crates say in their errors.
fn in_short(why: &CloseReason) -> String {
    let variant = |debug: String| {
        debug
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .map(str::to_owned)
            .unwrap_or_default()
    };
    match why {
        CloseReason::Violation(violation) => variant(format!("{violation:?}")),
        CloseReason::TimedOut(reason) => format!("TimedOut {reason:?}"),
        other => variant(format!("{other:?}")),
    }
}

fn table() -> Vec<(State, Vec<(&'static str, Step)>)> {
    let mut names: Vec<_> = inputs(ConnId::accepted(0))
        .into_iter()
        .map(|(n, _)| n)
        .collect();
    names.push("silence");
    let row = |from| names.iter().map(|&name| (name, step(from, name))).collect();
    State::ALL
        .into_iter()
        .map(|from| (from, row(from)))
        .collect()
}

#[test]
fn the_table_of_transitions_is_as_it_was() {
    let mut text = String::new();
    for (from, row) in table() {
        writeln!(text, "{}", from.name()).unwrap();
        for (input, step) in row {
            match step {
                Step::Misuse => {}
                Step::To(state) if state == from => writeln!(text, "  {input:28} =").unwrap(),
                Step::To(state) => writeln!(text, "  {input:28} -> {}", state.name()).unwrap(),
                Step::End(_, why) => writeln!(text, "  {input:28} -> ended: {why}").unwrap(),
            }
        }
        text.push('\n');
    }
    insta::assert_snapshot!("transitions", text);
}

#[test]
fn the_picture_of_transitions_is_as_it_was() {
    let mut edges: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for (from, row) in table() {
        for (input, step) in row {
            let to = match step {
                Step::Misuse => continue,
                Step::To(state) if state == from => continue,
                Step::To(state) => state.name(),
                Step::End(kind, _) => kind.to_owned(),
            };
            edges.entry((from.name(), to)).or_default().insert(input);
        }
    }
    let mut dot = String::from("digraph session {\n  rankdir=LR; node [shape=box];\n");
    for ((from, to), inputs) in edges {
        let inputs: Vec<&str> = inputs.into_iter().collect();
        writeln!(
            dot,
            "  \"{from}\" -> \"{to}\" [label=\"{}\"];",
            inputs.join("\\n")
        )
        .unwrap();
    }
    dot.push_str("}\n");
    insta::assert_snapshot!("transitions_dot", dot);
}

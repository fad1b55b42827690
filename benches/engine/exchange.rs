//! Two engines with nothing between them.

use std::collections::VecDeque;

use dolab_content::{ContentId, Layout, PieceMap};
use dolab_engine::{
    BodyOutcome, Command, Config, ConnId, Engine, Event, Input, Instant, Output, PieceOutcome,
};
use dolab_wire::{PeerType, swarm::PeerId};

/// Nanoseconds that pass with each input: a 1 MiB piece takes about 0.1 ms at 10 Gbit/s.
const STEP: u64 = 10_000;

/// Moves a content from one to the other, and returns the last moment.
pub(super) fn exchange(layout: Layout) -> u64 {
    let content = ContentId([7; 32]);
    let mut engines =
        [1, 2].map(|n| Engine::new(Config::default(), PeerId::from_random([n; 16]), n.into()));
    let addr = "192.0.2.1:7680".parse().expect("a literal address");
    let add = |have| Command::Add {
        content,
        layout,
        have,
        share: true,
    };
    let mut inputs = VecDeque::from([
        (0, Input::Command(add(PieceMap::full(layout.pieces())))),
        (1, Input::Command(add(PieceMap::empty(layout.pieces())))),
        (
            1,
            Input::Command(Command::Candidate {
                content,
                addr,
                kind: PeerType::Lan,
            }),
        ),
    ]);
    let mut ends = [ConnId::accepted(0); 2];
    let mut now = 0;
    while let Some((who, input)) = inputs.pop_front() {
        now += STEP;
        engines[who]
            .handle(Instant(now), input)
            .expect("the driver keeps the rules");
        let other = 1 - who;
        while let Some(output) = engines[who].poll_output() {
            let far = ends[other];
            if let Output::Connect { conn, addr: remote } = output {
                ends[who] = conn;
                inputs.push_back((other, Input::Accepted { conn: far, remote }));
                inputs.push_back((who, Input::Connected { conn }));
            } else if let Output::SendHandshake { handshake, .. } = output {
                inputs.push_back((
                    other,
                    Input::Handshake {
                        conn: far,
                        handshake,
                    },
                ));
            } else if let Output::Send { conn, head, body } = output {
                if body.is_some() {
                    inputs.push_back((who, Input::BodySent { conn }));
                }
                inputs.push_back((other, Input::Head { conn: far, head }));
            } else if let Output::Receive { conn, range } = output {
                // Before anything else that comes over this connection, as a driver has it.
                let piece = range.piece;
                let outcome = PieceOutcome::Good;
                inputs.push_front((
                    who,
                    Input::PieceDone {
                        conn,
                        content,
                        piece,
                        outcome,
                    },
                ));
                let outcome = BodyOutcome::Landed;
                inputs.push_front((who, Input::BodyDone { conn, outcome }));
            } else if let Output::Event(Event::Completed { .. }) = output {
                return now;
            }
        }
    }
    panic!("the exchange came to a halt");
}

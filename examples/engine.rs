//! Two engines exchange a content on a virtual clock: no socket, no file, no byte of a piece.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{collections::BTreeMap, time::Duration};

use dolab_content::{ContentId, Layout, PieceMap};
use dolab_engine::{BodyOutcome, Command, Config, ConnId, Engine, Event, Input, Output};
use dolab_engine::{Instant, PieceOutcome::Good};
use dolab_wire::{PeerType, swarm::PeerId};

const LATENCY: Duration = Duration::from_millis(5);
const NANOS_PER_BYTE: u64 = 80;

/// What happens to whom, by time and then in the order in which it was caused.
type Future = BTreeMap<(Instant, usize), (usize, Input)>;

fn main() -> anyhow::Result<()> {
    let (content, layout) = (ContentId([7; 32]), Layout::new(100 << 20, 1 << 20)?);
    let id = |n| PeerId::from_random([n; 16]);
    let mut engines = [1, 2].map(|n| Engine::new(Config::default(), id(n), n.into()));
    #[rustfmt::skip]
    let add = |have| Command::Add { content, layout, have, share: true };
    let addr = "192.0.2.1:7680".parse()?;
    let (all, none) = (
        PieceMap::full(layout.pieces()),
        PieceMap::empty(layout.pieces()),
    );
    let kind = PeerType::Lan;
    let candidate = Command::Candidate {
        content,
        addr,
        kind,
    };
    let mut future = Future::new();
    for (n, (who, command)) in [(0, add(all)), (1, add(none)), (1, candidate)]
        .into_iter()
        .enumerate()
    {
        future.insert((Instant(0), n), (who, Input::Command(command)));
    }
    // What each calls their connection, and when its link is free again.
    let mut ends = [ConnId::accepted(0); 2];
    let mut free = [Instant(0); 2];
    let mut causes = 3;
    // Nothing takes so long here that a timeout of an engine would come first.
    while let Some(((now, _), (who, input))) = future.pop_first() {
        engines[who].handle(now, input)?;
        let mut then = |at: Instant, who: usize, input: Input| {
            causes += 1;
            future.insert((at, causes), (who, input));
        };
        let (other, arrival) = (1 - who, now + LATENCY);
        while let Some(output) = engines[who].poll_output() {
            let far = ends[other];
            if let Output::Connect { conn, addr: remote } = output {
                ends[who] = conn;
                then(arrival, other, Input::Accepted { conn: far, remote });
                then(arrival, who, Input::Connected { conn });
            } else if let Output::SendHandshake { handshake, .. } = output {
                let conn = far;
                then(arrival, other, Input::Handshake { conn, handshake });
            } else if let Output::Send { conn, head, body } = output {
                let bytes = body.map_or(0, |body| u64::from(body.len));
                free[who] = free[who].max(now) + Duration::from_nanos(bytes * NANOS_PER_BYTE);
                if body.is_some() {
                    then(free[who], who, Input::BodySent { conn });
                }
                then(free[who] + LATENCY, other, Input::Head { conn: far, head });
            } else if let Output::Receive { conn, range } = output {
                let outcome = BodyOutcome::Landed;
                then(now, who, Input::BodyDone { conn, outcome });
                // Whole pieces are asked for, so that each body ends one. Its hash is good.
                #[rustfmt::skip]
                then(now, who, Input::PieceDone { conn, content, piece: range.piece, outcome: Good });
            } else if let Output::Event(Event::Completed { .. }) = output {
                let counters = engines[who].counters();
                println!("whole after {now} virtual seconds: {counters:#?}");
                return Ok(());
            }
        }
    }
    anyhow::bail!("the leecher did not complete")
}

//! What the engine costs, per message and per piece, as connections and pieces grow.
//!
//! "exchange" is a whole transfer between two engines with nothing between them. The others drive
//! one engine that has so many connections, and time nothing but its own work:
//!
//! - "have": a peer got a piece that is missing here, so its rarity changes;
//! - "request": a peer asks for a piece and has it sent;
//! - "piece": a piece comes, is verified and kept, another is picked and asked for, and all peers
//!   are told (which is a message to each of them, and counted as such);
//! - "alone": the same, with nobody to be told;
//! - "arrival": a peer comes with a bitfield that has half of the pieces, and leaves again.
//!
//! The time stands for one message that comes in or goes out; for "arrival", for one peer.

mod crowd;
mod exchange;

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use dolab_content::Layout;
use dolab_wire::swarm::PIECE_SIZE;

use crowd::Crowd;

const CONNECTIONS: [usize; 4] = [1, 10, 100, 1_000];
const PIECES: [u32; 2] = [100, 10_000];

/// Makes a crowd of so many connections that exchange so many pieces.
type Make = fn(usize, u32) -> Crowd;

/// Messages of one kind: how many at least, and the time that they took.
type Messages = fn(&mut Crowd, u64) -> (u64, Duration);

fn layout(pieces: u32) -> Layout {
    let length = u64::from(pieces) * u64::from(PIECE_SIZE);
    Layout::new(length, PIECE_SIZE).expect("the sizes are in range")
}

fn whole_transfers(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine/exchange");
    for pieces in PIECES {
        group.throughput(Throughput::Elements(pieces.into()));
        group.bench_function(format!("{pieces} pieces"), |b| {
            b.iter(|| exchange::exchange(layout(pieces)));
        });
    }
    group.finish();
}

fn single_messages(c: &mut Criterion) {
    let kinds: [(&str, Make, Messages); 5] = [
        ("have", Crowd::curious, Crowd::haves),
        ("request", Crowd::generous, Crowd::requests),
        ("piece", Crowd::hungry, Crowd::pieces),
        ("alone", Crowd::silent, Crowd::pieces),
        ("arrival", Crowd::curious, Crowd::arrivals),
    ];
    for (name, make, messages) in kinds {
        let mut group = c.benchmark_group(format!("engine/{name}"));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1));
        for connections in CONNECTIONS {
            for pieces in PIECES {
                measure(&mut group, connections, pieces, make, messages);
            }
        }
        group.finish();
    }
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    connections: usize,
    pieces: u32,
    make: fn(usize, u32) -> Crowd,
    messages: Messages,
) {
    let name = format!("{connections} connections, {pieces} pieces");
    let mut crowd = make(connections, pieces);
    group.bench_function(name, |b| {
        b.iter_custom(|iterations| {
            let (mut done, mut took) = (0, Duration::ZERO);
            while done < iterations {
                let (more, time) = messages(&mut crowd, iterations - done);
                done += more;
                took += time;
                if more == 0 {
                    // Nothing is left to be said.
                    crowd = make(connections, pieces);
                }
            }
            took.mul_f64(iterations as f64 / done as f64)
        });
    });
}

criterion_group!(engine, whole_transfers, single_messages);
criterion_main!(engine);

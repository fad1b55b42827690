//! What the directory costs as registrations grow from a thousand to a million: time for a join, for
//! a new registration, for one that ends, and memory.
//!
//! ```text
//! cargo bench -p dolab-benches --bench directory
//! cargo bench -p dolab-benches --bench directory -- memory      the memory alone
//! ```
//!
//! - "renew": a device joins again and is offered so many others;
//! - "come and go": a device joins, is offered 50 others, and leaves;
//! - "end": a registration ends because nobody renewed it.
//!
//! The time stands for one of each.

mod crowd;
mod memory;

use std::{hint::black_box, time::Instant};

use criterion::{BenchmarkId, Criterion};
use dolab_directory::Config;

use crowd::{Crowd, Kind};

const COUNTS: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if memory::inside(&arguments) {
        return;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        return dolab_tests::note("directory: measures under `cargo bench` only");
    }
    let is_alone = arguments.iter().any(|argument| argument == "memory");
    if is_alone || arguments.len() == 1 {
        memory::table(&COUNTS);
    }
    if is_alone {
        return;
    }
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    joins(&mut criterion);
    ends(&mut criterion);
    criterion.final_summary();
}

fn joins(criterion: &mut Criterion) {
    for count in COUNTS {
        let mut crowd = Crowd::new(Kind::Sites, count);
        for wanted in [0, 50, 255] {
            let mut group = criterion.benchmark_group(format!("directory/renew, {wanted} wanted"));
            group.bench_function(BenchmarkId::from_parameter(count), |bench| {
                bench.iter(|| black_box(crowd.renew(wanted)));
            });
        }
        let mut group = criterion.benchmark_group("directory/come and go");
        group.bench_function(BenchmarkId::from_parameter(count), |bench| {
            bench.iter(|| black_box(crowd.come_and_go()));
        });
    }
}

fn ends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("directory/end");
    group.sample_size(10);
    for count in COUNTS {
        let full = Crowd::new(Kind::Sites, count).directory;
        let after =
            full.poll_timeout().expect("somebody is registered") + Config::default().lifetime;
        group.bench_function(BenchmarkId::from_parameter(count), |bench| {
            bench.iter_custom(|times| {
                let mut ended = 0;
                let mut taken = std::time::Duration::ZERO;
                while ended < times {
                    let mut directory = full.clone();
                    let began = Instant::now();
                    ended += directory.expire(after) as u64;
                    taken += began.elapsed();
                }
                taken.mul_f64(times as f64 / ended as f64)
            });
        });
    }
}

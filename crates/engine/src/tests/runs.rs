//! Thousands of worlds.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use dolab_content::{Layout, PieceMap};

use super::{
    device::{Device, Kept},
    scene::{Plan, Scene},
    solo::{content, peer},
    world::{Brain, World},
};
use crate::{Config, Instant};

fn run(plan: Plan) -> Scene {
    let _named = Named(plan);
    let mut scene = Scene::new(plan);
    scene.run();
    scene.judge();
    scene
}

/// Runs worlds, and makes sure that they were as bad as they were meant to be.
fn run_troubled(seeds: Range<u64>, reliable: bool) {
    let mut total = Total::default();
    for seed in seeds {
        let scene = run(Plan {
            seed,
            devices: devices(seed),
            reliable,
            trouble: true,
        });
        total.add(&scene);
    }
    total.assert_eventful();
}

#[derive(Debug, Default)]
struct Total {
    ends: BTreeMap<String, u64>,
    bad_pieces: u64,
    bans: u64,
    discarded_bytes: u64,
    crossed_requests: u64,
    stale_inputs: u64,
    starved: u64,
    failed: u64,
}

impl Total {
    fn add(&mut self, scene: &Scene) {
        let devices = (0..scene.plan.devices).filter_map(|index| scene.world.honest(index));
        for device in devices {
            for (_, why) in &device.left {
                // What is in the brackets differs from case to case.
                let name = format!("{why:?}");
                let name = name.split(['{', '(']).next().unwrap_or_default().trim();
                *self.ends.entry(name.to_owned()).or_default() += 1;
            }
            for counters in device.counters() {
                self.bad_pieces += counters.bad_pieces;
                self.bans += counters.bans;
                self.discarded_bytes += counters.discarded_bytes;
                self.crossed_requests += counters.crossed_requests;
                self.stale_inputs += counters.stale_inputs;
            }
            for kept in device.kept.values() {
                self.starved += u64::from(kept.starved);
                self.failed += u64::from(kept.failed);
            }
        }
    }

    fn assert_eventful(&self) {
        let ends = [
            "Banned",
            "Closed",
            "DialFailed",
            "Duplicate",
            "NothingToDo",
            "PieceSize",
            "Reset",
            "SelfConnection",
            "TimedOut",
            "UnknownSwarm",
            "Violation",
        ];
        for end in ends {
            assert!(
                self.ends.contains_key(end),
                "no connection ended with {end}: {self:#?}"
            );
        }
        let counts = [
            self.bad_pieces,
            self.bans,
            self.discarded_bytes,
            self.crossed_requests,
            self.starved,
            self.failed,
        ];
        assert!(
            counts.iter().all(|&count| count > 0),
            "something never happened: {self:#?}"
        );
    }
}

/// Says which world it was that failed.
struct Named(Plan);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the world of {:?}", self.0);
        }
    }
}

fn devices(seed: u64) -> usize {
    2 + (seed % 7) as usize
}

#[test]
fn everybody_completes_from_a_reliable_seed() {
    for seed in 0..1500 {
        run(Plan {
            seed,
            devices: devices(seed),
            reliable: true,
            trouble: false,
        });
    }
}

#[test]
fn everybody_completes_through_losses_rogues_and_churn() {
    run_troubled(2000..4000, true);
}

#[test]
fn everybody_completes_or_says_why() {
    run_troubled(4000..6000, false);
}

#[test]
fn fifty_devices_complete() {
    for seed in 6000..6010 {
        run(Plan {
            seed,
            devices: 50,
            reliable: true,
            trouble: seed % 2 == 0,
        });
    }
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let log = |seed| {
        let plan = Plan {
            seed,
            devices: 6,
            reliable: true,
            trouble: true,
        };
        let mut scene = Scene::new(plan);
        scene.world.keep_log = true;
        scene.run();
        scene.world.log
    };
    for seed in 7000..7010 {
        let first = log(seed);
        assert!(first.lines().count() > 100);
        assert!(first == log(seed), "seed {seed} gave two logs");
        assert!(first != log(seed + 1), "seeds make a difference");
    }
}

/// One seed and one other on a link of 100 MiB/s with a round trip of 200 ms.
#[test]
fn a_long_fat_pipe_is_filled() {
    let pieces = 1000;
    let layout = Layout::new(u64::from(pieces) << 20, 1 << 20).unwrap();
    let mut world = World::new(1);
    world.latency = Duration::from_millis(100);
    for index in 0..2 {
        let config = Config {
            max_outstanding: 256 << 20,
            max_outstanding_per_connection: 128 << 20,
            ..Config::default()
        };
        let mut device = Device::new(config, peer(index as u8 + 1), 1);
        let have = if index == 0 {
            PieceMap::full(pieces)
        } else {
            PieceMap::empty(pieces)
        };
        let kept = Kept {
            layout,
            completed: have.is_full(),
            have,
            share: true,
            candidates: if index == 0 {
                vec![]
            } else {
                vec![World::address(0)]
            },
            starved: 0,
            failed: false,
            unstorable: None,
        };
        device.kept.insert(content(1), kept);
        let index = world.place(Brain::Honest(Box::new(device)), 100 << 20);
        world.start(index);
    }
    while !world.honest(1).unwrap().kept[&content(1)].completed {
        assert!(world.step());
    }
    let took = world.now.since(Instant::default()).as_secs_f64();
    assert!(took < 12.5, "ten seconds of data took {took}");
}

//! Thousands of worlds.

use super::scene::{Plan, Scene};

fn run(plan: Plan) -> Scene {
    let mut scene = Scene::new(plan);
    scene.run();
    scene.judge();
    scene
}

fn devices(seed: u64) -> usize {
    2 + (seed % 7) as usize
}

#[test]
fn everybody_completes_from_a_reliable_seed() {
    for seed in 0..600 {
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
    for seed in 1000..1800 {
        run(Plan {
            seed,
            devices: devices(seed),
            reliable: true,
            trouble: true,
        });
    }
}

#[test]
fn everybody_completes_or_says_why() {
    for seed in 2000..2800 {
        run(Plan {
            seed,
            devices: devices(seed),
            reliable: false,
            trouble: true,
        });
    }
}

#[test]
fn fifty_devices_complete() {
    for seed in 3000..3006 {
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
    for seed in 4000..4010 {
        let first = log(seed);
        assert!(first.lines().count() > 100);
        assert!(first == log(seed), "seed {seed} gave two logs");
        assert!(first != log(seed + 1), "seeds make a difference");
    }
}

//! A world drawn from a seed: who has what, who is bad, and what goes wrong.

use std::{collections::BTreeMap, time::Duration};

use dolab_content::{ContentId, Layout, PieceMap};
use dolab_wire::swarm::PeerId;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    device::{Device, Kept},
    rogue::{Rogue, VICES},
    world::{Brain, Happening, World},
};
use crate::{CloseReason, Config, Instant, RequestSize};

/// What a world is drawn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) devices: usize,
    /// Whether one honest seed of every content stays up, so that everybody has to complete.
    pub(super) reliable: bool,
    /// Whether links break, devices come and go, and rogues take part.
    pub(super) trouble: bool,
}

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) plan: Plan,
}

const MIB: u64 = 1 << 20;

impl Scene {
    pub(super) fn new(plan: Plan) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        let mut world = World::new(plan.seed);
        world.latency =
            Duration::from_micros([200, 1_000, 20_000, 150_000][rng.random_range(0..4)]);
        let contents = contents(&mut rng);
        for index in 0..plan.devices {
            let device = draw_device(&mut rng, plan, index, &contents);
            // At the slowest, a piece takes longer than a request may make no progress.
            let slow = rng.random_range(0..40) == 0;
            let rate = if slow {
                MIB / 32
            } else {
                MIB << (3 * rng.random_range(0..4))
            };
            world.place(Brain::Honest(Box::new(device)), rate);
        }
        if plan.trouble {
            trouble(&mut rng, plan, &mut world, &contents);
        }
        let everyone = world.places.len();
        for index in 0..plan.devices {
            let start = Instant(rng.random_range(0..3_000_000_000));
            introduce(&mut rng, plan, &mut world, index, everyone);
            world.at(start, Happening::Start { device: index });
        }
        Self { world, plan }
    }

    /// Runs until everybody is complete or has said why not.
    pub(super) fn run(&mut self) {
        let deadline = Instant::default() + Duration::from_secs(6 * 3600);
        let mut checked = 0;
        while self.world.now < deadline {
            if !self.world.step() {
                break;
            }
            // Not at each step, because it looks at everybody.
            checked += 1;
            if checked % 64 == 0 && self.is_over() {
                return;
            }
            assert!(
                self.world.steps < 3_000_000,
                "{:?} does not come to an end",
                self.plan
            );
        }
    }

    fn is_over(&self) -> bool {
        let devices = (0..self.plan.devices).map(|index| &self.world.places[index].brain);
        let mut over = devices.map(|brain| match brain {
            Brain::Honest(device) if self.plan.reliable => device
                .kept
                .values()
                .all(|kept| kept.have.is_full() || kept.failed),
            Brain::Honest(device) => device.is_settled(),
            Brain::Rogue(_) => true,
            Brain::Down => false,
        });
        over.all(|over| over)
    }

    /// Nobody honest was blamed.
    fn acquit(&self, device: &Device) {
        for (remote, why) in &device.left {
            let who = self
                .world
                .places
                .iter()
                .position(|place| place.addr.ip() == remote.ip());
            let honest = who.and_then(|who| self.world.honest(who));
            let blamed = matches!(
                why,
                CloseReason::Violation(_)
                    | CloseReason::Wire(_)
                    | CloseReason::Banned
                    | CloseReason::PieceSize { .. }
            );
            let innocent = honest.is_some_and(|honest| honest.corrupt_one_in == 0);
            assert!(
                !blamed || !innocent,
                "{remote} was blamed for nothing: {why}"
            );
        }
    }

    /// Everybody completed, or said why not.
    pub(super) fn judge(&self) {
        for index in 0..self.plan.devices {
            let Some(device) = self.world.honest(index) else {
                panic!("device {index} is lost");
            };
            self.acquit(device);
            for (content, kept) in &device.kept {
                let excused = kept.failed || !self.plan.reliable && kept.starved > 0;
                assert!(
                    kept.have.is_full() || excused,
                    "{:?}: device {index} has {} of {} pieces of {content} at {} s: {:#?}",
                    self.plan,
                    kept.have.count(),
                    kept.layout.pieces(),
                    self.world.now,
                    device.engine.connections().collect::<Vec<_>>(),
                );
            }
        }
    }
}

fn contents(rng: &mut ChaCha8Rng) -> Vec<(ContentId, Layout)> {
    let many = rng.random_range(0..8) == 0;
    let count = if many {
        rng.random_range(5..9)
    } else {
        rng.random_range(1..3)
    };
    let mut contents = Vec::new();
    for _ in 0..count {
        let piece_size = [1 << 18, 1 << 20, 2_000_000][rng.random_range(0..3)];
        let pieces = if many {
            rng.random_range(1..6)
        } else {
            rng.random_range(1..30)
        };
        let length = pieces * u64::from(piece_size) - rng.random_range(0..u64::from(piece_size));
        contents.push((
            ContentId(rng.random()),
            Layout::new(length, piece_size).unwrap(),
        ));
    }
    contents
}

fn peer_id(rng: &mut ChaCha8Rng) -> PeerId {
    PeerId::from_random(rng.random())
}

fn draw_config(rng: &mut ChaCha8Rng) -> Config {
    Config {
        request_size: match rng.random_range(0..3) {
            0 => RequestSize::Blocks(rng.random_range(1..5) << 17),
            _ => RequestSize::WholePieces,
        },
        max_outstanding: rng.random_range(1..20) * MIB,
        max_outstanding_per_connection: rng.random_range(1..10) * MIB,
        unchoked_per_content: rng.random_range(1..5),
        max_unsent_bodies: rng.random_range(1..4),
        endgame_copies: rng.random_range(1..4),
        max_connections: rng.random_range(20..60),
        bad_pieces_until_ban: rng.random_range(1..4),
        ..Config::default()
    }
}

fn draw_device(
    rng: &mut ChaCha8Rng,
    plan: Plan,
    index: usize,
    contents: &[(ContentId, Layout)],
) -> Device {
    let mut device = Device::new(draw_config(rng), peer_id(rng), rng.random());
    for &(content, layout) in contents {
        // The first device is the seed; others may be, too, or have a part, or not care.
        let role = if index == 0 {
            0
        } else {
            rng.random_range(0..8)
        };
        let have = match role {
            0 if index == 0 || plan.reliable => PieceMap::full(layout.pieces()),
            0 => continue,
            1 | 2 => some_pieces(rng, layout.pieces()),
            _ => PieceMap::empty(layout.pieces()),
        };
        if role == 3 && index > 1 {
            continue;
        }
        let unstorable = plan.trouble && rng.random_range(0..60) == 0;
        let unstorable = unstorable.then(|| rng.random_range(0..layout.pieces()));
        let kept = Kept {
            layout,
            completed: have.is_full(),
            have,
            share: role != 7,
            candidates: Vec::new(),
            starved: 0,
            failed: false,
            unstorable,
        };
        device.kept.insert(content, kept);
    }
    device
}

fn some_pieces(rng: &mut ChaCha8Rng, pieces: u32) -> PieceMap {
    let mut some = PieceMap::empty(pieces);
    for piece in 0..pieces {
        if rng.random() {
            some.insert(piece);
        }
    }
    some
}

/// Tells a device of others: always of the reliable seed.
fn introduce(rng: &mut ChaCha8Rng, plan: Plan, world: &mut World, index: usize, everyone: usize) {
    let Brain::Honest(device) = &mut world.places[index].brain else {
        return;
    };
    for kept in device.kept.values_mut() {
        for other in 0..everyone {
            let sure = plan.reliable && other == 0;
            if other == index && rng.random_range(0..4) > 0 {
                continue;
            }
            if sure || rng.random_range(0..3) > 0 {
                kept.candidates.push(World::address(other));
            }
        }
        // Nobody is there.
        if rng.random_range(0..3) == 0 {
            kept.candidates.push(World::address(everyone + 1));
        }
    }
}

fn trouble(rng: &mut ChaCha8Rng, plan: Plan, world: &mut World, contents: &[(ContentId, Layout)]) {
    let pieces: BTreeMap<_, _> = contents
        .iter()
        .map(|(content, layout)| (content.0, layout.pieces()))
        .collect();
    for _ in 0..rng.random_range(0..3) {
        let vice = VICES[rng.random_range(0..VICES.len())];
        let rogue = Rogue::new(vice, peer_id(rng), pieces.clone(), rng.random());
        world.place(Brain::Rogue(Box::new(rogue)), 50 * MIB);
    }
    // No piece would ever come through.
    let slow = world
        .places
        .iter()
        .any(|place| place.bytes_per_second < MIB);
    if rng.random() && !slow {
        world.link_life = Some(Duration::from_millis(rng.random_range(4_000..60_000)));
    }
    if rng.random() {
        world.dial_failures = rng.random_range(2..6);
    }
    for device in 1..plan.devices {
        if rng.random_range(0..4) == 0 {
            let down = rng.random_range(0..20_000_000_000);
            let up = down + rng.random_range(1_000_000..60_000_000_000);
            world.at(Instant(down), Happening::Down { device });
            world.at(Instant(up), Happening::Up { device });
        }
        if rng.random_range(0..6) == 0
            && let Brain::Honest(honest) = &mut world.places[device].brain
        {
            honest.corrupt_one_in = rng.random_range(1..4);
        }
    }
}

use proptest::prelude::*;

use super::*;

fn worlds() -> impl Strategy<Value = World> {
    let flags = proptest::collection::vec(any::<bool>(), 14);
    let routers = (0..5_u8, 0..5_u8, 0..6_u8, any::<u8>());
    let watch = || prop::sample::select(vec![Watch::All, Watch::Some, Watch::None]);
    (
        prop::sample::select(vec![PathId::Tcp7680, PathId::Udp3544]),
        prop::sample::select(vec![Direction::Outbound, Direction::Inbound]),
        prop::sample::select(PLACES.to_vec()),
        prop::sample::select(KINDS.to_vec()),
        (watch(), watch(), any::<u8>(), 1..4_u32),
        flags,
        routers,
    )
        .prop_map(
            |(path, direction, place, kind, watched, flags, routers)| World {
                path,
                direction,
                place,
                kind,
                six: flags[8],
                listens: flags[0],
                caller_watch: watched.0,
                callee_watch: watched.1,
                session: flags[1],
                looked: flags[2],
                error_queue: flags[3],
                eperm: flags[4],
                forged: flags[5],
                translated: flags[6],
                noisy_link: flags[7],
                lost: watched.2,
                attempts: watched.3,
                way: Way {
                    there: routers.0,
                    back: routers.1,
                    fault: routers.2,
                    silent: routers.3,
                    everything: flags[9],
                    deaf: flags[10],
                    polite: flags[11],
                    looked_there: flags[12],
                    looked_back: flags[13],
                },
            },
        )
        // A reset is TCP's.
        .prop_filter("udp has no resets", |w| w.tcp() || w.kind != Kind::Rst)
        .prop_filter("nobody can see this", |w| !w.undetectable())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn blame_is_right_or_unknown(world in worlds()) {
        world.check();
    }
}

#[test]
fn blame_is_right_wherever_both_sides_are_watched() {
    let mut worlds = 0;
    for place in PLACES {
        for kind in KINDS {
            for path in [PathId::Tcp7680, PathId::Udp3544] {
                for bits in 0..64_u8 {
                    let bit = |n: u8| bits & 1 << n != 0;
                    let world = World {
                        path,
                        six: bit(5),
                        direction: if bit(0) {
                            Direction::Outbound
                        } else {
                            Direction::Inbound
                        },
                        place,
                        kind,
                        listens: bit(1),
                        caller_watch: Watch::All,
                        callee_watch: Watch::All,
                        session: true,
                        looked: true,
                        error_queue: bit(2),
                        eperm: bit(3),
                        forged: bit(4),
                        translated: false,
                        noisy_link: false,
                        lost: 0,
                        attempts: 2,
                        way: Way::default(),
                    };
                    if world.tcp() || kind != Kind::Rst {
                        world.check();
                        worlds += 1;
                    }
                }
            }
        }
    }
    assert_eq!(worlds, 9 * 11 * 64);
}

/// With both sides watched and every router answering, the place is named, and no wider than it is.
#[test]
fn a_fault_in_the_network_is_named_with_its_two_neighbours() {
    for path in [PathId::Tcp7680, PathId::Udp3544] {
        for (back, direction, fault) in [
            (false, Direction::Outbound, 1),
            (false, Direction::Inbound, 2),
            (true, Direction::Outbound, 3),
            (true, Direction::Inbound, 4),
        ] {
            let place = if back {
                Place::NetworkBack
            } else {
                Place::NetworkThere
            };
            let world = World {
                path,
                six: false,
                direction,
                place,
                kind: Kind::Drop,
                listens: true,
                caller_watch: Watch::All,
                callee_watch: Watch::All,
                session: true,
                looked: true,
                error_queue: true,
                eperm: false,
                forged: false,
                translated: false,
                noisy_link: false,
                lost: 0,
                attempts: 1,
                way: Way {
                    there: 4,
                    back: 4,
                    fault,
                    polite: true,
                    looked_there: true,
                    looked_back: true,
                    ..Way::default()
                },
            };
            world.check();
            let nodes = world.nodes(back);
            let fault = usize::from(fault);
            let judged = judge(&world.evidence());
            let (last, next) = (nodes[fault], nodes[fault + 1]);
            let (lost, who) = match back {
                false => (Lost::Request, ""),
                true => (Lost::Answer, "the request arrives, its answer "),
            };
            let between = [last, next];
            assert_eq!(judged.place, Some(crate::blame::Place { between, lost }));
            let words = format!("{who}dies between {last} and {next}");
            assert!(judged.reason.unwrap().starts_with(&words));
        }
    }
}

/// Without a session and without a witness the hops alone say that it is the network.
#[test]
fn hops_alone_can_say_that_it_is_the_network() {
    let router = |n: u8| HopSaw::Router(IpAddr::from([203, 0, 113, n]));
    let silent = HopSaw::Silent;
    let step = |(probe, reference)| Step { probe, reference };
    let judged = |steps: Vec<(HopSaw, HopSaw)>| {
        let mut saw = CallerSaw::new(Outcome::TimedOut);
        saw.from = Some(addr(FOUR.caller, 40_000));
        saw.to = Some(addr(FOUR.callee, 7680));
        let witness = Witnessed::Absent(NoWitness::NoPrivilege);
        let report = CallerReport { saw, witness };
        let mut evidence = PathEvidence::from_caller(PathId::Tcp7680, Direction::Outbound, report);
        evidence.hops.there = Some(Trace {
            from: None,
            to: FOUR.callee.parse().unwrap(),
            steps: steps.into_iter().map(step).collect(),
        });
        let judged = judge(&evidence);
        (
            judged.blame.unwrap(),
            judged.place.map(|place| place.between),
        )
    };
    let named = |a, b| {
        Some([
            IpAddr::from([203, 0, 113, a]),
            IpAddr::from([203, 0, 113, b]),
        ])
    };
    let first = (router(1), router(1));
    // The second router gets other packets, and not these.
    let dies = judged(vec![first, (silent, router(2)), (silent, HopSaw::Reached)]);
    assert_eq!(dies, (Blame::Network, named(1, 2)));
    // One that never answers is passed over, and not blamed.
    let dies = judged(vec![first, (silent, silent), (silent, router(3))]);
    assert_eq!(dies, (Blame::Network, named(1, 3)));
    // Behind the last router it may be the other host itself.
    let end = judged(vec![first, (silent, HopSaw::Reached)]);
    assert_eq!(end, (Blame::Unknown, None));
    // The first router not reached: it may be this host itself.
    let begin = judged(vec![(silent, router(1)), (silent, router(2))]);
    assert_eq!(begin, (Blame::Unknown, None));
    // Nobody answers behind the first, whatever is sent.
    let blind = judged(vec![first, (silent, silent), (silent, silent)]);
    assert_eq!(blind, (Blame::Unknown, None));
    // Two kinds of packets take two ways.
    let ways = judged(vec![(router(1), router(7)), (silent, router(2))]);
    assert_eq!(ways, (Blame::Unknown, None));
}

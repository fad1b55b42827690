//! Parts of the engine that can be wrong on their own.

use std::{collections::BTreeSet, time::Duration};

use dolab_content::PieceMap;
use dolab_wire::swarm::Block;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    ConnId, Instant, Reason,
    bans::Bans,
    depth::Depth,
    picker::{Picker, count_missing},
    rarity::Rarity,
    slots::Round,
    tests::solo::{addr, map, peer},
    timers::{Timer, Timers},
};

fn sorted(mut list: Vec<u8>) -> Vec<u8> {
    list.sort_unstable();
    list
}

proptest! {
    #[test]
    fn slots_go_to_everyone_in_turn(
        slots in 1..6_usize,
        acts in proptest::collection::vec((0..12_u8, 0..5_u8, any::<u64>()), 0..60),
    ) {
        let mut round = Round::new(slots);
        let mut members = BTreeSet::new();
        for (who, what, ticket) in acts {
            match what {
                0 => {
                    members.insert(who);
                    prop_assert_eq!(round.join(who, ticket), round.holds(who));
                }
                1 => {
                    let held = round.holds(who);
                    members.remove(&who);
                    let next = round.leave(who);
                    prop_assert!(next.is_none() || held);
                }
                2 => {
                    let held = round.holds(who);
                    let next = round.displace(who);
                    prop_assert!(next.is_none() || held && !round.holds(who));
                    prop_assert!(next.is_none_or(|next| next != who && round.holds(next)));
                }
                3 => round.forgive(who),
                _ => {
                    let before: BTreeSet<u8> = round.holders().collect();
                    let turn = round.turn(|_| false);
                    let after: BTreeSet<u8> = round.holders().collect();
                    let out: Vec<u8> = before.difference(&after).copied().collect();
                    let into: Vec<u8> = after.difference(&before).copied().collect();
                    prop_assert_eq!((sorted(turn.out), sorted(turn.into)), (out, into));
                }
            }
            let holders: BTreeSet<u8> = round.holders().collect();
            prop_assert!(holders.is_subset(&members));
            prop_assert_eq!(holders.len(), slots.min(members.len()), "no slot stays free");
            prop_assert_eq!(round.is_crowded(), members.len() > slots);
        }
        members.iter().for_each(|&who| round.forgive(who));
        let mut served = BTreeSet::new();
        // Some may be turns ahead of the others, by having been there alone.
        for _ in 0..61 + members.len() {
            round.turn(|_| false);
            served.extend(round.holders());
        }
        prop_assert_eq!(served, members);
    }

    #[test]
    fn the_picker_picks_what_is_open_and_there(
        have in proptest::collection::vec(any::<bool>(), 1..200),
        peers in proptest::collection::vec((any::<u64>(), 1..100_u32), 1..6),
        seed in any::<u64>(),
    ) {
        let pieces = have.len() as u32;
        let have: Vec<u32> = (0..pieces).filter(|&piece| have[piece as usize]).collect();
        let have = map(pieces, &have);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut picker = Picker::new(&have, &mut rng);
        let maps: Vec<PieceMap> = peers.iter().map(|&(bits, percent)| {
            let of = |piece: u32| bits.rotate_left(piece * 7) % 100 < u64::from(percent);
            map(pieces, &(0..pieces).filter(|&piece| of(piece)).collect::<Vec<_>>())
        }).collect();
        maps.iter().for_each(|map| picker.joined(map, true));
        let mut taken = have.clone();
        for (n, theirs) in maps.iter().enumerate() {
            let conn = ConnId::accepted(n as u64);
            while let Some(piece) = picker.pick(theirs, true, false) {
                prop_assert!(theirs.contains(piece) && taken.insert(piece));
                picker.begin(piece, conn);
            }
            prop_assert_eq!(count_missing(theirs, &taken), 0, "it stops when nothing is left");
        }
        let missing = (0..pieces).filter(|&piece| !taken.contains(piece)).count();
        prop_assert_eq!(missing == 0, picker.is_exhausted());
    }

    #[test]
    fn timers_come_in_order_and_once(
        sets in proptest::collection::vec((0..6_u64, proptest::option::of(0..50_u64)), 0..60),
    ) {
        let mut timers = Timers::default();
        let mut expected = std::collections::BTreeMap::new();
        for (n, at) in sets {
            let timer = Timer::Connection(ConnId::accepted(n));
            timers.set(timer, at.map(|at| (Instant(at), Reason::Idle)));
            match at {
                Some(at) => expected.insert(n, at),
                None => expected.remove(&n),
            };
        }
        let first = expected.values().min().map(|&at| (Instant(at), Reason::Idle));
        prop_assert_eq!(timers.next(), first);
        let due = expected.values().filter(|&&at| at <= 25).count();
        let expired = std::iter::from_fn(|| timers.expired(Instant(25))).count();
        prop_assert_eq!(expired, due);
        prop_assert_eq!(std::iter::from_fn(|| timers.expired(Instant(99))).count(), expected.len() - due);
    }
}

#[test]
fn the_word_scan_finds_every_piece() {
    for pieces in [1, 63, 64, 65, 129] {
        for piece in 0..pieces {
            let mut have = PieceMap::full(pieces);
            have.remove(piece);
            let mut picker = Picker::new(&have, &mut ChaCha8Rng::seed_from_u64(1));
            let theirs = map(pieces, &[piece]);
            // Nobody announced it, so that only the scan can find it.
            assert_eq!(picker.pick(&theirs, true, false), Some(piece));
        }
    }
}

#[test]
fn bans_end_and_strikes_are_forgiven() {
    let day = Duration::from_secs(86_400);
    let mut bans = Bans::new(2, day);
    let ip = addr(1).ip();
    let (start, late) = (Instant(1), Instant(1) + day);
    assert!(!bans.strike(start, peer(1), ip));
    assert!(
        !bans.strike(late, peer(1), ip),
        "the first one is forgotten"
    );
    assert!(bans.strike(late, peer(2), ip), "a new name does not help");
    assert_eq!(bans.address(late, ip), Some(late + day));
    assert_eq!(bans.peer(late, peer(1)), None);
    assert_eq!(bans.address(late + day, ip), None);
    // Each costs the sender a piece, and memory stays bounded.
    for n in 0..10_000_u32 {
        bans.strike(late, peer(n as u8), std::net::Ipv4Addr::from_bits(n).into());
    }
}

#[test]
fn the_depth_grows_until_the_rate_does_not() {
    let piece = 1 << 20;
    let block = Block {
        piece: 0,
        offset: 0,
        len: piece,
    };
    let mut depth = Depth::new(piece, Duration::from_secs(1));
    assert_eq!(depth.target(), 2 << 20);
    let mut now = Instant(0);
    depth.asked_first(now, block);
    now = now + Duration::from_millis(100);
    depth.answered(now, block);
    // 100 MiB/s with a round trip of 100 ms: 10 MiB are under way.
    let mut most = 0;
    for _ in 0..400 {
        now = now + Duration::from_millis(10);
        depth.landed(now, piece);
        most = most.max(depth.target());
    }
    assert!(most > 10 << 20);
    let target = depth.target();
    assert!(
        (20 << 20..26 << 20).contains(&target),
        "twice that and two pieces: {target}"
    );
    assert_eq!(depth.round_trip(), Duration::from_millis(100));
    assert!(depth.rate(now) > 90 << 20);
    assert_eq!(depth.rate(now + Duration::from_secs(60)), 0);
}

proptest! {
    #[test]
    fn ranks_follow_the_copies(
        acts in proptest::collection::vec((0..12_u32, 0..4_u8), 0..200),
        from in any::<usize>(),
    ) {
        let mut rarity = Rarity::new(12, ChaCha8Rng::seed_from_u64(1));
        let (mut copies, mut ranked) = ([0_u32; 12], BTreeSet::new());
        for (piece, what) in acts {
            let count = &mut copies[piece as usize];
            match what {
                0 => {
                    rarity.insert(piece);
                    ranked.insert(piece);
                }
                1 => prop_assert_eq!(rarity.remove(piece), ranked.remove(&piece)),
                2 => {
                    rarity.gained(piece);
                    *count += 1;
                }
                _ => {
                    rarity.lost(piece);
                    *count = count.saturating_sub(1);
                }
            }
            rarity.assert_consistent(&copies, |piece| ranked.contains(&piece));
            prop_assert_eq!(rarity.is_empty(), ranked.is_empty());
            for least in 0..4 {
                let listed: Vec<(usize, u32)> = rarity.rarest(least, from).collect();
                prop_assert!(listed.is_sorted_by_key(|&(rank, _)| rank));
                for &(rank, piece) in &listed {
                    prop_assert!(rank >= least && copies[piece as usize] as usize == rank);
                }
                let wanted = ranked.iter().filter(|&&piece| copies[piece as usize] as usize >= least);
                prop_assert_eq!(listed.len(), wanted.count());
            }
        }
    }
}

#[test]
fn equally_rare_pieces_come_in_an_order_that_differs_from_device_to_device() {
    let order = |seed| {
        let mut rarity = Rarity::new(40, ChaCha8Rng::seed_from_u64(seed));
        (0..40).for_each(|piece| rarity.insert(piece));
        // The same news for both.
        (0..20).for_each(|piece| rarity.gained(piece));
        rarity
            .rarest(0, 0)
            .map(|(_, piece)| piece)
            .collect::<Vec<_>>()
    };
    let (one, other) = (order(1), order(2));
    assert_eq!(one, order(1));
    for half in [0..20, 20..40] {
        let same = half.clone().filter(|&at| one[at] == other[at]).count();
        assert!(same < 10, "{same} of 20 stand in the same place");
    }
}

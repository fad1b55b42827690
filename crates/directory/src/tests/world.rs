//! Thousands of seeded worlds, each beside a model that knows the rules in words and nothing of
//! how the directory keeps them.

use std::net::Ipv4Addr;

use dolab_wire::cloud::{Leave, OfferedPeer, PeerSelection};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// A registration as the model remembers it.
#[derive(Clone, Debug)]
struct Known {
    join: Join,
    from: IpAddr,
    ends: Instant,
}

impl Known {
    fn subnet(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let (ip, mask) = (self.join.reported_ip?, self.join.subnet_mask?);
        Some((ip & mask, mask))
    }

    /// Whether the download mode lets this device meet the other.
    fn has_in_scope(&self, other: &Self) -> bool {
        match self.join.scope {
            DownloadMode::Lan => self.from == other.from,
            DownloadMode::Group => {
                other.join.scope == DownloadMode::Group
                    && self.join.group_id.is_some()
                    && self.join.group_id == other.join.group_id
            }
            DownloadMode::Internet => true,
            DownloadMode::CdnOnly | DownloadMode::Simple | DownloadMode::Bypass => false,
        }
    }

    /// Whether what narrows its choice leaves the other.
    fn leaves(&self, other: &Self) -> bool {
        let narrows = matches!(self.join.scope, DownloadMode::Lan | DownloadMode::Group);
        let same_subnet = self.subnet().is_some() && self.subnet() == other.subnet();
        !narrows
            || match self.join.restrict {
                PeerSelection::Any => true,
                PeerSelection::Subnet => same_subnet,
                PeerSelection::LocalDiscovery => false,
            }
    }

    fn accepts(&self, other: &Self) -> bool {
        self.has_in_scope(other) && self.leaves(other)
    }

    fn is_same_device(&self, other: &Self) -> bool {
        let endpoint = |known: &Self| (known.from, known.join.reported_ip, known.join.port);
        self.join.peer_id == other.join.peer_id
            || self.join.reported_ip.is_some() && endpoint(self) == endpoint(other)
    }

    /// Whether `other`, which is registered, may be offered to this one.
    fn may_be_offered(&self, other: &Self) -> bool {
        self.join.content() == other.join.content()
            && self.join.is_server == other.join.is_server
            && !(self.join.left == 0 && other.join.left == 0)
            && !other.join.restricted_upload
            && !self.is_same_device(other)
            && self.accepts(other)
            && other.accepts(self)
    }

    /// How far away, 0 is the nearest.
    fn distance(&self, other: &Self) -> u32 {
        let same_subnet = self.subnet().is_some() && self.subnet() == other.subnet();
        match (self.from == other.from, same_subnet) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) if self.join.scope == DownloadMode::Group => 2,
            (false, _) => 3,
        }
    }

    fn peer_type(&self, other: &Self) -> PeerType {
        if self.from == other.from {
            PeerType::Lan
        } else if self.join.scope == DownloadMode::Group {
            PeerType::Group
        } else {
            PeerType::Internet
        }
    }
}

fn pick<T: Clone>(chance: &mut ChaCha8Rng, of: &[T]) -> T {
    of[chance.random_range(0..of.len())].clone()
}

/// A device that is random in everything, but of a world so small that many coincide.
fn random_join(chance: &mut ChaCha8Rng) -> (IpAddr, Join) {
    let from: IpAddr = [203, 0, 113, chance.random_range(0..3)].into();
    let ip = Ipv4Addr::new(10, 0, chance.random_range(0..3), chance.random_range(0..40));
    let mode = pick(chance, &DownloadMode::ALL[1..4]);
    let mode = if chance.random_bool(0.95) {
        mode
    } else {
        pick(chance, &DownloadMode::ALL)
    };
    let restrict = match chance.random_range(0..10) {
        0..6 => PeerSelection::Any,
        6..9 => PeerSelection::Subnet,
        _ => PeerSelection::LocalDiscovery,
    };
    let group = pick(chance, &[None, Some("g1"), Some("g1"), Some("g2")]);
    let mask = pick(chance, &[24, 24, 24, 16, 0, 32]);
    let bits = u32::MAX.checked_shl(32 - mask).unwrap_or(0);
    let id = chance.random_range(0..60);
    let join = Join {
        content_id: Some(pick(chance, &["a", "a", "a", "b"]).into()),
        reported_ip: chance.random_bool(0.95).then_some(ip),
        subnet_mask: chance
            .random_bool(0.95)
            .then_some(Ipv4Addr::from_bits(bits)),
        left: pick(chance, &[0, 1, 1, 5]),
        restricted_upload: chance.random_bool(0.05),
        peers_wanted: pick(chance, &[0, 1, 3, 10, 255, 255, 255, u32::MAX]),
        group_id: group.map(str::to_owned),
        is_server: chance.random_bool(0.2),
        restrict,
        ..Join::new("", PeerId([id; 20]), mode)
    };
    (from, join)
}

struct World {
    chance: ChaCha8Rng,
    directory: Directory,
    model: Vec<Known>,
    now: Instant,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            chance: ChaCha8Rng::seed_from_u64(seed),
            directory: Directory::new(Config::default(), seed),
            model: Vec::new(),
            now: Instant(0),
        }
    }

    fn step(&mut self) {
        match self.chance.random_range(0..10) {
            0 => {
                self.now =
                    self.now + std::time::Duration::from_secs(self.chance.random_range(0..400));
            }
            1 => self.leave(),
            _ => self.join(),
        }
        self.model.retain(|known| known.ends > self.now);
    }

    fn leave(&mut self) {
        let leave = Leave {
            content_id: Some(pick(&mut self.chance, &["a", "b"]).into()),
            alt_catalog_id: None,
            peer_id: PeerId([self.chance.random_range(0..60); 20]),
        };
        let before = self.model.len();
        self.model.retain(|known| {
            known.join.peer_id != leave.peer_id || known.join.content() != leave.content()
        });
        let left = self.directory.leave(self.now, &leave);
        assert_eq!(left, self.model.len() < before, "{leave:?}");
    }

    fn join(&mut self) {
        let (from, join) = random_join(&mut self.chance);
        let ends = self.now + Config::default().lifetime;
        let me = Known { join, from, ends };
        let joined = self.directory.join(self.now, from, &me.join).unwrap();
        self.check(&me, &joined.peers);
        self.model.retain(|known| {
            known.join.peer_id != me.join.peer_id || known.join.content() != me.join.content()
        });
        // Nobody could ever be told of it: such a one is not kept.
        if me.accepts(&me) && !me.join.restricted_upload {
            self.model.push(me);
        }
        let counts = self.directory.counts();
        assert_eq!(counts.registrations, self.model.len());
    }

    fn check(&self, me: &Known, peers: &[OfferedPeer]) {
        let offered: Vec<&Known> = peers
            .iter()
            .map(|peer| {
                let mut known = self.model.iter().filter(|known| {
                    known.join.peer_id == peer.peer_id && known.join.content() == me.join.content()
                });
                known.next().expect("only who is registered is offered")
            })
            .collect();
        for (known, peer) in offered.iter().zip(peers) {
            assert!(me.may_be_offered(known), "{known:?} was offered to {me:?}");
            assert_eq!(peer.peer_type, me.peer_type(known));
            assert!((1..=3).contains(&peer.addresses.len()));
        }
        let mut ids: Vec<_> = peers.iter().map(|peer| peer.peer_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), peers.len(), "nobody is offered twice");

        // Nobody is kept back, and the nearest are taken.
        let mut all: Vec<u32> = self
            .model
            .iter()
            .filter(|known| me.may_be_offered(known))
            .map(|known| me.distance(known))
            .collect();
        all.sort_unstable();
        all.truncate((me.join.peers_wanted as usize).min(255));
        let distances: Vec<u32> = offered.iter().map(|known| me.distance(known)).collect();
        assert_eq!(distances, all, "for {me:?}");
    }
}

#[test]
fn nobody_is_offered_outside_its_scope_and_nobody_in_it_is_kept_back() {
    for seed in 0..2000 {
        let mut world = World::new(seed);
        for _ in 0..150 {
            world.step();
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    let run = |seed| {
        let mut world = World::new(7);
        world.directory = Directory::new(Config::default(), seed);
        let mut log = String::new();
        for _ in 0..500 {
            let (from, join) = random_join(&mut world.chance);
            let join = Join {
                peers_wanted: 2,
                ..join
            };
            log += &format!("{:?}\n", world.directory.join(Instant(0), from, &join));
        }
        log
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn an_empty_directory_holds_nothing_back() {
    let mut world = World::new(3);
    for _ in 0..500 {
        world.step();
    }
    world
        .directory
        .expire(world.now + Config::default().lifetime);
    let counts = world.directory.counts();
    let none = Counts {
        bytes: counts.bytes,
        ..Counts::default()
    };
    assert_eq!(counts, none);
}

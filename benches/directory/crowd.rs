//! A directory with so many registrations in it.

use std::net::{IpAddr, Ipv4Addr};

use dolab_directory::{Config, Directory, Instant};
use dolab_wire::{
    DownloadMode,
    cloud::{Join, Leave},
    swarm::PeerId,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How the devices are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sites of 200 devices in two subnets behind one address, in mode 1, all with the same ten
    /// contents of which each device has one.
    Sites,
    /// Every device in a group, a site and a subnet of its own: as dear as a registration can be.
    Strangers,
}

pub(super) struct Crowd {
    pub(super) directory: Directory,
    count: u32,
    chance: ChaCha8Rng,
    now: Instant,
}

impl Crowd {
    pub(super) fn new(kind: Kind, count: u32) -> Self {
        let config = Config {
            max_bytes: usize::MAX,
            ..Config::default()
        };
        let mut directory = Directory::new(config, 1);
        for n in 0..count {
            let (from, mut join) = device(kind, n);
            join.peers_wanted = 0;
            // A million a minute, so that they do not all end at once.
            let at = Instant(u64::from(n) * 60_000);
            directory.join(at, from, &join).expect("there is room");
        }
        assert_eq!(directory.counts().registrations, count as usize);
        Self {
            directory,
            count,
            chance: ChaCha8Rng::seed_from_u64(2),
            now: Instant(u64::from(count) * 60_000),
        }
    }

    /// Any device joins again. How many it is offered.
    pub(super) fn renew(&mut self, wanted: u32) -> usize {
        let (from, mut join) = device(Kind::Sites, self.chance.random_range(0..self.count));
        join.peers_wanted = wanted;
        let joined = self.directory.join(self.now, from, &join);
        joined.expect("it was there already").peers.len()
    }

    /// A new device joins a site and leaves.
    pub(super) fn come_and_go(&mut self) -> usize {
        let (from, mut join) = device(Kind::Sites, self.chance.random_range(0..self.count));
        join.peer_id = PeerId([0xFF; 20]);
        join.port = 9;
        join.peers_wanted = 50;
        let joined = self.directory.join(self.now, from, &join);
        let leave = Leave {
            content_id: join.content_id,
            alt_catalog_id: None,
            peer_id: join.peer_id,
        };
        assert!(self.directory.leave(self.now, &leave));
        joined.expect("there is room").peers.len()
    }
}

fn device(kind: Kind, n: u32) -> (IpAddr, Join) {
    let mut id = [0x5A; 20];
    id[..4].copy_from_slice(&n.to_be_bytes());
    let join = |content: u32, mode| Join {
        subnet_mask: Some([255, 255, 255, 0].into()),
        left: 1,
        ..Join::new(
            &format!("an update of some name, number {content}"),
            PeerId(id),
            mode,
        )
    };
    let address = |base: u32, n: u32| Ipv4Addr::from_bits(base + n);
    match kind {
        Kind::Sites => {
            let (site, at) = (n / 200, n % 200);
            let mut join = join(site % 10, DownloadMode::Lan);
            join.reported_ip = Some(address(0x0A00_0000, at % 2 * 256 + at));
            (address(0x1400_0000, site).into(), join)
        }
        Kind::Strangers => {
            let mut join = join(0, DownloadMode::Group);
            join.reported_ip = Some(address(0x0A00_0000, n));
            join.group_id = Some(format!("{n:08x}-1f0b-4a5e-9a83-5f0e6a6a2b11"));
            join.subnet_mask = Some([255, 255, 255, 255].into());
            (address(0x1400_0000, n).into(), join)
        }
    }
}

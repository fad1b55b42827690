mod full;
mod rules;
mod snapshot;
mod world;

use std::net::IpAddr;

use dolab_wire::{DownloadMode, cloud::Join, swarm::PeerId};

use super::*;

const SITE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9));

/// A device at 10.0.0.`n`/24 that still needs something.
fn device(n: u8, mode: DownloadMode) -> Join {
    Join {
        reported_ip: Some([10, 0, 0, n].into()),
        subnet_mask: Some([255, 255, 255, 0].into()),
        left: 1,
        ..Join::new("content", PeerId([n; 20]), mode)
    }
}

fn seconds(seconds: u64) -> Instant {
    Instant(seconds * 1_000_000_000)
}

/// Joins, and says who was offered: the first byte of each peer id, in order.
fn join(directory: &mut Directory, at: u64, from: IpAddr, join: &Join) -> Vec<u8> {
    let joined = directory.join(seconds(at), from, join).unwrap();
    let mut ids: Vec<u8> = joined.peers.iter().map(|peer| peer.peer_id.0[0]).collect();
    ids.sort_unstable();
    ids
}

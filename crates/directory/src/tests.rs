use std::net::IpAddr;

use dolab_wire::{DownloadMode, cloud::Join, swarm::PeerId};

use super::*;

#[test]
fn two_behind_one_address_are_told_of_each_other() {
    let mut directory = Directory::new(Config::default(), 1);
    let site: IpAddr = [203, 0, 113, 7].into();
    let mut join = Join::new("content", PeerId([1; 20]), DownloadMode::Lan);
    join.reported_ip = Some([10, 0, 0, 1].into());
    assert!(
        directory
            .join(Instant(0), site, &join)
            .unwrap()
            .peers
            .is_empty()
    );
    join.peer_id = PeerId([2; 20]);
    join.reported_ip = Some([10, 0, 0, 2].into());
    join.left = 1;
    let peers = directory.join(Instant(1), site, &join).unwrap().peers;
    assert_eq!(peers[0].peer_id, PeerId([1; 20]));
    assert_eq!(peers[0].peer_type, PeerType::Lan);
    assert_eq!(peers[0].addresses, ["10.0.0.1:7680".parse().unwrap()]);
}

//! Single rules, each with the smallest case that shows it.

use dolab_wire::cloud::{Leave, PeerSelection};

use super::*;

fn empty() -> Directory {
    Directory::new(Config::default(), 1)
}

fn leave(n: u8) -> Leave {
    Leave {
        content_id: Some("content".into()),
        alt_catalog_id: None,
        peer_id: PeerId([n; 20]),
    }
}

#[test]
fn what_is_told_of_a_peer() {
    let mut directory = empty();
    let mut first = device(1, DownloadMode::Internet);
    first.ipv6 = Some("2001:db8::1".parse().unwrap());
    join(&mut directory, 0, SITE, &first);
    let joined = directory
        .join(seconds(1), SITE, &device(2, DownloadMode::Internet))
        .unwrap();
    assert_eq!(joined.interval.as_secs(), 720);
    let [peer] = &joined.peers[..] else {
        panic!("{joined:?}");
    };
    assert_eq!(peer.peer_type, PeerType::Lan);
    let addrs = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let lan: Vec<std::net::SocketAddr> = addrs(&["10.0.0.1:7680", "[2001:db8::1]:7680"]);
    assert_eq!(peer.addresses.as_slice(), lan);

    let joined = directory
        .join(seconds(1), ELSEWHERE, &device(3, DownloadMode::Internet))
        .unwrap();
    let far = joined.peers.iter().find(|peer| peer.peer_id.0[0] == 1);
    let far = far.unwrap();
    assert_eq!(far.peer_type, PeerType::Internet);
    // A stranger learns no private address.
    let internet: Vec<std::net::SocketAddr> = addrs(&["[2001:db8::1]:7680", "203.0.113.7:7680"]);
    let mut sorted = far.addresses.clone();
    sorted.sort_by_key(|addr| addr.is_ipv4());
    assert_eq!(sorted.as_slice(), internet);
}

#[test]
fn in_group_mode_a_peer_on_the_lan_is_lan() {
    let mut directory = empty();
    let member = |n| Join {
        group_id: Some("7bb8f4f0-1f0b-4a5e-9a83-5f0e6a6a2b11".into()),
        ..device(n, DownloadMode::Group)
    };
    join(&mut directory, 0, SITE, &member(1));
    join(&mut directory, 0, ELSEWHERE, &member(2));
    let peers = directory.join(seconds(1), SITE, &member(3)).unwrap().peers;
    let types: Vec<_> = peers
        .iter()
        .map(|peer| (peer.peer_id.0[0], peer.peer_type))
        .collect();
    assert_eq!(types, [(1, PeerType::Lan), (2, PeerType::Group)]);
    // A site may have several ways out: the private address comes first here too.
    assert_eq!(peers[1].addresses[0], "10.0.0.2:7680".parse().unwrap());
}

#[test]
fn a_group_counts_in_group_mode_only() {
    let mut directory = empty();
    let group = Some("g".to_string());
    let in_lan_mode = Join {
        group_id: group.clone(),
        ..device(1, DownloadMode::Lan)
    };
    join(&mut directory, 0, SITE, &in_lan_mode);
    let member = Join {
        group_id: group,
        ..device(2, DownloadMode::Group)
    };
    assert!(join(&mut directory, 0, SITE, &member).is_empty());
    let without = device(3, DownloadMode::Group);
    assert!(join(&mut directory, 0, SITE, &without).is_empty());
    assert_eq!(directory.counts().registrations, 2);
}

#[test]
fn modes_without_peers_are_not_registered_and_end_what_was() {
    let mut directory = empty();
    for mode in [
        DownloadMode::CdnOnly,
        DownloadMode::Simple,
        DownloadMode::Bypass,
    ] {
        join(&mut directory, 0, SITE, &device(1, DownloadMode::Internet));
        assert_eq!(directory.counts().registrations, 1);
        assert!(join(&mut directory, 0, SITE, &device(1, mode)).is_empty());
        assert_eq!(directory.counts().registrations, 0);
    }
}

#[test]
fn a_subnet_binds_both_sides_in_the_modes_1_and_2_only() {
    let mut directory = empty();
    let bound = |n, mode| Join {
        restrict: PeerSelection::Subnet,
        ..device(n, mode)
    };
    let other_subnet = |n, mode| Join {
        reported_ip: Some([10, 0, 9, n].into()),
        ..device(n, mode)
    };
    join(&mut directory, 0, SITE, &device(1, DownloadMode::Lan));
    join(&mut directory, 0, SITE, &other_subnet(2, DownloadMode::Lan));
    assert_eq!(
        join(&mut directory, 0, SITE, &bound(3, DownloadMode::Lan)),
        [1]
    );
    // The other way round: whoever is bound is offered to its subnet alone.
    let asks = other_subnet(4, DownloadMode::Lan);
    assert_eq!(join(&mut directory, 0, SITE, &asks), [1, 2]);
    // In mode 3 it does not count.
    let free = bound(5, DownloadMode::Internet);
    assert_eq!(join(&mut directory, 0, SITE, &free), [1, 2, 3, 4]);
    // One that is bound to a subnet that it does not name meets nobody.
    let nowhere = Join {
        subnet_mask: None,
        ..bound(6, DownloadMode::Lan)
    };
    assert!(join(&mut directory, 0, SITE, &nowhere).is_empty());
}

#[test]
fn local_discovery_leaves_nothing_to_the_cloud() {
    let mut directory = empty();
    join(&mut directory, 0, SITE, &device(1, DownloadMode::Lan));
    let local = Join {
        restrict: PeerSelection::LocalDiscovery,
        ..device(2, DownloadMode::Lan)
    };
    assert!(join(&mut directory, 0, SITE, &local).is_empty());
    assert_eq!(
        join(&mut directory, 0, SITE, &device(3, DownloadMode::Lan)),
        [1]
    );
}

#[test]
fn servers_and_clients_do_not_mix() {
    let mut directory = empty();
    let server = |n| Join {
        is_server: true,
        ..device(n, DownloadMode::Lan)
    };
    join(&mut directory, 0, SITE, &server(1));
    assert!(join(&mut directory, 0, SITE, &device(2, DownloadMode::Lan)).is_empty());
    assert_eq!(join(&mut directory, 0, SITE, &server(3)), [1]);
}

#[test]
fn one_that_may_not_send_asks_and_is_not_offered() {
    let mut directory = empty();
    join(&mut directory, 0, SITE, &device(1, DownloadMode::Lan));
    let mute = Join {
        restricted_upload: true,
        ..device(2, DownloadMode::Lan)
    };
    assert_eq!(join(&mut directory, 0, SITE, &mute), [1]);
    assert_eq!(
        join(&mut directory, 0, SITE, &device(3, DownloadMode::Lan)),
        [1]
    );
}

#[test]
fn a_registration_ends_after_its_lifetime_and_not_before() {
    let mut directory = empty();
    join(&mut directory, 0, SITE, &device(1, DownloadMode::Lan));
    assert_eq!(directory.poll_timeout(), Some(seconds(900)));
    assert_eq!(
        join(&mut directory, 899, SITE, &device(2, DownloadMode::Lan)),
        [1]
    );
    assert!(join(&mut directory, 900, SITE, &device(3, DownloadMode::Lan)).contains(&2));
    assert_eq!(directory.counts().registrations, 2);
    // One that joins again lives on.
    join(&mut directory, 1000, SITE, &device(2, DownloadMode::Lan));
    assert_eq!(directory.expire(seconds(1800)), 1);
    assert_eq!(directory.expire(seconds(1899)), 0);
    assert_eq!(directory.expire(seconds(1900)), 1);
    assert_eq!(directory.poll_timeout(), None);
}

#[test]
fn a_clock_that_steps_back_ends_nothing_late() {
    let mut directory = empty();
    join(&mut directory, 500, SITE, &device(1, DownloadMode::Lan));
    join(&mut directory, 100, SITE, &device(2, DownloadMode::Lan));
    assert_eq!(directory.expire(seconds(1399)), 0);
    assert_eq!(directory.expire(seconds(1400)), 2);
}

#[test]
fn who_leaves_is_gone() {
    let mut directory = empty();
    join(&mut directory, 0, SITE, &device(1, DownloadMode::Lan));
    assert!(directory.leave(seconds(1), &leave(1)));
    assert!(!directory.leave(seconds(1), &leave(1)));
    assert!(!directory.leave(seconds(1), &leave(9)));
    assert!(join(&mut directory, 1, SITE, &device(2, DownloadMode::Lan)).is_empty());
    let counts = directory.counts();
    assert_eq!((counts.registrations, counts.contents), (1, 1));
}

#[test]
fn the_same_id_from_elsewhere_replaces() {
    let mut directory = empty();
    join(&mut directory, 0, SITE, &device(1, DownloadMode::Lan));
    join(&mut directory, 1, ELSEWHERE, &device(1, DownloadMode::Lan));
    assert!(join(&mut directory, 2, SITE, &device(2, DownloadMode::Lan)).is_empty());
    assert_eq!(
        join(&mut directory, 2, ELSEWHERE, &device(3, DownloadMode::Lan)),
        [1]
    );
    assert_eq!(directory.counts().registrations, 3);
}

#[test]
fn a_device_is_not_offered_to_itself_after_it_got_a_new_id() {
    let mut directory = empty();
    join(&mut directory, 0, SITE, &device(1, DownloadMode::Lan));
    let again = Join {
        peer_id: PeerId([9; 20]),
        ..device(1, DownloadMode::Lan)
    };
    assert!(join(&mut directory, 1, SITE, &again).is_empty());
}

#[test]
fn whoever_has_everything_is_offered_to_those_who_have_not() {
    let mut directory = empty();
    let seed = |n| Join {
        left: 0,
        ..device(n, DownloadMode::Lan)
    };
    join(&mut directory, 0, SITE, &seed(1));
    assert!(join(&mut directory, 0, SITE, &seed(2)).is_empty());
    assert_eq!(
        join(&mut directory, 0, SITE, &device(3, DownloadMode::Lan)),
        [1, 2]
    );
    assert_eq!(join(&mut directory, 0, SITE, &seed(2)), [3]);
    // It finished meanwhile.
    join(&mut directory, 1, SITE, &seed(3));
    assert!(join(&mut directory, 1, SITE, &seed(2)).is_empty());
}

#[test]
fn contents_do_not_mix() {
    let mut directory = empty();
    join(&mut directory, 0, SITE, &device(1, DownloadMode::Lan));
    let other = Join {
        content_id: Some("another".into()),
        ..device(2, DownloadMode::Lan)
    };
    assert!(join(&mut directory, 0, SITE, &other).is_empty());
    assert_eq!(directory.counts().contents, 2);
}

#[test]
fn no_more_than_wanted_and_the_nearest_first() {
    let mut directory = empty();
    for n in 1..=40 {
        let from = if n % 2 == 0 { SITE } else { ELSEWHERE };
        let far = Join {
            reported_ip: Some([10, 0, n / 20, n].into()),
            ..device(n, DownloadMode::Internet)
        };
        join(&mut directory, 0, from, &far);
    }
    let asks = |wanted| Join {
        peers_wanted: wanted,
        ..device(99, DownloadMode::Internet)
    };
    // 1 to 19 are in its subnet, of which 9 behind its address; 20 are behind it in all.
    let near = join(&mut directory, 1, SITE, &asks(9));
    assert_eq!(near, [2, 4, 6, 8, 10, 12, 14, 16, 18]);
    let site = join(&mut directory, 1, SITE, &asks(20));
    assert_eq!(site, (1..=20).map(|n| 2 * n).collect::<Vec<u8>>());
    assert_eq!(join(&mut directory, 1, SITE, &asks(1000)).len(), 40);
    assert!(join(&mut directory, 1, SITE, &asks(0)).is_empty());
}

#[test]
fn names_that_are_none_are_refused() {
    let mut directory = empty();
    let long = "x".repeat(2049);
    for (content, group) in [("", ""), (&*long, ""), ("content", &*long)] {
        let asks = Join {
            content_id: Some(content.into()),
            group_id: Some(group.into()),
            ..device(1, DownloadMode::Group)
        };
        let error = directory.join(seconds(0), SITE, &asks).unwrap_err();
        assert!(matches!(error, JoinError::Name { .. }), "{error}");
    }
    assert_eq!(directory.counts().registrations, 0);
}

#[test]
fn behind_ipv6_a_site_is_a_64() {
    let mut directory = empty();
    let from = |text: &str| text.parse::<IpAddr>().unwrap();
    join(
        &mut directory,
        0,
        from("2001:db8:1:2::1"),
        &device(1, DownloadMode::Lan),
    );
    let near = device(2, DownloadMode::Lan);
    assert_eq!(
        join(&mut directory, 0, from("2001:db8:1:2:ffff::1"), &near),
        [1]
    );
    let far = device(3, DownloadMode::Lan);
    assert!(join(&mut directory, 0, from("2001:db8:1:3::1"), &far).is_empty());
    // An IPv4 address is the same in either form.
    join(&mut directory, 0, SITE, &device(4, DownloadMode::Lan));
    let mapped = device(5, DownloadMode::Lan);
    assert_eq!(
        join(&mut directory, 0, from("::ffff:203.0.113.7"), &mapped),
        [4]
    );
}

#[test]
fn everyone_has_the_same_chance() {
    let mut directory = empty();
    for n in 0..200 {
        join(&mut directory, 0, SITE, &device(n, DownloadMode::Lan));
    }
    let asks = Join {
        peers_wanted: 10,
        restricted_upload: true,
        ..device(250, DownloadMode::Lan)
    };
    let mut drawn = [0u32; 200];
    for _ in 0..4000 {
        for n in join(&mut directory, 1, SITE, &asks) {
            drawn[usize::from(n)] += 1;
        }
    }
    // 200 on average; six deviations of a binomial are 83.
    assert!(
        drawn.iter().all(|times| (117..=283).contains(times)),
        "{drawn:?}"
    );
}

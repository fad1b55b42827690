//! Peers and a stranger: avahi, which knows nothing of dolab.

use std::time::{Duration, Instant};

use dolab_content::ContentId;
use dolab_discovery::{Announcement, Discovery, Kind};
use dolab_wire::swarm::PeerId;

use crate::{
    avahi::Avahi,
    lab::{DEADLINE, Lab, wait_for, wait_lost},
    link::announcement,
};

#[test]
fn avahi_resolves_what_we_announce() {
    let Some(lab) = Lab::new(2) else { return };
    let Some(avahi) = Avahi::start(&lab.hosts[1], "stranger") else {
        return;
    };
    let a = lab.hosts[0].discover("alpha");
    a.announce(Announcement {
        port: 7681,
        ..announcement(1, &[7])
    })
    .unwrap();
    for (protocol, addr) in [("IPv4", "10.50.0.1"), ("IPv6", "f")] {
        let seen = avahi.browse(|seen| seen.protocol == protocol);
        assert_eq!(
            (seen.instance.as_str(), seen.host.as_str()),
            ("alpha", "alpha.local")
        );
        assert!(
            seen.addr.starts_with(addr) && seen.port == "7681",
            "{seen:?}"
        );
        let content = format!("\"c0={}\"", ContentId([7; 32]));
        let peer = format!("\"id={}\"", PeerId([1; 20]));
        for string in ["\"dolab=1\"", "\"n=1\"", &content, &peer] {
            assert!(seen.txt.contains(string), "{string}: {seen:?}");
        }
    }
    a.announce(Announcement {
        port: 7681,
        ..announcement(1, &[7, 8])
    })
    .unwrap();
    avahi.browse(|seen| seen.txt.contains("\"n=2\""));
    avahi.browse_until_gone("alpha", || drop(a));
}

#[test]
fn what_avahi_announces_is_no_lab_peer() {
    let Some(lab) = Lab::new(2) else { return };
    let Some(avahi) = Avahi::start(&lab.hosts[1], "DESKTOP-17") else {
        return;
    };
    let a = lab.hosts[0].discover("alpha");
    let mut at_a = a.candidates();
    // The form in which Windows hosts announce themselves, as far as it is known.
    let filler = format!("x={}", "0".repeat(200));
    let windows = avahi.publish("DESKTOP-17", "7680", &[&filler]);
    let found = lab.hosts[0]
        .run(async move { (wait_for(&mut at_a, |c| c.name == "DESKTOP-17").await, at_a) });
    let (found, mut at_a) = found;
    assert_eq!(found.kind, Kind::Windows);
    assert!(
        found.addrs.contains(&"10.50.0.2:7680".parse().unwrap()),
        "{found:?}"
    );
    let _other = avahi.publish("a \u{fc}ber. thing", "9", &[]);
    let mut at_a = lab.hosts[0].run(async move {
        let other = wait_for(&mut at_a, |c| c.name == "a \u{fc}ber. thing").await;
        assert_eq!((&other.kind, other.addrs[0].port()), (&Kind::Other, 9));
        at_a
    });
    drop(windows);
    lab.hosts[0].run(async move {
        assert_eq!(wait_lost(&mut at_a).await, "DESKTOP-17");
    });
}

#[test]
fn a_connected_cache_that_avahi_announces_is_found_once() {
    let Some(lab) = Lab::new(2) else { return };
    let Some(avahi) = Avahi::start(&lab.hosts[1], "mcc") else {
        return;
    };
    let a = lab.hosts[0].discover("alpha");
    let find = |discovery: Discovery, expected: &'static [&'static str]| {
        lab.hosts[0].run(async move {
            let deadline = Instant::now() + DEADLINE;
            loop {
                // As long as a device waits: what is lost on the way is asked for again.
                let found = discovery.caches(Duration::from_millis(500)).await.unwrap();
                if found == expected {
                    return discovery;
                }
                assert!(Instant::now() < deadline, "{found:?}");
            }
        })
    };
    let a = find(a, &[]);
    let _usual = avahi.publish_as("mcc", "_microsoft_mcc._tcp", "80", &[]);
    // Under IPv4, IPv6 and the link's own address, and yet one.
    let a = find(a, &["10.50.0.2"]);
    let _peer = avahi.publish("peer", "7680", &[]);
    find(a, &["10.50.0.2"]);
}

#[test]
fn the_port_of_a_connected_cache_is_kept_where_it_is_another() {
    let Some(lab) = Lab::new(2) else { return };
    let Some(avahi) = Avahi::start(&lab.hosts[1], "mcc") else {
        return;
    };
    let _cache = avahi.publish_as("mcc", "_microsoft_mcc._tcp", "8080", &[]);
    let a = lab.hosts[0].discover("alpha");
    lab.hosts[0].run(async move {
        let deadline = Instant::now() + DEADLINE;
        while a.caches(Duration::from_millis(500)).await.unwrap() != ["10.50.0.2:8080"] {
            assert!(Instant::now() < deadline, "it is not found");
        }
    });
}

//! Peers among themselves.

use std::net::{IpAddr, SocketAddr};

use dolab_content::ContentId;
use dolab_discovery::{
    Announcement, CallTarget, Candidate, Discovery, DiscoveryConfig, DiscoveryError, Event,
    Interfaces, Source,
};
use dolab_wire::swarm::PeerId;

use crate::lab::{Lab, wait, wait_announced, wait_called, wait_for, wait_lost};

pub(crate) fn announcement(peer: u8, contents: &[u8]) -> Announcement {
    Announcement {
        port: 7680,
        peer: PeerId([peer; 20]),
        contents: contents.iter().map(|n| ContentId([*n; 32])).collect(),
        group: None,
    }
}

fn has_addr(candidate: &Candidate, wanted: impl Fn(&SocketAddr) -> bool) -> bool {
    candidate.addrs.iter().any(wanted)
}

fn is_peer(candidate: &Candidate, peer: u8) -> bool {
    candidate
        .lab()
        .is_some_and(|lab| lab.peer == PeerId([peer; 20]))
}

#[test]
fn two_hosts_see_each_other_until_one_says_goodbye() {
    let Some(lab) = Lab::new(2) else { return };
    let (a, b) = (
        lab.hosts[0].discover("alpha"),
        lab.hosts[1].discover("beta"),
    );
    a.announce(announcement(1, &[7])).unwrap();
    b.announce(announcement(2, &[])).unwrap();
    let (mut at_a, mut at_b) = (a.candidates(), b.candidates());
    lab.hosts[0].run(async move {
        let both = |candidate: &Candidate| {
            has_addr(candidate, |addr| addr.is_ipv4()) && has_addr(candidate, |addr| addr.is_ipv6())
        };
        let beta = wait_for(&mut at_a, |c| is_peer(c, 2) && both(c)).await;
        assert_eq!(beta.addrs[0], "10.50.0.2:7680".parse().unwrap());
        assert!(beta.addrs.contains(&"[fd00:50::2]:7680".parse().unwrap()));
        assert_eq!(
            (beta.name.as_str(), beta.host.as_deref()),
            ("beta", Some("beta.local"))
        );
        assert_eq!(
            (beta.source, &beta.interfaces[..]),
            (Source::DnsSd, &["eth0".into()][..])
        );
        // A link-local address is of use only with the interface that it holds on.
        let scoped = beta.addrs.iter().filter_map(|addr| match addr {
            SocketAddr::V6(v6) if v6.ip().segments()[0] == 0xfe80 => Some(v6.scope_id()),
            SocketAddr::V6(_) | SocketAddr::V4(_) => None,
        });
        assert!(scoped.into_iter().all(|scope| scope != 0));

        let alpha = wait_for(&mut at_b, |c| is_peer(c, 1) && both(c)).await;
        let lab = alpha.lab().unwrap();
        assert_eq!(
            (&lab.contents[..], lab.total),
            (&[ContentId([7; 32])][..], 1)
        );
        assert_eq!(lab.version, env!("CARGO_PKG_VERSION"));

        a.stop().await;
        assert_eq!(wait_lost(&mut at_b).await, "alpha");
        assert!(b.sightings().is_empty(), "nobody sees himself");
        b.stop().await;
        while at_b.next().await.is_some() {}
    });
}

#[test]
fn a_change_of_the_contents_arrives() {
    let Some(lab) = Lab::new(2) else { return };
    let (a, b) = (
        lab.hosts[0].discover("alpha"),
        lab.hosts[1].discover("beta"),
    );
    a.announce(announcement(1, &[1])).unwrap();
    // Asked for while the name is still being probed for: not lost, and not a new probe.
    a.announce(announcement(1, &[1, 2])).unwrap();
    let mut at_b = b.candidates();
    lab.hosts[1].run(async move {
        let with = |n: u32| move |c: &Candidate| c.lab().is_some_and(|lab| lab.total == n);
        wait_for(&mut at_b, with(2)).await;
        for n in [3, 9, 0] {
            let all: Vec<u8> = (0..n).collect();
            a.announce(announcement(1, &all)).unwrap();
            let changed = wait_for(&mut at_b, with(u32::from(n))).await;
            assert_eq!(changed.lab().unwrap().contents.len(), usize::from(n).min(8));
        }
        a.withdraw().unwrap();
        wait_lost(&mut at_b).await;
        a.announce(announcement(3, &[])).unwrap();
        wait_for(&mut at_b, |c| is_peer(c, 3)).await;
    });
}

#[test]
fn a_call_reaches_the_host_that_is_wanted() {
    let Some(lab) = Lab::new(3) else { return };
    let caller = lab.hosts[0].discover("caller");
    let wanted = lab.hosts[1].discover("wanted");
    let other = lab.hosts[2].discover("other");
    let too_soon = caller.call(CallTarget::Name("wanted".into()), 1);
    assert!(
        matches!(too_soon, Err(DiscoveryError::NotAnnounced)),
        "{too_soon:?}"
    );
    caller.announce(announcement(1, &[])).unwrap();
    wanted.announce(announcement(2, &[])).unwrap();
    let (mut at_wanted, mut at_other) = (wanted.candidates(), other.candidates());
    let targets = [
        CallTarget::Addr(IpAddr::from([10, 50, 0, 2])),
        CallTarget::Addr("fd00:50::2".parse().unwrap()),
        CallTarget::Name("WANTED".into()),
        CallTarget::Name("wanted.local".into()),
    ];
    lab.hosts[1].run(async move {
        for (nonce, target) in (10..).zip(targets) {
            let call = caller.call(target, nonce).unwrap();
            let called = wait_called(&mut at_wanted).await;
            assert_eq!((called.nonce, called.from.name.as_str()), (nonce, "caller"));
            assert!(
                called.dial.contains(&"10.50.0.1:7680".parse().unwrap()),
                "{called:?}"
            );
            // The third host reads it as well, but is not asked.
            let seen = wait(&mut at_other, |event| {
                assert!(!matches!(event, Event::Called(_)), "it is for another host");
                event.candidate()?.lab().cloned()
            });
            let seen = seen.await;
            drop(call);
            if seen.calls.is_empty() {
                continue;
            }
            wait_for(&mut at_other, |c| {
                c.lab().is_some_and(|lab| lab.calls.is_empty())
            })
            .await;
        }
        let calls: Vec<_> = (0..5)
            .map(|n| caller.call(CallTarget::Name("nobody".into()), n))
            .collect();
        assert!(matches!(calls[4], Err(DiscoveryError::TooManyCalls)) && calls[3].is_ok());
    });
}

#[test]
fn hosts_of_one_name_are_told_apart() {
    let Some(lab) = Lab::new(3) else { return };
    let (a, b) = (lab.hosts[0].discover("same"), lab.hosts[1].discover("SAME"));
    a.announce(announcement(1, &[])).unwrap();
    let observer = lab.hosts[2].discover("observer");
    let mut at_c = observer.candidates();
    let mut at_b = b.candidates();
    lab.hosts[2].run(async move {
        wait_for(&mut at_c, |c| is_peer(c, 1)).await;
        b.announce(announcement(2, &[])).unwrap();
        let renamed = wait_for(&mut at_c, |c| is_peer(c, 2)).await;
        assert_eq!(renamed.name, "same (2)");
        assert_eq!(renamed.addrs[0].ip(), IpAddr::from([10, 50, 0, 2]));
        assert_eq!(wait_announced(&mut at_b).await, "same (2)");
        b.stop().await;
        assert_eq!(wait_lost(&mut at_c).await, "same (2)");
        drop(a);
        assert_eq!(wait_lost(&mut at_c).await, "same");
    });
}

#[test]
fn peers_on_one_host_meet_over_loopback() {
    let Some(lab) = Lab::new(1) else { return };
    let start = |host: &str| {
        let interfaces = Interfaces::Loopback;
        let config = DiscoveryConfig {
            interfaces,
            host: host.into(),
            ..Default::default()
        };
        lab.hosts[0].try_discover(config).unwrap()
    };
    // The same host name, as peers on one machine have it.
    let (a, b) = (start("host"), start("host"));
    a.announce(announcement(1, &[])).unwrap();
    b.announce(announcement(2, &[])).unwrap();
    let (mut at_a, mut at_b) = (a.candidates(), b.candidates());
    lab.hosts[0].run(async move {
        let b_there = wait_for(&mut at_a, |c| is_peer(c, 2)).await;
        let a_there = wait_for(&mut at_b, |c| is_peer(c, 1)).await;
        for there in [a_there, b_there] {
            assert!(
                there.addrs.iter().all(|addr| addr.ip().is_loopback()),
                "{there:?}"
            );
        }
    });
}

#[test]
fn why_discovery_can_not_start_is_told() {
    // A host for each case: a socket that is closed lives on for a moment in whatever process
    // another test is just starting.
    let Some(lab) = Lab::new(2) else { return };
    lab.hosts[0].run(async {
        // For both families.
        let _held = std::net::UdpSocket::bind("[::]:5353").unwrap();
        let error = Discovery::start(DiscoveryConfig::default()).expect_err("the port is held");
        let taken = matches!(error, DiscoveryError::PortTaken { port: 5353, .. });
        assert!(taken, "{error:?}");
        assert!(error.to_string().contains("is held by "), "{error}");
    });
    lab.hosts[1].run(async {
        let interfaces = Interfaces::Named(vec!["nosuch0".into()]);
        let config = DiscoveryConfig {
            interfaces,
            ..Default::default()
        };
        let error = Discovery::start(config).expect_err("there is no such interface");
        assert!(error.to_string().contains("`nosuch0`"), "{error}");
    });
}

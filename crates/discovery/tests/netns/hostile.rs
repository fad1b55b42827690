//! What a hostile neighbour can send to the mDNS port.

use std::net::UdpSocket;

use dolab_discovery::{DiscoveryConfig, Kind};
use dolab_wire::swarm::PeerId;

use crate::{
    lab::{Lab, wait_for},
    link::announcement,
};

const CLASS_IN: u16 = 1;

fn name(labels: &[&[u8]]) -> Vec<u8> {
    let mut name: Vec<u8> = labels
        .iter()
        .flat_map(|label| [&[label.len() as u8], *label].concat())
        .collect();
    name.push(0);
    name
}

fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let (kind, class, len) = (
        kind.to_be_bytes(),
        CLASS_IN.to_be_bytes(),
        data.len() as u16,
    );
    [
        name,
        &kind,
        &class,
        &120_u32.to_be_bytes(),
        &len.to_be_bytes(),
        data,
    ]
    .concat()
}

/// A complete announcement of an instance, as it goes over the wire.
fn packet(instance: &[u8], port: u16, txt: &[&[u8]]) -> Vec<u8> {
    let service: [&[u8]; 3] = [b"_dosvc", b"_tcp", b"local"];
    let full = name(&[&[instance], &service[..]].concat());
    let host = name(&[b"evil", b"local"]);
    let txt: Vec<u8> = txt
        .iter()
        .flat_map(|s| [&[s.len() as u8], *s].concat())
        .collect();
    let header = [0, 0, 0x84, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    [
        &header[..],
        &record(&name(&service), 12, &full),
        &record(
            &full,
            33,
            &[&[0; 4], &port.to_be_bytes()[..], &host].concat(),
        ),
        &record(&full, 16, &txt),
        &record(&host, 1, &[10, 50, 0, 2]),
    ]
    .concat()
}

fn sender() -> UdpSocket {
    let socket = UdpSocket::bind("10.50.0.2:0").unwrap();
    socket.connect("224.0.0.251:5353").unwrap();
    socket
}

#[test]
fn text_of_strangers_is_made_printable() {
    let Some(lab) = Lab::new(2) else { return };
    let a = lab.hosts[0].discover("alpha");
    lab.hosts[0].announce(&a, announcement(1, &[]));
    let mut at_a = a.candidates();
    let id = format!("id={}", PeerId([9; 20]));
    let txt: [&[u8]; 4] = [
        b"dolab=1",
        id.as_bytes(),
        b"ver=\x1b]0;owned\x07",
        b"\xff\xfe=\0",
    ];
    let packet = packet(b"\x1b[2J\xe2\x80\xaeevil", 7680, &txt);
    lab.hosts[1].run(async move { sender().send(&packet).unwrap() });
    lab.hosts[0].run(async move {
        let seen = wait_for(&mut at_a, |c| c.addrs.len() == 1).await;
        assert_eq!(seen.name, "\\u{1b}[2J\\u{202e}evil");
        let Kind::Lab(lab) = &seen.kind else {
            panic!("{seen:?}")
        };
        assert_eq!(lab.version, "\\u{1b}]0;owned\\u{7}");
        assert!(
            !format!("{seen:?}")
                .chars()
                .any(|c| c.is_control() && c != '\n')
        );
    });
}

#[test]
fn a_crowd_is_bounded_and_hides_nobody() {
    let Some(lab) = Lab::new(3) else { return };
    let config = DiscoveryConfig {
        max_candidates: 50,
        ..DiscoveryConfig::default()
    };
    let a = lab.hosts[0].try_discover(config).unwrap();
    lab.hosts[0].announce(&a, announcement(1, &[]));
    let mut at_a = a.candidates();
    lab.hosts[1].run(async {
        let socket = sender();
        for n in 0..400 {
            let packet = packet(format!("HOST({n})").as_bytes(), 7680, &[b"x=1"]);
            socket.send(&packet).unwrap();
            // What outruns the receiver's socket would be lost there, and nothing proven.
            tokio::task::yield_now().await;
        }
    });
    let peer = lab.hosts[2].discover("peer");
    peer.announce(announcement(3, &[])).unwrap();
    lab.hosts[0].run(async move {
        wait_for(&mut at_a, |c| c.lab().is_some()).await;
        assert_eq!(a.sightings().len(), 50);
    });
}

#[test]
fn broken_packets_stop_nothing() {
    let Some(lab) = Lab::new(3) else { return };
    let a = lab.hosts[0].discover("alpha");
    lab.hosts[0].announce(&a, announcement(1, &[]));
    lab.hosts[1].run(async {
        let socket = sender();
        let good = packet(b"victim", 7680, &[b"dolab=1", b"c0=x"]);
        // Each byte gone wrong in turn, and each length cut.
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] = !bad[at];
            // A refusal comes back as an error of the next send.
            let _ = (socket.send(&bad), socket.send(&good[..at]));
            bad[at] = 0xc0;
            let _ = socket.send(&bad);
        }
    });
    let mut at_a = a.candidates();
    let b = lab.hosts[2].discover("beta");
    let mut at_b = b.candidates();
    b.announce(announcement(2, &[])).unwrap();
    lab.hosts[0].run(async move {
        wait_for(&mut at_a, |c| c.name == "beta").await;
        wait_for(&mut at_b, |c| c.name == "alpha").await;
    });
}

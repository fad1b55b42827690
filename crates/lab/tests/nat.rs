//! What each kind of NAT maps and lets in, measured with UDP sockets.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test says by a panic what is wrong")]

mod common;

use std::net::{SocketAddr, UdpSocket};

use common::{connect, echo, outcome, receive, udp, world};
use dolab_lab::world::World;
use dolab_tests::Sketch;

/// Two hosts behind a NAT of this kind each, and two servers on the internet.
fn two_sites(kinds: [&str; 2]) -> Option<World> {
    let [left, right] =
        kinds.map(|kind| format!(r#"nat = [{{ outside = "wan", kind = "{kind}" }}]"#));
    let a = [
        ("lan", "left", "10.1.0.254"),
        ("wan", "net", "198.51.100.1"),
    ];
    let b = [
        ("lan", "right", "10.2.0.254"),
        ("wan", "net", "198.51.100.2"),
    ];
    let sites = Sketch::default()
        .host("a", "10.1.0.254", "left", "10.1.0.1")
        .host("b", "10.2.0.254", "right", "10.2.0.1")
        .router("ra", "", &a, &left)
        .router("rb", "", &b, &right)
        .toml();
    let servers = r#"
        [host.s]
        adapter.eth0 = { switch = "net", address = "198.51.100.10", also = ["198.51.100.11"] }
        "#;
    world(&(sites + servers))
}

/// Where a server sees the sender of this socket.
fn seen_by(server: &UdpSocket, inner: &UdpSocket) -> SocketAddr {
    inner
        .send_to(b"who am I", server.local_addr().unwrap())
        .unwrap();
    receive(server).unwrap().1
}

#[test]
fn mapping_and_filtering() {
    // One mapping for all; lets in: another address, another port of a known address, who was asked.
    for (kind, one_mapping, lets_in) in [
        ("full-cone", true, [true, true, true]),
        ("address-restricted", true, [false, true, true]),
        ("port-restricted", true, [false, false, true]),
        ("symmetric", false, [false, false, true]),
    ] {
        let Some(world) = two_sites([kind, kind]) else {
            return;
        };
        let asked = udp(&world, "s", "198.51.100.10:3478");
        let other_port = udp(&world, "s", "198.51.100.10:3479");
        let other_address = udp(&world, "s", "198.51.100.11:3478");
        let inner = udp(&world, "a", "10.1.0.1:5000");
        let outer = seen_by(&asked, &inner);
        assert_eq!(outer.ip().to_string(), "198.51.100.1", "{kind}");
        let let_in = [&other_address, &other_port, &asked].map(|from| {
            from.send_to(b"hello", outer).unwrap();
            receive(&inner).is_ok()
        });
        assert_eq!(let_in, lets_in, "{kind}");
        let second = seen_by(&other_address, &inner);
        assert_eq!(second == outer, one_mapping, "{kind}: {outer} and {second}");
        // TCP goes out through all of them, and not in.
        echo(&world, "s", 443);
        assert_eq!(
            outcome(connect(&world, "a", "198.51.100.10:443")),
            "open",
            "{kind}"
        );
        echo(&world, "a", 7680);
        assert_eq!(
            outcome(connect(&world, "s", "198.51.100.1:7680")),
            "timeout",
            "{kind}"
        );
    }
}

#[test]
fn which_pairs_punch_holes() {
    let kinds = [
        "full-cone",
        "address-restricted",
        "port-restricted",
        "symmetric",
    ];
    for left in kinds {
        for right in kinds {
            let Some(world) = two_sites([left, right]) else {
                return;
            };
            let server = udp(&world, "s", "198.51.100.10:3478");
            let [a, b] = [("a", "10.1.0.1:5000"), ("b", "10.2.0.1:5000")]
                .map(|(node, address)| udp(&world, node, address));
            let (at_a, at_b) = (seen_by(&server, &a), seen_by(&server, &b));
            // Both, three times; who hears the other answers where that came from.
            let mut heard = [false; 2];
            for _ in 0..3 {
                a.send_to(b"from a", at_b).unwrap();
                b.send_to(b"from b", at_a).unwrap();
                for (socket, heard) in [&a, &b].into_iter().zip(&mut heard) {
                    let patience = std::time::Duration::from_millis(50);
                    socket.set_read_timeout(Some(patience)).unwrap();
                    // Where the other came from, which may not be what the server saw.
                    if let Ok((_, from)) = receive(socket) {
                        *heard = true;
                        socket.send_to(b"heard", from).unwrap();
                    }
                }
                if heard == [true; 2] {
                    break;
                }
            }
            let hard = |one: &str, other: &str| {
                one == "symmetric" && (other == "symmetric" || other == "port-restricted")
            };
            let works = !hard(left, right) && !hard(right, left);
            assert_eq!(heard == [true; 2], works, "{left} and {right}: {heard:?}");
        }
    }
}

#[test]
fn a_carrier_between_and_two_uplinks() {
    let Some(world) = world(
        r#"
        [switch.net]
        subnet = "198.51.100.0/24"
        [switch.net2]
        subnet = "203.0.113.0/24"
        [switch.far]
        subnet = "192.0.2.0/24"
        [router.isp]
        adapter.one = { switch = "net", address = "198.51.100.10" }
        adapter.two = { switch = "net2", address = "203.0.113.10" }
        adapter.far = { switch = "far", address = "192.0.2.254" }
        [switch.carrier]
        subnet = "100.64.0.0/24"
        [switch.home]
        subnet = "192.168.1.0/24"
        [switch.office]
        subnet = "10.1.0.0/24"
        [switch.office2]
        subnet = "10.2.0.0/24"
        [host.s]
        gateway = "192.0.2.254"
        adapter.eth0 = { switch = "far", address = "192.0.2.1" }
        [host.h]
        gateway = "192.168.1.1"
        adapter.eth0 = { switch = "home", address = "192.168.1.5" }
        [router.box]
        gateway = "100.64.0.1"
        adapter.lan = { switch = "home", address = "192.168.1.1" }
        adapter.wan = { switch = "carrier", address = "100.64.0.7" }
        nat = [{ outside = "wan", kind = "port-restricted" }]
        [router.cgn]
        gateway = "198.51.100.10"
        adapter.in = { switch = "carrier", address = "100.64.0.1" }
        adapter.wan = { switch = "net", address = "198.51.100.1" }
        nat = [{ outside = "wan", kind = "symmetric" }]
        [host.x]
        gateway = "10.1.0.254"
        adapter.eth0 = { switch = "office", address = "10.1.0.1" }
        [host.y]
        gateway = "10.1.0.254"
        adapter.eth0 = { switch = "office", address = "10.1.0.2" }
        [host.z]
        gateway = "10.2.0.254"
        adapter.eth0 = { switch = "office2", address = "10.2.0.1" }
        [router.r]
        gateway = "198.51.100.10"
        adapter.lan = { switch = "office", address = "10.1.0.254" }
        adapter.lan2 = { switch = "office2", address = "10.2.0.254" }
        adapter.wan1 = { switch = "net", address = "198.51.100.2" }
        adapter.wan2 = { switch = "net2", address = "203.0.113.3" }
        nat = [
          { outside = "wan1", kind = "port-restricted" },
          { outside = "wan2", kind = "port-restricted", sources = ["10.1.0.2/32"], gateway = "203.0.113.10" },
        ]
        "#,
    ) else {
        return;
    };
    let server = udp(&world, "s", "192.0.2.1:3478");
    let seen = ["h", "x", "y"].map(|node| {
        let inner = udp(&world, node, "0.0.0.0:5000");
        let outer = seen_by(&server, &inner);
        server.send_to(b"back", outer).unwrap();
        assert_eq!(receive(&inner).unwrap().0, "back", "{node}");
        outer.ip().to_string()
    });
    assert_eq!(seen, ["198.51.100.1", "198.51.100.2", "203.0.113.3"]);
    // Between the subnets of the site no uplink is taken.
    echo(&world, "z", 7680);
    assert_eq!(outcome(connect(&world, "y", "10.2.0.1:7680")), "open");
}

#[test]
fn firewalls_of_the_topology() {
    let Some(world) = world(
        r#"
        [switch.left]
        subnet = "10.1.0.0/24"
        [switch.right]
        subnet = "10.2.0.0/24"
        [host.a]
        gateway = "10.1.0.254"
        adapter.eth0 = { switch = "left", address = "10.1.0.1" }
        output = { rule = [{ action = "reject", protocol = "tcp", port = 81 }] }
        [host.b]
        gateway = "10.2.0.254"
        adapter.eth0 = { switch = "right", address = "10.2.0.1" }
        input = { policy = "drop", rule = [{ action = "accept", port = "80-83" }, { port = 84, from = "10.2.0.0/24" }] }
        [router.r]
        adapter.lan = { switch = "left", address = "10.1.0.254" }
        adapter.wan = { switch = "right", address = "10.2.0.254" }
        forward = { rule = [{ action = "admin-prohibited", protocol = "tcp", port = 82, arrived = "lan", leaves = "wan" }] }
        "#,
    ) else {
        return;
    };
    let seen = [80, 81, 82, 83, 84, 85].map(|port| {
        echo(&world, "b", port);
        outcome(connect(&world, "a", &format!("10.2.0.1:{port}")))
    });
    let expected = [
        "open",
        "ECONNREFUSED",
        "EHOSTUNREACH",
        "open",
        "timeout",
        "timeout",
    ];
    assert_eq!(seen, expected);
    echo(&world, "a", 85);
    assert_eq!(outcome(connect(&world, "b", "10.1.0.1:85")), "open");
}

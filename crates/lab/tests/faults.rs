//! Every fault, as sockets see it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test says by a panic what is wrong")]

mod common;

use std::net::ToSocketAddrs as _;

use common::{
    PAIR, connect, echo, fault, outcome, receive, round_trip, routed, topology, udp, world,
};
use dolab_lab::world::World;

/// What TCP and UDP see with a fault, and that it is gone when it is lifted. UDP: unconnected,
/// connected.
struct Case {
    fault: &'static str,
    tcp: &'static str,
    udp: [&'static str; 2],
}

const fn case(fault: &'static str, tcp: &'static str, udp: [&'static str; 2]) -> Case {
    Case { fault, tcp, udp }
}

/// As measured on this kind of network by hand; the port has TCP and UDP.
const BLOCKS: &[Case] = &[
    case(
        "block = { at = 'b.input', port = 7680 }",
        "timeout",
        ["timeout", "timeout"],
    ),
    case(
        "block = { at = 'b.input', port = 7680, how = 'reject' }",
        "ECONNREFUSED",
        ["timeout", "ECONNREFUSED"],
    ),
    case(
        "block = { at = 'b.input', port = 7680, how = 'tcp-reset' }",
        "ECONNREFUSED",
        ["timeout", "timeout"],
    ),
    case(
        "block = { at = 'b.input', port = 7680, how = 'net-unreachable' }",
        "ENETUNREACH",
        ["timeout", "timeout"],
    ),
    case(
        "block = { at = 'b.input', port = 7680, how = 'net-prohibited' }",
        "ENETUNREACH",
        ["timeout", "ENETUNREACH"],
    ),
    case(
        "block = { at = 'b.input', port = 7680, how = 'host-unreachable' }",
        "EHOSTUNREACH",
        ["timeout", "timeout"],
    ),
    case(
        "block = { at = 'b.input', port = 7680, how = 'host-prohibited' }",
        "EHOSTUNREACH",
        ["timeout", "EHOSTUNREACH"],
    ),
    case(
        "block = { at = 'b.input', port = 7680, how = 'admin-prohibited' }",
        "EHOSTUNREACH",
        ["timeout", "EHOSTUNREACH"],
    ),
    case(
        "block = { at = 'a.output', port = 7680 }",
        "timeout",
        ["EPERM", "EPERM"],
    ),
    case(
        "block = { at = 'a.output', port = 7680, how = 'reject' }",
        "ECONNREFUSED",
        ["EPERM", "EPERM"],
    ),
    case(
        "block = { at = 'a.output', port = 7680, how = 'admin-prohibited' }",
        "EHOSTUNREACH",
        ["EPERM", "EPERM"],
    ),
    case(
        "block = { at = 'b.output', from-port = 7680 }",
        "timeout",
        ["timeout", "timeout"],
    ),
    case(
        "block = { at = 'b.input', protocol = 'tcp', port = '7000-8000', from = '10.1.0.0/24' }",
        "timeout",
        ["open", "open"],
    ),
    case(
        "block = { at = 'b.input', protocol = 'udp', port = 7680 }",
        "open",
        ["timeout", "timeout"],
    ),
    case(
        "block = { at = 'b.input', from = '10.9.0.0/24' }",
        "open",
        ["open", "open"],
    ),
    case(
        "block = { at = 'r1.forward', port = 7680 }",
        "timeout",
        ["timeout", "timeout"],
    ),
    case(
        "block = { at = 'r2.forward', port = 7680, how = 'reject' }",
        "ECONNREFUSED",
        ["timeout", "ECONNREFUSED"],
    ),
    case(
        "block = { at = 'left.port.a', port = 7680 }",
        "timeout",
        ["timeout", "timeout"],
    ),
    case(
        "half-open = { host = 'b', port = 7680 }",
        "timeout",
        ["open", "open"],
    ),
    case(
        "half-open = { host = 'b', port = 7680, connected = true }",
        "open",
        ["open", "open"],
    ),
    case(
        "no-route = { node = 'a' }",
        "ENETUNREACH",
        ["ENETUNREACH", "ENETUNREACH"],
    ),
    case(
        "no-route = { node = 'a', instead = 'blackhole' }",
        "EINVAL",
        ["EINVAL", "EINVAL"],
    ),
    case(
        "no-route = { node = 'a', instead = 'unreachable' }",
        "EHOSTUNREACH",
        ["EHOSTUNREACH", "EHOSTUNREACH"],
    ),
    case(
        "no-route = { node = 'a', to = '10.2.0.0/24', instead = 'prohibit' }",
        "EACCES",
        ["EACCES", "EACCES"],
    ),
    case(
        "no-route = { node = 'r2' }",
        "timeout",
        ["timeout", "timeout"],
    ),
    case(
        "loss = { at = 'b.input', share = '100%', port = 7680 }",
        "timeout",
        ["timeout", "timeout"],
    ),
    case(
        "link-down = { node = 'b', adapter = 'eth0' }",
        "timeout",
        ["timeout", "timeout"],
    ),
];

#[test]
fn blocked_paths() {
    // Most of it is waiting for what does not come: several networks do that at the same time.
    let parts = BLOCKS.chunks(BLOCKS.len().div_ceil(4));
    let running: Vec<_> = parts
        .map(|part| std::thread::spawn(|| blocked(part)))
        .collect();
    let wrong: Vec<String> = running
        .into_iter()
        .flat_map(|part| part.join().unwrap())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn blocked(cases: &[Case]) -> Vec<String> {
    let Some(world) = world(&routed()) else {
        return Vec::new();
    };
    serve(&world);
    assert_eq!(see(&world), ("open", ["open", "open"]));
    let mut wrong = Vec::new();
    for case in cases {
        assert_eq!(
            see(&world),
            ("open", ["open", "open"]),
            "before {}",
            case.fault
        );
        let applied = world.apply(&fault(case.fault)).unwrap();
        let seen = see(&world);
        if seen != (case.tcp, case.udp) {
            wrong.push(format!("{}: {seen:?}", case.fault));
        }
        world.lift(applied).unwrap();
    }
    assert_eq!(see(&world), ("open", ["open", "open"]));
    wrong
}

/// Lets b answer on 7680, TCP and UDP.
fn serve(world: &World) {
    echo(world, "b", 7680);
    let socket = udp(world, "b", "0.0.0.0:7680");
    std::thread::spawn(move || {
        socket.set_read_timeout(None).unwrap();
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            // A fault may be in the way.
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
}

fn see(world: &World) -> (&'static str, [&'static str; 2]) {
    let there = "10.2.0.2:7680";
    let tcp = outcome(connect(world, "a", there));
    let unconnected = udp(world, "a", "0.0.0.0:0");
    let sent = unconnected
        .send_to(b"?", there)
        .and_then(|_| receive(&unconnected));
    let connected = udp(world, "a", "0.0.0.0:0");
    let second = connected
        .connect(there)
        .and_then(|()| connected.send(b"?"))
        .and_then(|_| receive(&connected));
    (tcp, [outcome(sent), outcome(second)])
}

#[test]
fn connections_that_stand() {
    let Some(world) = world(&routed()) else {
        return;
    };
    echo(&world, "b", 7680);
    let standing = |fault_text: &str, bytes: usize| {
        let stream = connect(&world, "a", "10.2.0.2:7680").unwrap();
        round_trip(&stream, 1000).unwrap();
        let applied = world.apply(&fault(fault_text)).unwrap();
        let seen = outcome(round_trip(&stream, bytes));
        let new = outcome(connect(&world, "a", "10.2.0.2:7680").and_then(|s| round_trip(&s, 1000)));
        world.lift(applied).unwrap();
        (seen, new)
    };
    assert_eq!(
        standing(
            "block = { at = 'b.input', port = 7680, how = 'tcp-reset' }",
            1000
        ),
        ("ECONNRESET", "ECONNREFUSED")
    );
    assert_eq!(
        standing(
            "block = { at = 'b.input', port = 7680, only-new = true }",
            100_000
        ),
        ("open", "timeout")
    );
    assert_eq!(
        standing("lost-state = { at = 'r1.forward', port = 7680 }", 1000),
        ("timeout", "open")
    );
    assert_eq!(
        standing(
            "lost-state = { at = 'r1.forward', how = 'tcp-reset' }",
            1000
        ),
        ("ECONNRESET", "open")
    );
    assert_eq!(
        standing(
            "half-open = { host = 'b', port = 7680, connected = true }",
            1000
        ),
        ("timeout", "timeout")
    );
}

#[test]
fn after_so_many_bytes() {
    let Some(world) = world(&routed()) else {
        return;
    };
    echo(&world, "b", 7680);
    for (what, at, seen) in [
        ("reset", "b.input", "ECONNRESET"),
        ("stall", "b.input", "timeout"),
        ("reset", "r2.forward", "ECONNRESET"),
        ("stall", "r1.forward", "timeout"),
    ] {
        let text = format!("{what} = {{ at = '{at}', port = 7680, bytes = 1000000 }}");
        let applied = world.apply(&fault(&text)).unwrap();
        let stream = connect(&world, "a", "10.2.0.2:7680").unwrap();
        assert_eq!(outcome(round_trip(&stream, 300_000)), "open", "{text}");
        assert_eq!(outcome(round_trip(&stream, 1_000_000)), seen, "{text}");
        world.lift(applied).unwrap();
        let stream = connect(&world, "a", "10.2.0.2:7680").unwrap();
        assert_eq!(outcome(round_trip(&stream, 1_500_000)), "open", "{text}");
    }
}

#[test]
fn connections_are_limited() {
    let Some(world) = world(&routed()) else {
        return;
    };
    echo(&world, "b", 7680);
    for (more, seen) in [
        ("", "ECONNREFUSED"),
        (", how = 'drop'", "timeout"),
        (", per-source = true", "ECONNREFUSED"),
    ] {
        let text = format!("connection-limit = {{ at = 'b.input', port = 7680, most = 2{more} }}");
        let applied = world.apply(&fault(&text)).unwrap();
        let first = connect(&world, "a", "10.2.0.2:7680");
        let second = connect(&world, "a", "10.2.0.2:7680");
        let third = connect(&world, "a", "10.2.0.2:7680");
        assert_eq!(
            (outcome(first), outcome(second)),
            ("open", "open"),
            "{text}"
        );
        assert_eq!(outcome(third), seen, "{text}");
        world.lift(applied).unwrap();
        assert_eq!(outcome(connect(&world, "a", "10.2.0.2:7680")), "open");
    }
}

#[test]
fn an_mtu_black_hole_swallows_large_packets() {
    let Some(world) = world(&routed()) else {
        return;
    };
    echo(&world, "b", 7680);
    let hole = fault("mtu-black-hole = { router = 'r1', adapter = 'wan', mtu = 1300 }");
    let applied = world.apply(&hole).unwrap();
    let stream = connect(&world, "a", "10.2.0.2:7680").unwrap();
    assert_eq!(outcome(round_trip(&stream, 800)), "open");
    assert_eq!(outcome(round_trip(&stream, 6000)), "timeout");
    world.lift(applied).unwrap();
    let stream = connect(&world, "a", "10.2.0.2:7680").unwrap();
    assert_eq!(outcome(round_trip(&stream, 60_000)), "open");
}

#[test]
fn isolated_ports_see_the_router_only() {
    let text = r#"
        [switch.lan]
        subnet = "10.50.0.0/24"
        [host.a]
        adapter.eth0 = { switch = "lan", address = "10.50.0.1" }
        [host.b]
        adapter.eth0 = { switch = "lan", address = "10.50.0.2" }
        [router.r]
        adapter.eth0 = { switch = "lan", address = "10.50.0.254" }
    "#;
    let Some(world) = world(text) else { return };
    echo(&world, "b", 7680);
    echo(&world, "r", 7680);
    let see =
        || ["10.50.0.2:7680", "10.50.0.254:7680"].map(|there| outcome(connect(&world, "a", there)));
    assert_eq!(see(), ["open", "open"]);
    let applied = world
        .apply(&fault("isolation = { switch = 'lan' }"))
        .unwrap();
    assert_eq!(see(), ["timeout", "open"]);
    world.lift(applied).unwrap();
    assert_eq!(see(), ["open", "open"]);
}

#[test]
fn multicast_does_not_pass() {
    let Some(world) = world(PAIR) else { return };
    let group = "224.0.0.251".parse().unwrap();
    let listener = udp(&world, "b", "0.0.0.0:5353");
    listener
        .join_multicast_v4(&group, &"10.50.0.2".parse().unwrap())
        .unwrap();
    let sender = udp(&world, "a", "0.0.0.0:0");
    let hear = || {
        sender.send_to(b"hello", (group, 5353)).unwrap();
        outcome(receive(&listener))
    };
    assert_eq!(hear(), "open");
    let applied = world
        .apply(&fault("no-multicast = { switch = 'lan' }"))
        .unwrap();
    assert_eq!(hear(), "timeout");
    echo(&world, "b", 7680);
    assert_eq!(outcome(connect(&world, "a", "10.50.0.2:7680")), "open");
    world.lift(applied).unwrap();
    assert_eq!(hear(), "open");
}

#[test]
fn names_resolve_to_something_else() {
    let text = r#"
        [switch.lan]
        subnet = "10.50.0.0/24"
        [host.a]
        adapter.eth0 = { switch = "lan", address = "10.50.0.1" }
        dns.answers."*.prod.do.example" = { addresses = ["10.50.0.9", "fd00::9"] }
        dns.answers."broken.example" = "failure"
        [host.b]
        adapter.eth0 = { switch = "lan", address = "10.50.0.2" }
    "#;
    let Some(world) = world(text) else { return };
    let resolve = |node: &str, name: &'static str| {
        let found = world
            .run(node, move || (name, 80).to_socket_addrs())
            .unwrap();
        found.map(|all| all.map(|one| one.ip().to_string()).collect::<Vec<_>>())
    };
    let mut both = resolve("a", "geo.prod.do.example").unwrap();
    both.sort();
    both.dedup();
    assert_eq!(both, ["10.50.0.9", "fd00::9"]);
    assert!(resolve("a", "other.example").is_err());
    assert!(resolve("a", "broken.example").is_err());
    assert!(resolve("b", "geo.prod.do.example").is_err());
    let wrong = "dns = { host = 'a', name = 'geo.prod.do.example', answer = { addresses = ['10.50.0.66'] } }";
    let applied = world.apply(&fault(wrong)).unwrap();
    assert_eq!(
        resolve("a", "geo.prod.do.example").unwrap()[0],
        "10.50.0.66"
    );
    world.lift(applied).unwrap();
    assert_ne!(
        resolve("a", "geo.prod.do.example").unwrap()[0],
        "10.50.0.66"
    );
    let entry = "hosts-file = { host = 'a', name = 'geo.prod.do.example', address = '127.0.0.1' }";
    let applied = world.apply(&fault(entry)).unwrap();
    assert_eq!(resolve("a", "geo.prod.do.example").unwrap(), ["127.0.0.1"]);
    world.lift(applied).unwrap();
    assert_ne!(resolve("a", "geo.prod.do.example").unwrap(), ["127.0.0.1"]);
}

#[test]
fn an_address_changes() {
    let Some(world) = world(&routed()) else {
        return;
    };
    echo(&world, "a", 7680);
    let applied = world
        .apply(&fault(
            "address = { host = 'a', adapter = 'eth0', address = '10.1.0.77' }",
        ))
        .unwrap();
    assert_eq!(outcome(connect(&world, "b", "10.1.0.77:7680")), "open");
    assert_eq!(
        outcome(connect(&world, "b", "10.1.0.1:7680").map(drop)),
        "timeout"
    );
    world.lift(applied).unwrap();
    assert_eq!(outcome(connect(&world, "b", "10.1.0.1:7680")), "open");
}

#[test]
fn scripts_show_the_very_lines() {
    let topology = topology(&routed());
    let script =
        fault("block = { at = 'r1.forward', protocol = 'tcp', port = 7680, how = 'reject' }")
            .script(&topology)
            .unwrap();
    assert!(
        script.contains("ip netns exec r1 nft -f -")
            && script.contains("tcp dport 7680 reject with icmpx port-unreachable")
            && script.contains("# ip netns exec r1 nft -f -"),
        "{script}"
    );
}

//! Cables that delay, lose and hold back, measured by counting packets.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test says by a panic what is wrong")]

mod common;

use std::time::{Duration, Instant};

use common::{connect, echo, fault, receive, round_trip, udp, world_with};
use dolab_lab::world::World;

/// a's cable is given; b's is plain.
fn pair(link: &str, faults: &[&str]) -> Option<World> {
    let faults: Vec<_> = faults.iter().map(|text| fault(text)).collect();
    let text = format!(
        r#"
        [switch.lan]
        subnet = "10.50.0.0/24"
        [host.a]
        adapter.eth0 = {{ switch = "lan", address = "10.50.0.1", link = {{ {link} }} }}
        [host.b]
        adapter.eth0 = {{ switch = "lan", address = "10.50.0.2" }}
        "#
    );
    world_with(&text, &faults)
}

/// Packets that arrive of so many, in the order in which they do.
fn arrive(world: &World, from: &str, to: &str, count: usize) -> Vec<usize> {
    let address = format!("{}:7680", world.address(to).unwrap());
    let receiver = udp(world, to, "0.0.0.0:7680");
    let sender = udp(world, from, "0.0.0.0:0");
    // At the same time: the kernel's buffer is bounded.
    let reader = std::thread::spawn(move || {
        let mut arrived = Vec::new();
        while let Ok((text, _)) = receive(&receiver) {
            arrived.extend(text.parse::<usize>());
        }
        arrived
    });
    sender.send_to(b"first", &address).unwrap();
    for number in 0..count {
        sender
            .send_to(number.to_string().as_bytes(), &address)
            .unwrap();
        // As a cable of some speed would; what it takes has no say in the result.
        if number % 20 == 19 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    reader.join().unwrap()
}

#[test]
fn a_delay_is_never_shorter_than_asked() {
    let Some(world) = pair("delay = '20ms'", &[]) else {
        return;
    };
    dolab_tests::note(&format!("netem: {}", world.kernel().netem));
    echo(&world, "b", 7680);
    let stream = connect(&world, "a", "10.50.0.2:7680").unwrap();
    let mut least = Duration::MAX;
    for _ in 0..10 {
        let begun = Instant::now();
        round_trip(&stream, 100).unwrap();
        least = least.min(begun.elapsed());
    }
    dolab_tests::note(&format!("asked for 40 ms and back, least {least:?}"));
    assert!(least >= Duration::from_millis(40), "{least:?}");
    // Large packets, checksums and both directions.
    round_trip(&stream, 2_000_000).unwrap();
    assert_eq!(arrive(&world, "a", "b", 500), (0..500).collect::<Vec<_>>());
}

#[test]
fn a_share_is_lost_each_way() {
    let Some(world) = pair("loss = '10%'", &[]) else {
        return;
    };
    for (from, to) in [("a", "b"), ("b", "a")] {
        let arrived = arrive(&world, from, to, 2000).len();
        // Five standard deviations of 2000 throws.
        assert!(
            (1732..=1868).contains(&arrived),
            "{from} to {to}: {arrived}"
        );
    }
}

#[test]
fn packets_overtake() {
    let Some(world) = pair("delay = '10ms', reorder = '10%'", &[]) else {
        return;
    };
    let arrived = arrive(&world, "a", "b", 500);
    assert_eq!(arrived.len(), 500);
    assert!(!arrived.is_sorted());
}

#[test]
fn a_cable_gets_worse_and_better_again() {
    let worse = "shape = { node = 'a', adapter = 'eth0', delay = '30ms', loss = '100%' }";
    let slow = "rate = { node = 'b', adapter = 'eth0', rate = '1Mbit/s' }";
    let Some(world) = pair("", &[worse, slow]) else {
        return;
    };
    assert_eq!(arrive(&world, "a", "b", 100).len(), 100);
    let applied = world.apply(&fault(worse)).unwrap();
    assert!(arrive(&world, "a", "b", 100).is_empty());
    world.lift(applied).unwrap();
    assert_eq!(arrive(&world, "a", "b", 100).len(), 100);
    let applied = world.apply(&fault(slow)).unwrap();
    // The bucket holds 32 KiB and 50 ms more wait: of 400 kB at once, most are lost.
    let (receiver, sender) = (
        udp(&world, "b", "0.0.0.0:7681"),
        udp(&world, "a", "0.0.0.0:0"),
    );
    for _ in 0..400 {
        sender.send_to(&[0; 1000], "10.50.0.2:7681").unwrap();
    }
    let mut arrived = 0;
    while receive(&receiver).is_ok() {
        arrived += 1;
    }
    assert!((30..200).contains(&arrived), "{arrived}");
    world.lift(applied).unwrap();
    assert_eq!(arrive(&world, "a", "b", 100).len(), 100);
}

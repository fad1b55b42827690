//! Microsoft's own test of two machines: how much of the second one's download comes from the first.
//!
//! The recipe (documented in "Testing Delivery Optimization"): a content of 3.4 GB, group mode with a
//! group of one's own, no restriction, a foreground download; the second machine begins 5 minutes
//! after the first. Seen there: 87 % (Windows 10) and 90 % (Windows 11) from the peer without delays;
//! with 60 s of delay for HTTP 99.8 %, and 99.7 % on a third machine.
//!
//! Times are scaled by [`TIME`], rates by [`RATE`], for a busy machine has to keep up with them, and
//! sizes by both, that of a piece nearly so. In place of the 5 minutes the test waits for what they are for: that the cloud offers the first machine. What
//! the recipe leaves open is chosen here: the lines, and how long the service takes to name a peer,
//! which is a fault of the cloud on the join.

use dolab_tests::{Campus, note};
use serde_json::Value;

use super::{Cloud, ask};

/// Times are so many times shorter than in the recipe.
const TIME: u64 = 12;
/// Lines are so many times slower than 80 Mbit/s to the internet and 400 Mbit/s for each machine.
const RATE: u64 = 4;
/// 3.4 GB, scaled.
const BYTES: u64 = 3_400_000_000 / TIME / RATE;
/// 60 s, scaled.
const DELAY: &str = "5";
/// 1 MiB, scaled to a power of two.
const PIECE: &str = "16KiB";

/// The line to the internet and that of each machine.
const LINE: &str = "tbf rate 20mbit burst 32kb latency 50ms";
const LAN: &str = "tbf rate 100mbit burst 64kb latency 50ms";
/// How long the service takes to name a peer, beside what it costs to ask: 26 s before scaling.
const LATE: [&str; 2] = ["--fault", "path=/join/,delay=2150ms"];

const RECIPE: [(&str, &str); 3] = [
    ("DODownloadMode", "2"),
    ("DOGroupId", "\"11111111-2222-4333-8444-555555555555\""),
    ("DORestrictPeerSelectionBy", "0"),
];
const DELAYS: [(&str, &str); 2] = [
    ("DODelayForegroundDownloadFromHttp", DELAY),
    ("DODelayBackgroundDownloadFromHttp", DELAY),
];

/// What a machine's status says.
#[derive(Debug)]
struct Seen {
    percent: f64,
    lan: u64,
    group: u64,
    peers: u64,
}

impl Seen {
    fn of(status: &Value) -> Self {
        let status = &status["files"][0]["status"];
        let number = |name: &str| status[name].as_u64().expect("a number");
        Self {
            percent: status["PercentPeerCaching"].as_f64().expect("a number"),
            lan: number("BytesFromLanPeers"),
            group: number("BytesFromGroupPeers"),
            peers: number("NumPeers"),
        }
    }
}

/// Plays the recipe with so many machines, one after the other, and returns what each one's status
/// says; `None`, said aloud, where there can be no network.
fn play(machines: usize, service: &[&str], policies: &[(&str, &str)]) -> Option<Vec<Seen>> {
    let campus = Campus::new()?;
    let hosts = [&campus.a1[0], &campus.a1[1], &campus.a2[0]];
    for host in hosts {
        host.shape("eth0", LAN);
    }
    let more = [&["--piece-size", PIECE], service].concat();
    let cloud = Cloud::start_with(&campus.cloud, &format!("{BYTES}B"), &more);
    let policies = [&RECIPE[..], policies].concat();
    let mut running = Vec::new();
    let mut states = Vec::new();
    for (host, name) in hosts
        .into_iter()
        .zip(["first", "second", "third"])
        .take(machines)
    {
        let device = cloud.device(host, name, &policies, &["--share-for", "10m"]);
        device.seeds();
        states.push(device.state.clone());
        running.push(device);
        // How long the first one takes, matters to nobody.
        campus.line_of_site_a(LINE);
    }
    let seen = states
        .iter()
        .map(|state| Seen::of(&ask(&["status"], state)));
    let seen: Vec<_> = seen.collect();
    for (machine, seen) in seen.iter().enumerate() {
        note(&format!("machine {}: {seen:?}", machine + 1));
    }
    Some(seen)
}

#[test]
fn without_delays_87_to_90_percent_of_the_second_machine_come_from_the_first() {
    let Some(seen) = play(2, &LATE, &[]) else {
        return;
    };
    let [first, second] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (first.percent, first.lan, first.peers),
        (0.0, 0, 0),
        "{first:?}"
    );
    // Microsoft prints whole numbers.
    assert!((86.5..90.5).contains(&second.percent), "{second:?}");
    assert_eq!((second.group, second.peers), (0, 1), "{second:?}");
}

/// The share is not made: where the service names the peer at once, HTTP has nothing but its first
/// requests (documented: "only after making those initial requests from HTTP").
#[test]
fn a_peer_that_is_named_at_once_leaves_http_its_first_requests() {
    let Some(seen) = play(2, &[], &[]) else {
        return;
    };
    let second = &seen[1];
    assert!((95.0..100.0).contains(&second.percent), "{second:?}");
    assert_eq!((second.group, second.peers), (0, 1), "{second:?}");
}

#[test]
fn with_a_delay_of_60_s_all_but_nothing_comes_over_http() {
    let Some(seen) = play(3, &LATE, &DELAYS) else {
        return;
    };
    let [first, second, third] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (first.percent, first.lan, first.peers),
        (0.0, 0, 0),
        "{first:?}"
    );
    for (machine, peers, least) in [(second, 1, 99.8), (third, 2, 99.7)] {
        assert!(machine.percent >= least, "{machine:?}");
        assert_eq!((machine.group, machine.peers), (0, peers), "{machine:?}");
    }
}

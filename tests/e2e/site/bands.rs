//! Microsoft's own test of two machines: how much of the second one's download comes from the first.
//!
//! The recipe (documented in "Testing Delivery Optimization"): a content of 3.4 GB, group mode with a
//! group of one's own, no restriction, a foreground download; the second machine begins 5 minutes
//! after the first. Seen there: 87 % (Windows 10) and 90 % (Windows 11) from the peer without delays;
//! with 60 s of delay for HTTP 99.8 %, and 99.7 % on a third machine.
//!
//! Times are scaled by [`TIME`] and rates by [`RATE`], so that a busy machine keeps up with them: the
//! lines, and the rate of `ForegroundQosBps` to which HTTP makes up what peers bring. Sizes are scaled
//! by both, that of a piece nearly so. In place of the 5 minutes the test waits for what they are for:
//! that the cloud offers the first machine.
//!
//! The page says neither how fast the lines are nor how long the service takes to name a peer. What
//! share follows from them is worked out in [`Site::share`]; the runs have to agree with it, at values
//! around those at which Microsoft's figures lie and at others. docs/device.md has the curve.

use dolab_tests::{Campus, note};
use serde_json::Value;

use super::{Cloud, ask};

/// Times are so many times shorter than in the recipe.
const TIME: u64 = 12;
/// Rates are so many times lower.
const RATE: u64 = 4;
/// 3.4 GB, scaled.
const BYTES: u64 = 3_400_000_000 / TIME / RATE;
/// 60 s, scaled.
const DELAY: &str = "5";
/// 1 MiB, scaled to a power of two.
const PIECE: u64 = 16 << 10;
/// Points by which a run may be off what is worked out: half of what lies between two of the rows. Alone
/// on a machine they are within 0.6; with sixteen networks at once on two cores 1.8 was seen.
const WITHIN: f64 = 2.5;
/// 400 Mbit/s from each machine, scaled.
const LAN: u64 = 400 / RATE;

const RECIPE: [(&str, &str); 3] = [
    ("DODownloadMode", "2"),
    ("DOGroupId", "\"11111111-2222-4333-8444-555555555555\""),
    ("DORestrictPeerSelectionBy", "0"),
];
const DELAYS: [(&str, &str); 2] = [
    ("DODelayForegroundDownloadFromHttp", DELAY),
    ("DODelayBackgroundDownloadFromHttp", DELAY),
];

/// What the recipe leaves open, scaled.
#[derive(Clone, Copy, Debug)]
struct Site {
    /// The line to the internet, in Mbit/s.
    line: u64,
    /// How long the service takes to name a peer, in milliseconds.
    named: u64,
    /// `ForegroundQosBps`: bytes a second below which HTTP makes up what peers bring.
    floor: u64,
}

/// 80 Mbit/s, a peer named after 38 s, and the rate that was observed in a content policy.
const SITE: Site = Site {
    line: 80 / RATE,
    named: 3200,
    floor: 6_710_886 / RATE,
};

impl Site {
    /// What comes from the peer, in percent.
    ///
    /// - HTTP has the line for itself until a peer is named.
    /// - Then it is asked for nothing more but what it is asked for already: at most two requests of
    ///   eight pieces, half of which have come by then.
    /// - Where the line is slower than the floor, both together first make up what was missing to it
    ///   until then, though no more than two seconds of it; as long HTTP keeps its line full.
    fn share(&self) -> f64 {
        let (line, lan) = (payload(self.line), payload(LAN));
        let (named, floor) = (self.named as f64 / 1000.0, self.floor as f64);
        let owed = (named * (1.0 - line / floor)).clamp(0.0, 2.0);
        let making_up = owed / ((line + lan) / floor - 1.0);
        let under_way = (2 * 8 * PIECE) as f64 / 2.0;
        100.0 * (1.0 - (line * (named + making_up) + under_way) / BYTES as f64)
    }
}

/// Bytes a second that a line of so many Mbit/s carries for TCP: of a frame of 1514 bytes, 1448.
fn payload(mbit: u64) -> f64 {
    mbit as f64 * 1e6 / 8.0 * 1448.0 / 1514.0
}

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
fn play(machines: usize, site: &Site, policies: &[(&str, &str)]) -> Option<Vec<Seen>> {
    let campus = Campus::new()?;
    let hosts = [&campus.a1[0], &campus.a1[1], &campus.a2[0]];
    for host in hosts {
        host.shape("eth0", &discipline(LAN));
    }
    let (piece, floor) = (format!("{PIECE}B"), format!("{}B/s", site.floor));
    // The first machine joins twice, at the start and when it is whole: how long that takes, matters
    // to nobody.
    let late = format!("path=/join/,after=2,delay={}ms", site.named);
    let more = [
        "--piece-size",
        &piece,
        "--foreground-qos",
        &floor,
        "--fault",
        &late,
    ];
    let cloud = Cloud::start_with(&campus.cloud, &format!("{BYTES}B"), &more);
    let policies = [&RECIPE[..], policies].concat();
    let mut running = Vec::new();
    let mut states = Vec::new();
    let names = ["first", "second", "third"];
    for (n, host) in hosts.into_iter().enumerate().take(machines) {
        let last = n + 1 == machines;
        let share: &[&str] = if last { &[] } else { &["--share-for", "10m"] };
        let device = cloud.device(host, names[n], &policies, share);
        states.push(device.state.clone());
        if last {
            device.ends().0.assert_code(0);
        } else {
            device.seeds();
            running.push(device);
        }
        // How long the first one takes, matters to nobody.
        campus.line_of_site_a(&discipline(site.line));
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

fn discipline(mbit: u64) -> String {
    format!("tbf rate {mbit}mbit burst 64kb latency 50ms")
}

/// Plays it with two machines without delays, and holds the second one to what is worked out.
fn holds(site: Site) {
    let Some(seen) = play(2, &site, &[]) else {
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
    let share = site.share();
    note(&format!(
        "{site:?}: {share:.2} %, seen {:.2}",
        second.percent
    ));
    assert!(
        (second.percent - share).abs() < WITHIN,
        "{share} {second:?}"
    );
    assert_eq!((second.group, second.peers), (0, 1), "{second:?}");
}

/// The value at which both machines of Microsoft's are where it saw them.
#[test]
fn without_delays_87_to_90_percent_of_the_second_machine_come_from_the_first() {
    assert!((87.0..90.0).contains(&SITE.share()), "{}", SITE.share());
    holds(SITE);
}

#[test]
fn a_peer_that_is_named_sooner_brings_more() {
    holds(Site {
        named: 1600,
        ..SITE
    });
}

#[test]
fn a_peer_that_is_named_later_brings_less() {
    holds(Site {
        named: 6000,
        ..SITE
    });
}

#[test]
fn a_line_twice_as_fast_has_brought_as_much_in_half_the_time() {
    holds(Site {
        named: SITE.named / 2,
        line: SITE.line * 2,
        ..SITE
    });
}

/// Below the floor HTTP goes on for as long as peers need to make up what was owed to it. On a machine
/// that is too busy to carry the LAN's rate that takes longer, so this is the most that can come from
/// the peer.
#[test]
fn a_line_below_the_floor_goes_on_for_a_while_beside_the_peer() {
    let site = Site {
        floor: SITE.floor * RATE,
        ..SITE
    };
    assert!(site.share() < SITE.share() - 5.0, "{}", site.share());
    let Some(seen) = play(2, &site, &[]) else {
        return;
    };
    let (share, second) = (site.share(), &seen[1]);
    assert!(second.percent < share + WITHIN, "{share} {second:?}");
}

/// Where the service names the peer at once, HTTP has nothing but its first requests (documented:
/// "only after making those initial requests from HTTP").
#[test]
fn a_peer_that_is_named_at_once_leaves_http_its_first_requests() {
    holds(Site { named: 0, ..SITE });
}

#[test]
fn with_a_delay_of_60_s_all_but_nothing_comes_over_http() {
    let Some(seen) = play(3, &SITE, &DELAYS) else {
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

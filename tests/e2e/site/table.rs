//! Who is offered whom, and where bytes come from: a table by hand, from the facts.

use std::collections::BTreeMap;

use dolab_tests::{Campus, Namespace};
use serde_json::Value;

use super::{Cloud, SIZE, ask};

/// A line of the table.
struct Row {
    /// What it is called.
    name: &'static str,
    /// Where the device stands: the last number of its subnet's name.
    place: Place,
    /// What is set on it.
    policies: &'static [(&'static str, &'static str)],
    /// Whom it is offered, and as what. By the addresses of the seeds.
    offered: &'static [(&'static str, &'static str)],
    /// Where every byte comes from.
    from: &'static str,
    /// Which mode it says that it ran in.
    mode: u64,
    /// The fact that this line rests on.
    fact: &'static str,
}

#[derive(Clone, Copy)]
enum Place {
    A1,
    A2,
    B1,
}

const GROUP: &str = "\"11111111-2222-4333-8444-555555555555\"";
const OTHER_GROUP: &str = "\"99999999-2222-4333-8444-555555555555\"";

/// The seeds: in mode 1, mode 3 and mode 2.
const LAN_SEED: &str = "10.1.1.10";
const INTERNET_SEED: &str = "10.1.2.10";
const GROUP_SEED: &str = "10.2.1.10";

/// No restriction, so that the mode alone decides. Windows 11 restricts by default.
const ANY: (&str, &str) = ("DORestrictPeerSelectionBy", "0");
const SUBNET: (&str, &str) = ("DORestrictPeerSelectionBy", "1");
const LINK: (&str, &str) = ("DORestrictPeerSelectionBy", "2");

/// Where a peer is expected, HTTP waits for it for long; where none is, for as long as one would
/// take on this network many times over.
const LONG: (&str, &str) = ("DODelayForegroundDownloadFromHttp", "60");
const SHORT: (&str, &str) = ("DODelayForegroundDownloadFromHttp", "3");

const TABLE: &[Row] = &[
    Row {
        name: "cdn-only",
        place: Place::A1,
        policies: &[("DODownloadMode", "0"), ANY, SHORT],
        offered: &[],
        from: "cdn",
        mode: 0,
        fact: "4: 0 is HTTP only",
    },
    Row {
        name: "lan",
        place: Place::A1,
        policies: &[("DODownloadMode", "1"), ANY, LONG],
        offered: &[(LAN_SEED, "LAN"), (INTERNET_SEED, "LAN")],
        from: "lan",
        mode: 1,
        fact: "6: mode 1 gets peers with the same public IP, also in other subnets",
    },
    Row {
        name: "lan-subnet",
        place: Place::A1,
        policies: &[("DODownloadMode", "1"), SUBNET, LONG],
        offered: &[(LAN_SEED, "LAN")],
        from: "lan",
        mode: 1,
        fact: "6: the subnet restriction narrows mode 1 to the own subnet",
    },
    Row {
        name: "lan-other-subnet",
        place: Place::A2,
        policies: &[("DODownloadMode", "1"), SUBNET, LONG],
        offered: &[(INTERNET_SEED, "LAN")],
        from: "lan",
        mode: 1,
        fact: "6: the subnet restriction narrows mode 1 to the own subnet",
    },
    Row {
        name: "lan-behind-another-nat",
        place: Place::B1,
        policies: &[("DODownloadMode", "1"), ANY, SHORT],
        offered: &[],
        from: "cdn",
        mode: 1,
        fact: "7 row 5: another public IP, no peers in mode 1; the one there is in group mode",
    },
    Row {
        name: "group",
        place: Place::B1,
        policies: &[("DODownloadMode", "2"), ("DOGroupId", GROUP), ANY, LONG],
        offered: &[(GROUP_SEED, "LAN")],
        from: "lan",
        mode: 2,
        fact: "5.1: in group mode a peer on the LAN is counted as LAN",
    },
    Row {
        name: "group-across-nats",
        place: Place::A1,
        policies: &[("DODownloadMode", "2"), ("DOGroupId", GROUP), ANY, SHORT],
        offered: &[(GROUP_SEED, "Group")],
        from: "cdn",
        mode: 2,
        fact: "6 and 9: a group crosses NATs, and without Teredo its peers do not connect",
    },
    Row {
        name: "other-group",
        place: Place::B1,
        policies: &[
            ("DODownloadMode", "2"),
            ("DOGroupId", OTHER_GROUP),
            ANY,
            SHORT,
        ],
        offered: &[],
        from: "cdn",
        mode: 2,
        fact: "7 row 22: different group ids, peers split",
    },
    Row {
        name: "internet",
        place: Place::B1,
        policies: &[("DODownloadMode", "3"), ANY, SHORT],
        offered: &[("10.99.0.1", "Internet")],
        from: "cdn",
        mode: 3,
        fact: "4: mode 3 is Internet peers; behind a NAT they are offered and do not connect (9)",
    },
    Row {
        name: "simple",
        place: Place::A1,
        policies: &[("DODownloadMode", "99"), ANY, SHORT],
        offered: &[],
        from: "cdn",
        mode: 99,
        fact: "4: 99 is Simple, no cloud",
    },
    Row {
        name: "bypass",
        place: Place::A1,
        policies: &[("DODownloadMode", "100"), ANY, SHORT],
        offered: &[],
        from: "cdn",
        mode: 100,
        fact: "4: 100 is Bypass: not through peers",
    },
    Row {
        name: "dns-sd",
        place: Place::A1,
        policies: &[("DODownloadMode", "1"), LINK, LONG],
        offered: &[(LAN_SEED, "LinkLocal")],
        from: "link_local",
        mode: 1,
        fact: "2.2 and 6: with the DNS-SD restriction peers are those on the link, LinkLocal",
    },
    Row {
        name: "dns-sd-other-link",
        place: Place::A2,
        policies: &[("DODownloadMode", "1"), LINK, LONG],
        offered: &[(INTERNET_SEED, "LinkLocal")],
        from: "link_local",
        mode: 1,
        fact: "7 row 20: DNS-SD ends at the router",
    },
];

#[test]
fn who_is_offered_whom_and_where_bytes_come_from_is_what_the_facts_say() {
    let Some(campus) = Campus::new() else {
        return;
    };
    let cloud = Cloud::start(&campus.cloud, SIZE);
    let share = ["--share-for", "10m"];
    let seeds = [
        (
            &campus.a1[0],
            "seed-lan",
            vec![("DODownloadMode", "1"), ANY, SHORT],
        ),
        (
            &campus.a2[0],
            "seed-internet",
            vec![("DODownloadMode", "3"), SHORT],
        ),
        (
            &campus.b1[0],
            "seed-group",
            vec![("DODownloadMode", "2"), ("DOGroupId", GROUP), ANY, SHORT],
        ),
    ];
    let mut running = Vec::new();
    for (host, name, policies) in seeds {
        let seed = cloud.device(host, name, &policies, &share);
        seed.seeds();
        running.push(seed);
    }
    let mut wrong = Vec::new();
    for row in TABLE {
        let host = host(&campus, row.place);
        let (finished, state) = cloud.device(host, row.name, row.policies, &[]).ends();
        if finished.code != Some(0) {
            wrong.push(format!(
                "{}: {}\n{}",
                row.name, finished.stdout, finished.stderr
            ));
            continue;
        }
        let status = ask(&["status"], &state);
        let peers = ask(
            &["status", "--peer-info", "--select-peer-count", "255"],
            &state,
        );
        let seen = Seen::of(&status["files"][0]["status"], &peers["files"][0]);
        let expected = Seen {
            offered: row
                .offered
                .iter()
                .map(|&(ip, kind)| (ip.into(), kind.into()))
                .collect(),
            num_peers: row.offered.len() as u64,
            connected: row.from != "cdn",
            from: vec![(row.from.to_owned(), cloud.bytes)],
            mode: mode_name(row.mode).to_owned(),
        };
        if seen != expected {
            wrong.push(format!(
                "{}: {}\n  expected {expected:?}\n  seen     {seen:?}",
                row.name, row.fact
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[derive(Debug, PartialEq)]
struct Seen {
    offered: BTreeMap<String, String>,
    num_peers: u64,
    /// Whether a connection with any of them ever stood.
    connected: bool,
    from: Vec<(String, u64)>,
    mode: String,
}

impl Seen {
    fn of(status: &Value, peers: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let offered = peers["Peers"].as_array().into_iter().flatten();
        let mut connected = offered.clone();
        let classes = [
            ("cache_host", "BytesFromCacheServer"),
            ("lan", "BytesFromLanPeers"),
            ("link_local", "BytesFromLinkLocalPeers"),
            ("group", "BytesFromGroupPeers"),
            ("internet", "BytesFromInternetPeers"),
        ];
        let bytes = |name: &str| status[name].as_u64().unwrap_or(u64::MAX);
        let cdn = bytes("BytesFromHttp") - bytes("BytesFromCacheServer");
        let from = classes.iter().map(|(class, name)| (*class, bytes(name)));
        Self {
            offered: offered
                .map(|peer| (text(&peer["IP"]), text(&peer["PeerType"])))
                .collect(),
            num_peers: bytes("NumPeers"),
            connected: connected.any(|peer| peer["ConnectionEstablished"] == true),
            from: [("cdn", cdn)]
                .into_iter()
                .chain(from)
                .filter(|(_, bytes)| *bytes > 0)
                .map(|(class, bytes)| (class.to_owned(), bytes))
                .collect(),
            mode: text(&status["DownloadMode"]),
        }
    }
}

fn mode_name(mode: u64) -> &'static str {
    match mode {
        0 => "CdnOnly",
        1 => "Lan",
        2 => "Group",
        3 => "Internet",
        99 => "Simple",
        _ => "Bypass",
    }
}

fn host(campus: &Campus, place: Place) -> &Namespace {
    match place {
        Place::A1 => &campus.a1[1],
        Place::A2 => &campus.a2[1],
        Place::B1 => &campus.b1[1],
    }
}

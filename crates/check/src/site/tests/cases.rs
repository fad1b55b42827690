//! The evidence that shows each failure, and the same without what matters.

use serde_json::{Value, json};

use super::{Device, lone, missed, one, recorded, with};

pub(super) fn gate(name: &str, code: Option<&str>, blocks: &[&str], reason: &str) -> Value {
    json!({ "gate": name, "verdict": "closed", "reason": reason, "code": code, "blocks": blocks })
}

pub(super) fn held(
    name: &str,
    value: &str,
    number: Option<u32>,
    set: bool,
    provider: &str,
) -> Value {
    json!({ "name": name, "value": value, "number": number, "set": set, "provider": provider })
}

fn failure(kind: &str, code: &str, text: &str) -> Value {
    json!({ "kind": kind, "code": code, "text": text })
}

const PEERS: &[&str] = &["from-peers", "to-peers"];

/// Evidence that shows a failure, and the same without what matters.
pub(super) struct Case {
    pub(super) code: &'static str,
    pub(super) ill: Vec<Device>,
    pub(super) well: Vec<Device>,
}

fn case(
    code: &'static str,
    base: &[Device],
    ill: &[(&str, Value)],
    well: &[(&str, Value)],
) -> Case {
    Case {
        code,
        ill: with(base, ill),
        well: with(base, well),
    }
}

/// A case whose negative is the evidence as it was recorded.
fn against(code: &'static str, base: &[Device], ill: &[(&str, Value)]) -> Case {
    case(code, base, ill, &[])
}

const FILE: &str = "/0/files/0";

fn at(place: &str) -> String {
    format!("{FILE}{place}")
}

fn settings() -> Vec<Case> {
    let (one, lone) = (one(), lone());
    let policies = |list: Vec<Value>| vec![("/0/policies", Value::from(list))];
    let gates = |gate: Value| vec![("/0/gates", json!([gate]))];
    let of_file = |gate: Value| (at("/gates"), json!([gate]));
    let mode = |number, text| held("DODownloadMode", text, Some(number), true, "MdmProvider");
    let lan = || mode(1, "1, LAN");
    let vpn = gate(
        "vpn",
        Some("0x80D03807"),
        PEERS,
        "the adapter `Secure 2` counts as a vpn by the word `Secure`",
    );
    let adapter = |text: &str| json!([{ "description": text, "friendly_name": "Secure 2" }]);
    let small = gate("min-file-size", None, PEERS, "30 MB against 50 MB");
    let tiny = gate("simple-size", None, PEERS, "5 MB against 10 MB");
    let (place, small) = of_file(small);
    let restrict = |number, provider| {
        held(
            "DORestrictPeerSelectionBy",
            "2",
            Some(number),
            true,
            provider,
        )
    };
    let id = held(
        "DOGroupId",
        "aaaaaaaa-0000-4000-8000-000000000001",
        None,
        true,
        "RegistryProvider",
    );
    let source = |number| {
        held(
            "DOGroupIdSource",
            "3",
            Some(number),
            true,
            "RegistryProvider",
        )
    };
    let group = json!({ "id": "tenant", "origin": "tenant",
        "tried": [{ "origin": "dhcp", "why": "`berlin` is no GUID" }] });
    let overruled = json!({ "name": "DODownloadMode", "value": "1, LAN", "number": 1, "set": true,
        "provider": "RegistryProvider", "overruled": [{ "provider": "MdmProvider", "value": "2" }] });
    let from_dhcp = |number| {
        held(
            "DOCacheHostSource",
            "1",
            Some(number),
            true,
            "RegistryProvider",
        )
    };
    let caches = at("/caches");
    let hours = held(
        "DOSetHoursToLimitBackgroundDownloadBandwidth",
        "from 8 to 17 o'clock 10 %, else 90 %",
        None,
        true,
        "RegistryProvider",
    );
    let mut clock = policies(vec![hours]);
    clock.push(("/0/clock_ahead", json!(43_200)));
    let mut right = clock.clone();
    right[1].1 = json!(-299);
    let mut no_hours = clock.clone();
    no_hours[0].1 = json!([lan()]);
    vec![
        case("DL125", &one, &clock, &right),
        case("DL125", &one, &clock, &no_hours),
        case(
            "DL007",
            &one,
            &policies(vec![mode(100, "100")]),
            &policies(vec![lan()]),
        ),
        case(
            "DL006",
            &one,
            &policies(vec![mode(99, "99")]),
            &policies(vec![lan()]),
        ),
        case(
            "DL006",
            &one,
            &policies(vec![mode(0, "0")]),
            &policies(vec![mode(2, "2")]),
        ),
        against("DL121", &one, &policies(vec![overruled])),
        against(
            "DL040",
            &one,
            &gates(gate("cost", Some("0x80D03801"), PEERS, "metered")),
        ),
        against(
            "DL052",
            &one,
            &gates(gate("memory", Some("0x80D03808"), &["to-peers"], "scarce")),
        ),
        against(
            "DL039",
            &one,
            &gates(gate("cache-folder", Some("0x80D03809"), PEERS, "gone")),
        ),
        against("DL010", &lone, &[(&place, small.clone())]),
        case("DL011", &lone, &[(&place, json!([tiny, small[0]]))], &[]),
        case(
            "DL027",
            &one,
            &[
                ("/0/gates", json!([vpn])),
                (
                    "/0/conditions/adapters",
                    adapter("Realtek PCIe GbE Family Controller"),
                ),
            ],
            &[(
                "/0/conditions/adapters",
                adapter("Realtek PCIe GbE Family Controller"),
            )],
        ),
        case(
            "DL026",
            &one,
            &[
                ("/0/gates", json!([vpn])),
                ("/0/conditions/adapters", adapter("WireGuard Tunnel")),
            ],
            &[("/0/conditions/adapters", adapter("WireGuard Tunnel"))],
        ),
        against(
            "DL029",
            &one,
            &gates(gate("ram", None, PEERS, "2 GB of at least 4 GB")),
        ),
        against(
            "DL029",
            &one,
            &gates(gate("disk", None, PEERS, "20 GB of at least 32 GB")),
        ),
        case(
            "DL021",
            &one,
            &[
                ("/0/os", json!("windows-10")),
                ("/0/policies", json!([restrict(2, "MdmProvider")])),
            ],
            &[
                ("/0/os", json!("windows-10")),
                ("/0/policies", json!([restrict(2, "RegistryProvider")])),
            ],
        ),
        case(
            "DL025",
            &one,
            &policies(vec![lan(), id.clone()]),
            &policies(vec![mode(2, "2"), id]),
        ),
        case(
            "DL024",
            &one,
            &[
                ("/0/policies", json!([mode(2, "2"), source(3)])),
                ("/0/group", group.clone()),
            ],
            &[
                ("/0/policies", json!([mode(2, "2"), source(5)])),
                ("/0/group", group),
            ],
        ),
        against(
            "DL028",
            &one,
            &gates(gate(
                "battery",
                Some("0x80D03804"),
                &["to-peers"],
                "at 20 %",
            )),
        ),
        against(
            "DL030",
            &one,
            &gates(gate(
                "monthly-cap",
                None,
                &["to-internet-peers"],
                "20 GB of 20 GB",
            )),
        ),
        case(
            "DL123",
            &lone,
            &[
                ("/0/cache_limit", json!(107_374_182)),
                (&at("/status"), json!("complete")),
            ],
            &[
                ("/0/cache_limit", json!(1_073_741_824)),
                (&at("/status"), json!("complete")),
            ],
        ),
        case(
            "DL056",
            &lone,
            &[("/0/policies", json!([from_dhcp(1)]))],
            &[
                ("/0/policies", json!([from_dhcp(1)])),
                (&caches, json!(["DHCP:10.0.0.9"])),
                (
                    &at("/from"),
                    json!({ "cache_host": 60_000_000, "cdn": 74_217_728 }),
                ),
            ],
        ),
    ]
}

fn cloud() -> Vec<Case> {
    let lone = lone();
    let lookup = |kind, code, text| {
        vec![
            (at("/failure"), failure(kind, code, text)),
            (at("/registration"), Value::Null),
        ]
    };
    let failed = |code, kind, do_code, text| {
        let changes = lookup(kind, do_code, text);
        let changes: Vec<_> = changes
            .iter()
            .map(|(place, value)| (place.as_str(), value.clone()))
            .collect();
        against(code, &lone, &changes)
    };
    let gates = at("/gates");
    vec![
        failed(
            "DL002",
            "certificate",
            "0x80D05002",
            "the certificate of geo is not trusted",
        ),
        failed(
            "DL124",
            "certificate-date",
            "0x80D05002",
            "the certificate of geo does not hold now",
        ),
        failed("DL003", "captive-portal", "0x80D0380A", "a web page came"),
        failed(
            "DL001",
            "unreachable",
            "0x80D0380A",
            "the geo service could not be asked",
        ),
        against(
            "DL001",
            &lone,
            &[(
                "/0/cloud/failure",
                failure("unreachable", "0x80D0380A", "no answer"),
            )],
        ),
        failed("DL054", "unknown-content", "0x80D02016", "no policy for it"),
        failed("DL012", "hash-file-unavailable", "0x80D02017", "404"),
        failed("DL013", "hash-file-wrong", "0x80D06809", "no hash file"),
        against(
            "DL009",
            &lone,
            &[(
                &gates,
                json!([gate("caller", Some("0x80D0380B"), PEERS, "not known")]),
            )],
        ),
        against(
            "DL008",
            &lone,
            &[(
                &gates,
                json!([gate(
                    "content-policy",
                    Some("0x80D03802"),
                    PEERS,
                    "no peers"
                )]),
            )],
        ),
        against(
            "DL042",
            &lone,
            &[(
                &at("/registration"),
                json!({ "joined": false, "offered": 0, "failure": failure("other", "0x80D0380A", "500") }),
            )],
        ),
    ]
}

fn meeting() -> Vec<Case> {
    let missed = missed();
    let group = |id: &str, origin: &str| json!({ "id": id, "origin": origin, "tried": [] });
    let both_in_groups = |a: Value, b: Value| {
        with(
            &missed,
            &[
                ("/0/files/0/mode", json!("Group")),
                ("/1/files/0/mode", json!("Group")),
                ("/0/group", a),
                ("/1/group", b),
            ],
        )
    };
    let restrict = |set| {
        held(
            "DORestrictPeerSelectionBy",
            "2",
            Some(2),
            set,
            "DefaultProvider",
        )
    };
    let narrow = |set| {
        vec![
            ("/1/restriction", json!("local-discovery")),
            ("/1/policies", json!([restrict(set)])),
        ]
    };
    let pair = |code, ill, well| Case { code, ill, well };
    let first = with(&missed, &[("/1/files", json!([]))]);
    let together = with(
        &missed,
        &[
            ("/1/files/0/asked", json!("2026-11-23T20:00:10Z")),
            ("/1/files/0/whole", json!("2026-11-23T20:00:50Z")),
        ],
    );
    let gone = json!([{ "id": "1fac5d78", "since": "2026-11-20T00:00:00Z", "when": "2026-11-23T20:04:00Z", "expired": true }]);
    vec![
        pair(
            "DL023",
            both_in_groups(group("ad-site:berlin", "ad-site"), group("t", "tenant")),
            both_in_groups(group("t", "tenant"), group("t", "tenant")),
        ),
        pair(
            "DL022",
            both_in_groups(group("a", "policy"), group("b", "policy")),
            both_in_groups(group("a", "policy"), group("a", "policy")),
        ),
        case(
            "DL004",
            &missed,
            &[
                ("/1/cloud/external_ip", json!("203.0.113.9")),
                ("/1/proxy", json!("zs.example:9400")),
            ],
            &[("/1/proxy", json!("zs.example:9400"))],
        ),
        against(
            "DL005",
            &missed,
            &[("/1/cloud/external_ip", json!("203.0.113.9"))],
        ),
        against("DL041", &missed, &[("/0/os", json!("windows-server"))]),
        case(
            "DL019",
            &missed,
            &narrow(false),
            &[("/1/policies", json!([restrict(false)]))],
        ),
        case(
            "DL020",
            &missed,
            &narrow(true),
            &[("/1/policies", json!([restrict(true)]))],
        ),
        case(
            "DL032",
            &missed,
            &[("/0/files", json!([])), ("/0/gone", gone)],
            &[("/0/gone", json!([])), ("/0/running", json!(false))],
        ),
        case(
            "DL033",
            &first,
            &[],
            &[("/0/files/0/to", json!({ "lan": 7 }))],
        ),
        case(
            "DL034",
            &together,
            &[],
            &[
                ("/1/files/0/asked", json!("2026-11-23T20:05:00Z")),
                ("/1/files/0/whole", json!("2026-11-23T20:05:50Z")),
            ],
        ),
    ]
}

fn bytes() -> Vec<Case> {
    let (pair, one, lone) = (recorded("healthy-pair"), one(), lone());
    let peer = |ip: &str, kind: &str, code: Option<&str>, end: &str| json!([{ "ip": ip, "kind": kind, "connected": false, "code": code, "end": end }]);
    let (peers, mode) = (at("/peers"), at("/mode"));
    let timed_out = Some("0x80D06811");
    let delay = |seconds| {
        held(
            "DODelayForegroundDownloadFromHttp",
            "3600 s",
            Some(seconds),
            true,
            "RegistryProvider",
        )
    };
    let waits = |seconds: u32| {
        vec![
            ("/0/policies".to_owned(), json!([delay(seconds)])),
            (at("/from"), json!({})),
            (at("/status"), json!("downloading")),
            (at("/asked"), json!("2026-11-23T20:09:00Z")),
        ]
    };
    let waiting = |seconds| -> Vec<Device> {
        let changes = waits(seconds);
        let changes: Vec<_> = changes
            .iter()
            .map(|(place, value)| (place.as_str(), value.clone()))
            .collect();
        with(&lone, &changes)
    };
    vec![
        against(
            "DL047",
            &one,
            &[(&at("/bad"), json!([{ "source": "10.0.0.2", "pieces": 3 }]))],
        ),
        against(
            "DL047",
            &one,
            &[(&at("/peers/0/code"), json!("0x80D0680D"))],
        ),
        against(
            "DL048",
            &lone,
            &[(
                &peers,
                peer(
                    "10.0.0.2",
                    "Lan",
                    Some("0x80D06810"),
                    "the limit of connections is reached",
                ),
            )],
        ),
        case(
            "DL046",
            &lone,
            &[
                (&mode, json!("Group")),
                (
                    &peers,
                    peer("198.51.100.7", "Group", timed_out, "timed out"),
                ),
            ],
            &[(&mode, json!("Group"))],
        ),
        against(
            "DL120",
            &lone,
            &[(
                &peers,
                peer("10.0.0.2", "Lan", timed_out, "could not connect: TimedOut"),
            )],
        ),
        against(
            "DL044",
            &lone,
            &[(
                &at("/http"),
                failure("no-ranges", "0x80D05011", "the whole came"),
            )],
        ),
        against(
            "DL051",
            &lone,
            &[(&at("/from"), json!({ "cdn": 300_000_000 }))],
        ),
        case(
            "DL122",
            &lone,
            &[(&at("/caches"), json!(["10.0.0.9"]))],
            &[
                (&at("/caches"), json!(["10.0.0.9"])),
                (&at("/from"), json!({ "cache_host": 1, "cdn": 134_217_727 })),
            ],
        ),
        Case {
            code: "DL036",
            ill: waiting(3600),
            well: waiting(30),
        },
        case(
            "DL035",
            &pair,
            &[(
                "/1/files/0/from",
                json!({ "cdn": 100_000_000, "lan": 34_217_728 }),
            )],
            &[(
                "/1/files/0/from",
                json!({ "cdn": 34_217_728, "lan": 100_000_000 }),
            )],
        ),
        against(
            "DL037",
            &lone,
            &[(&at("/from"), json!({ "cache_host": 134_217_728 }))],
        ),
        case(
            "DL049",
            &one,
            &[(&at("/from"), json!({ "group": 134_217_728 }))],
            &[(&at("/from"), json!({ "group": 134_217_728, "lan": 1 }))],
        ),
        case(
            "DL050",
            &one,
            &[
                ("/0/addresses", json!([["203.0.113.2", 24]])),
                (&at("/peers/0/ip"), json!("203.0.113.1")),
                (&at("/peers/0/kind"), json!("Internet")),
            ],
            &[
                (&at("/peers/0/ip"), json!("203.0.113.1")),
                (&at("/peers/0/kind"), json!("Internet")),
            ],
        ),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    [settings(), cloud(), meeting(), bytes()]
        .into_iter()
        .flatten()
        .collect()
}

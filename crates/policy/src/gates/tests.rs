use dolab_wire::{DoCode, DownloadMode};
use proptest::prelude::*;

use super::*;
use crate::{
    Basis, Os, Priority, Raw, Settings,
    table::{Page, SIMPLE_MODE_BELOW},
};

/// A download of 200 MB that everything speaks for.
const USUAL: Transfer = Transfer {
    priority: Priority::Background,
    size: Some(200 << 20),
    registered_caller: Some(true),
    peers_allowed: Some(true),
    integrity: Some(true),
};

fn with(set: &[(Name, i128)]) -> Policies {
    by(Basis::default(), set)
}

fn by(basis: impl Into<Basis>, set: &[(Name, i128)]) -> Policies {
    let mut settings = Settings::new();
    for (name, number) in set {
        settings.set(*name, Raw::Number(*number)).unwrap();
    }
    Policies::new(basis, &settings)
}

fn on(page: Page) -> Basis {
    Basis {
        os: Os::Windows11,
        page: Some(page),
    }
}

/// The gates that are shut, and what is allowed.
fn shut(policies: &Policies, conditions: &Conditions, transfer: &Transfer) -> (Vec<Gate>, Allowed) {
    let judgement = judge(policies, conditions, transfer);
    let closed = judgement.closed().map(|it| it.gate).collect();
    (closed, judgement.allowed)
}

const ALL: Allowed = Allowed {
    download: true,
    from_peers: true,
    from_cache_server: true,
    to_peers: true,
    to_internet_peers: true,
};

const NO_PEERS: Allowed = Allowed {
    from_peers: false,
    to_peers: false,
    to_internet_peers: false,
    ..ALL
};

const NO_UPLOADS: Allowed = Allowed {
    to_peers: false,
    to_internet_peers: false,
    ..ALL
};

#[test]
fn gates_stand_in_the_order_of_their_list() {
    let judgement = judge(&Policies::default(), &Conditions::usual(), &USUAL);
    let gates: Vec<_> = judgement.decisions.iter().map(|it| it.gate).collect();
    assert_eq!(gates, Gate::ALL);
    for gate in Gate::ALL {
        assert_eq!(judgement.gate(gate).gate, gate);
    }
    assert_eq!(judgement.allowed, ALL);
    assert_eq!(judgement.mode, DownloadMode::Lan);
    assert_eq!(judgement.mode_reason, None);
    assert!(
        judgement
            .decisions
            .iter()
            .all(|it| it.verdict == Verdict::Open)
    );
}

#[test]
fn what_is_not_known_keeps_nothing_shut_and_is_told() {
    let nothing = Transfer::default();
    let judgement = judge(&Policies::default(), &Conditions::default(), &nothing);
    assert_eq!(judgement.allowed, ALL);
    let unknown = |it: &&Decision| it.verdict == Verdict::Unknown;
    // Mode, hours and role are known without looking at anything.
    assert_eq!(judgement.decisions.iter().filter(unknown).count(), 16);
}

/// Facts that the cloud, the network and this host hand in: the gate that each shuts, its code, the
/// mode that is left, and what is allowed then.
#[test]
fn each_condition_shuts_its_gate_with_its_code() {
    let usual = Conditions::usual;
    let nowhere = Allowed {
        download: false,
        from_cache_server: false,
        ..NO_PEERS
    };
    let lan = DownloadMode::Lan;
    let simple = DownloadMode::Simple;
    let cases = [
        (
            Conditions {
                online: Some(false),
                ..usual()
            },
            USUAL,
            (
                Gate::Network,
                Some(DoCode::NO_NETWORK),
                lan,
                Allowed {
                    from_cache_server: false,
                    ..nowhere
                },
            ),
        ),
        (
            Conditions {
                cost: Some(Cost::Metered),
                ..usual()
            },
            USUAL,
            (Gate::Cost, Some(DoCode::COST_POLICY), lan, nowhere),
        ),
        (
            Conditions {
                cost: Some(Cost::Cellular),
                ..usual()
            },
            USUAL,
            (Gate::Cost, Some(DoCode::CELLULAR), lan, nowhere),
        ),
        (
            Conditions {
                cost: Some(Cost::Cellular),
                ..usual()
            },
            Transfer {
                priority: Priority::Foreground,
                ..USUAL
            },
            (Gate::Cost, Some(DoCode::CELLULAR), lan, NO_PEERS),
        ),
        (
            Conditions {
                memory_critical: Some(true),
                ..usual()
            },
            USUAL,
            (Gate::Memory, Some(DoCode::CRITICAL_MEMORY), lan, NO_UPLOADS),
        ),
        (
            Conditions {
                cloud: Some(false),
                ..usual()
            },
            USUAL,
            (
                Gate::Cloud,
                Some(DoCode::CLOUD_UNREACHABLE),
                simple,
                NO_PEERS,
            ),
        ),
        (
            usual(),
            Transfer {
                registered_caller: Some(false),
                ..USUAL
            },
            (
                Gate::Caller,
                Some(DoCode::UNREGISTERED_CALLER),
                simple,
                NO_PEERS,
            ),
        ),
        (
            usual(),
            Transfer {
                peers_allowed: Some(false),
                ..USUAL
            },
            (
                Gate::ContentPolicy,
                Some(DoCode::MODE_BY_CONTENT_POLICY),
                DownloadMode::CdnOnly,
                NO_PEERS,
            ),
        ),
        (
            usual(),
            Transfer {
                integrity: Some(false),
                ..USUAL
            },
            (
                Gate::Integrity,
                Some(DoCode::PIECES_HASH_FILE_MISSING),
                simple,
                NO_PEERS,
            ),
        ),
        (
            Conditions {
                cache_folder: Some(false),
                ..usual()
            },
            USUAL,
            (
                Gate::CacheFolder,
                Some(DoCode::CACHE_FOLDER_MISSING),
                simple,
                NO_PEERS,
            ),
        ),
        (
            Conditions {
                ram: Some((4 << 30) - 1),
                ..usual()
            },
            USUAL,
            (Gate::Ram, None, lan, NO_PEERS),
        ),
        (
            Conditions {
                disk: Some(Disk {
                    capacity: (32 << 30) - 1,
                    free: 1 << 30,
                }),
                ..usual()
            },
            USUAL,
            (Gate::Disk, None, lan, NO_PEERS),
        ),
        (
            Conditions {
                power: Some(Power::Battery { percent: Some(100) }),
                ..usual()
            },
            USUAL,
            (Gate::Battery, Some(DoCode::POWER_STATE), lan, NO_UPLOADS),
        ),
        (
            Conditions {
                uploaded_to_internet: Some(20 << 30),
                ..usual()
            },
            USUAL,
            (
                Gate::MonthlyCap,
                None,
                lan,
                Allowed {
                    to_internet_peers: false,
                    ..ALL
                },
            ),
        ),
    ];
    for (conditions, transfer, (gate, code, mode, allowed)) in cases {
        let judgement = judge(&Policies::default(), &conditions, &transfer);
        let closed: Vec<_> = judgement.closed().map(|it| (it.gate, it.code)).collect();
        assert_eq!(closed, [(gate, code)]);
        assert_eq!(judgement.allowed, allowed, "{gate}");
        assert_eq!(judgement.mode, mode, "{gate}");
        let reason = code.filter(|_| mode != lan);
        assert_eq!(judgement.mode_reason, reason, "{gate}");
    }
}

#[test]
fn a_mode_without_peers_shuts_them_and_says_so() {
    for mode in DownloadMode::ALL {
        let policies = with(&[(Name::DownloadMode, mode.number().into())]);
        let judgement = judge(&policies, &Conditions::usual(), &USUAL);
        assert_eq!(judgement.mode, mode);
        if mode.peers() {
            assert_eq!(judgement.allowed, ALL);
            continue;
        }
        assert_eq!(judgement.allowed, NO_PEERS);
        assert_eq!(judgement.mode_reason, Some(DoCode::MODE_BY_POLICY));
        let decider = judgement.gate(Gate::Mode).decided_by.as_ref().unwrap();
        assert_eq!(decider.policy, Name::DownloadMode);
        assert_eq!(decider.value, Some(Value::Number(mode.number())));
        assert!(matches!(decider.origin, Origin::Set { .. }));
    }
    // A cloud that does not answer is no reason where it is not asked.
    let policies = with(&[(Name::DownloadMode, 99)]);
    let conditions = Conditions {
        cloud: Some(false),
        ..Conditions::usual()
    };
    assert_eq!(shut(&policies, &conditions, &USUAL).0, [Gate::Mode]);
}

#[test]
fn sizes_are_judged_on_the_byte() {
    let of = |policies: &Policies, size: u64| {
        let transfer = Transfer {
            size: Some(size),
            ..USUAL
        };
        shut(policies, &Conditions::usual(), &transfer).0
    };
    let reference = Policies::default();
    assert_eq!(of(&reference, 50 << 20), []);
    assert_eq!(of(&reference, (50 << 20) - 1), [Gate::MinFileSize]);
    assert_eq!(of(&reference, 10 << 20), [Gate::MinFileSize]);
    let both = [Gate::SimpleSize, Gate::MinFileSize];
    assert_eq!(of(&reference, (10 << 20) - 1), both);
    assert_eq!(of(&reference, 0), both);
    let newer = by(on(Page::Year2026), &[(Name::MinFileSizeToCache, 1)]);
    assert_eq!(of(&newer, (50 << 20) - 1), [Gate::SimpleSize]);
    assert_eq!(of(&newer, 50 << 20), []);
    let csp = by(on(Page::Csp), &[]);
    assert_eq!(of(&csp, 99 << 20), [Gate::MinFileSize]);
    assert_eq!(SIMPLE_MODE_BELOW[0].1, Page::Reference);
}

fn adapters(texts: &[(&str, &str)]) -> Conditions {
    let adapter = |(description, friendly_name): &(&str, &str)| Adapter {
        description: (*description).to_owned(),
        friendly_name: (*friendly_name).to_owned(),
    };
    Conditions {
        adapters: Some(texts.iter().map(adapter).collect()),
        ..Conditions::usual()
    }
}

#[test]
fn a_vpn_is_told_by_the_text_of_its_adapter() {
    let policies = Policies::default();
    for (conditions, is_vpn) in [
        (adapters(&[]), false),
        (adapters(&[("Realtek PCIe GbE", "Ethernet")]), false),
        (adapters(&[("WireGuard Tunnel", "wg0")]), false),
        (
            adapters(&[("Cisco AnyConnect Virtual Adapter", "Corp VPN")]),
            true,
        ),
        (adapters(&[("Fortinet SSL vpn", "Ethernet 3")]), true),
        (
            adapters(&[("a", "b"), ("My Virtual Private Network", "c")]),
            true,
        ),
        // A desktop that is no vpn at all (row 27 of the catalogue).
        (adapters(&[("Intel Secure Ethernet", "Ethernet")]), true),
    ] {
        let (gates, allowed) = shut(&policies, &conditions, &USUAL);
        let expected = if is_vpn {
            (vec![Gate::Vpn], NO_PEERS)
        } else {
            (vec![], ALL)
        };
        assert_eq!((gates, allowed), expected, "{:?}", conditions.adapters);
    }
    let conditions = adapters(&[("Secure\x1b[2J", "x")]);
    let judgement = judge(&policies, &conditions, &USUAL);
    let decision = judgement.gate(Gate::Vpn);
    assert_eq!(decision.code, Some(DoCode::VPN));
    assert_eq!(
        decision.reason,
        "the adapter `Secure\\u{1b}[2J` counts as a vpn by the word `Secure`"
    );
}

#[test]
fn policies_open_the_vpn_gate_or_shut_the_cache_on_it() {
    let vpn = adapters(&[("Corp VPN", "x")]);
    let allow = with(&[(Name::AllowVpnPeerCaching, 1)]);
    assert_eq!(shut(&allow, &vpn, &USUAL), (vec![], ALL));
    // Peers that DNS-SD finds are exempt.
    let local = with(&[(Name::RestrictPeerSelectionBy, 2)]);
    assert_eq!(shut(&local, &vpn, &USUAL), (vec![], ALL));
    // But not in mode 3, where nothing restricts.
    let internet = with(&[(Name::RestrictPeerSelectionBy, 2), (Name::DownloadMode, 3)]);
    assert_eq!(shut(&internet, &vpn, &USUAL), (vec![Gate::Vpn], NO_PEERS));
    let no_cache = with(&[(Name::DisallowCacheServerDownloadsOnVpn, 1)]);
    let nothing = Allowed {
        from_cache_server: false,
        ..NO_PEERS
    };
    let gates = vec![Gate::Vpn, Gate::CacheServerOnVpn];
    assert_eq!(shut(&no_cache, &vpn, &USUAL), (gates, nothing));

    let mut settings = Settings::new();
    let words = Raw::Text("WireGuard, Tailscale".to_owned());
    settings.set(Name::VpnKeywords, words).unwrap();
    let words = Policies::new(Os::Windows11, &settings);
    for text in ["wireguard tunnel", "Corp VPN"] {
        let (gates, _) = shut(&words, &adapters(&[(text, "x")]), &USUAL);
        assert_eq!(gates, [Gate::Vpn], "{text}");
    }
}

#[test]
fn on_battery_a_device_takes_and_serves_from_the_charge_that_is_set() {
    let at = |percent| Conditions {
        power: Some(Power::Battery { percent }),
        ..Conditions::usual()
    };
    let forty = with(&[(Name::MinBatteryPercentageAllowedToUpload, 40)]);
    for (percent, open) in [(39, false), (40, true), (100, true), (0, false)] {
        let (gates, allowed) = shut(&forty, &at(Some(percent)), &USUAL);
        assert_eq!(gates.is_empty(), open, "{percent}");
        assert_eq!(allowed, if open { ALL } else { NO_UPLOADS }, "{percent}");
    }
    let judgement = judge(&forty, &at(None), &USUAL);
    assert_eq!(judgement.gate(Gate::Battery).verdict, Verdict::Unknown);
    // Zero leaves it to the cloud service, which says no.
    let zero = with(&[(Name::MinBatteryPercentageAllowedToUpload, 0)]);
    assert_eq!(shut(&zero, &at(Some(100)), &USUAL).1, NO_UPLOADS);
    // By the other page, peers are not used at all.
    let other = by(on(Page::Configure), &[]);
    assert_eq!(shut(&other, &at(Some(100)), &USUAL).1, NO_PEERS);
}

#[test]
fn the_script_looks_at_what_is_free() {
    let conditions = Conditions {
        disk: Some(Disk {
            capacity: 512 << 30,
            free: 31 << 30,
        }),
        ..Conditions::usual()
    };
    assert_eq!(shut(&Policies::default(), &conditions, &USUAL).0, []);
    let script = by(on(Page::Script), &[]);
    assert_eq!(shut(&script, &conditions, &USUAL).0, [Gate::Disk]);
}

#[test]
fn hours_and_role_limit_and_shut_nothing() {
    let mut settings = Settings::new();
    let name = Name::SetHoursToLimitBackgroundDownloadBandwidth;
    let hours = Raw::Hours([Some(8), Some(17), Some(20), Some(80)]);
    settings.set(name, hours).unwrap();
    settings.set(Name::DownloadMode, Raw::Number(1)).unwrap();
    let server = Policies::new(Os::Server, &settings);
    let judgement = judge(&server, &Conditions::usual(), &USUAL);
    assert_eq!(judgement.allowed, ALL);
    assert_eq!(
        judgement.gate(Gate::Hours).reason,
        "8 to 17 o'clock 20 %, else 80 %: at 12 o'clock 20 %"
    );
    assert_eq!(judgement.gate(Gate::Hours).verdict, Verdict::Limited);
    assert_eq!(judgement.gate(Gate::Role).verdict, Verdict::Limited);
    let foreground = Transfer {
        priority: Priority::Foreground,
        ..USUAL
    };
    let judgement = judge(&server, &Conditions::usual(), &foreground);
    assert_eq!(judgement.gate(Gate::Hours).verdict, Verdict::Open);
}

#[test]
fn reasons_tell_the_numbers() {
    let conditions = Conditions {
        ram: Some(3_900_000_000),
        uploaded_to_internet: Some(21 << 30),
        ..Conditions::usual()
    };
    let judgement = judge(&Policies::default(), &conditions, &USUAL);
    let reason = |gate| judgement.gate(gate).reason.as_str();
    assert_eq!(reason(Gate::Ram), "3.6 GB of at least 4 GB");
    assert_eq!(reason(Gate::Disk), "512 GB in all, of at least 32 GB");
    assert_eq!(reason(Gate::MonthlyCap), "21 GB of 20 GB to Internet peers");
    assert_eq!(
        reason(Gate::MinFileSize),
        "200 MB, peers share from 50 MB on"
    );
    assert_eq!(
        reason(Gate::SimpleSize),
        "200 MB against 10 MB (reference 2024)"
    );
}

proptest! {
    /// A gate that closes blocks something, one that does not blocks nothing, and what is allowed is
    /// what nobody blocks.
    #[test]
    fn what_is_allowed_is_what_no_gate_blocks(
        ram: Option<u64>,
        sent: Option<u64>,
        size: Option<u64>,
        online: Option<bool>,
        cloud: Option<bool>,
        caller: Option<bool>,
        allowed: Option<bool>,
        percent: Option<u8>,
        text: String,
        mode in prop::sample::select(&DownloadMode::ALL[..]),
        os in prop::sample::select(&Os::ALL[..]),
    ) {
        let policies = by(os, &[(Name::DownloadMode, mode.number().into())]);
        let conditions = Conditions {
            ram,
            uploaded_to_internet: sent,
            online,
            cloud,
            power: Some(Power::Battery { percent }),
            ..adapters(&[(&text, &text)])
        };
        let transfer = Transfer { size, registered_caller: caller, peers_allowed: allowed, ..USUAL };
        let judgement = judge(&policies, &conditions, &transfer);
        for it in &judgement.decisions {
            prop_assert_eq!(it.verdict == Verdict::Closed, !it.blocks.is_empty());
            prop_assert!(it.code.is_none() || it.verdict == Verdict::Closed);
            prop_assert!(!it.reason.is_empty());
        }
        let blocked = |what| judgement.closed().any(|it| it.blocks.contains(&what));
        prop_assert_eq!(judgement.allowed.to_peers, !blocked(Use::ToPeers));
        prop_assert_eq!(judgement.allowed.download, !blocked(Use::Download));
        prop_assert!(mode.peers() || !judgement.allowed.from_peers);
        prop_assert!(!judgement.mode.peers() || judgement.mode == mode);
    }
}

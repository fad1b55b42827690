use dolab_check::report::*;

use super::*;

fn path(id: PathId, direction: Direction, state: PathState) -> PathReport {
    let open = state == PathState::Open;
    PathReport {
        id,
        protocol: id.protocol(),
        port: id.port(),
        direction,
        state,
        reason: (!open).then(|| "nothing answered within 3 s".to_owned()),
        rtt_ms: open.then_some(0.412),
        attempts: 3,
        waited_ms: 3000.0,
        needed_for: match id {
            PathId::Tcp7680 => vec![NeededFor::Lan, NeededFor::Group, NeededFor::Internet],
            PathId::Tcp443 => vec![NeededFor::Cloud],
            PathId::Udp5353 => vec![NeededFor::Lan],
            PathId::Udp443 | PathId::Udp3544 => vec![],
        },
        blame: (state == PathState::Filtered).then_some(Blame::RemoteInbound),
        between: None,
        lost: None,
        hops: None,
        evidence: vec!["3 SYN left this host, none arrived there".to_owned()],
    }
}

fn degraded() -> Report {
    let mut paths = Vec::new();
    for id in PathId::ALL {
        for direction in [Direction::Outbound, Direction::Inbound] {
            let state = match (id, direction) {
                (PathId::Tcp7680, Direction::Outbound) => PathState::Filtered,
                (PathId::Udp3544, _) => PathState::NotTested,
                _ => PathState::Open,
            };
            paths.push(path(id, direction, state));
        }
    }
    Report {
        schema: SCHEMA.to_owned(),
        verdict: Verdict::Degraded,
        summary: "beta can fetch from alpha but not the other way: beta drops tcp 7680".to_owned(),
        local: HostInfo {
            host: "alpha".to_owned(),
            os: Some("linux".to_owned()),
            version: Some("0.1.0".to_owned()),
            addresses: vec!["10.0.0.1".to_owned()],
        },
        remote: HostInfo {
            host: "be\u{1b}[31mta".to_owned(),
            os: Some("windows".to_owned()),
            version: Some("0.1.0".to_owned()),
            addresses: vec!["10.0.0.2".to_owned()],
        },
        control: Control {
            via: Some(Via::Tcp443),
        },
        paths,
        exchange: vec![ExchangeReport {
            direction: ExchangeDirection::Receive,
            bytes: 64 << 20,
            pieces: 64,
            verified: 63,
            bad_pieces: 1,
            seconds: 0.5,
            bits_per_second: 1.07e9,
            sha256: None,
            error: Some("the connection was reset".to_owned()),
        }],
        discovery: vec![DiscoveryReport {
            source: DiscoverySource::DnsSd,
            found: true,
            seconds: 0.12,
        }],
        findings: vec![Finding {
            code: "DL014".to_owned(),
            severity: Severity::Error,
            title: "tcp 7680 does not reach beta".to_owned(),
            paths: vec!["tcp-7680".to_owned()],
            evidence: vec!["3 SYN left this host, none arrived there".to_owned()],
            do_error: Some("0x80D06811".to_owned()),
            consequence_of: None,
            fixes: vec![
                Fix {
                    host: FixHost::Remote,
                    system: System::Windows,
                    command: "Enable-NetFirewallRule -Name DeliveryOptimization-TCP-In".to_owned(),
                },
                Fix {
                    host: FixHost::Remote,
                    system: System::Nftables,
                    command: "nft ...".to_owned(),
                },
            ],
        }],
    }
}

#[test]
fn a_report_begins_with_the_answer() {
    insta::assert_snapshot!(report(Style::PLAIN, &degraded()));
}

#[test]
fn a_narrow_terminal_wraps_the_reason_and_nothing_else() {
    let style = Style {
        width: 100,
        ..Style::PLAIN
    };
    insta::assert_snapshot!(report(style, &degraded()));
}

#[test]
fn what_the_other_host_says_never_reaches_the_terminal_raw() {
    let style = Style {
        colored: true,
        ..Style::PLAIN
    };
    let mut hostile = degraded();
    let evil = "\u{1b}]0;owned\u{7}\u{202e}\r\n";
    let clear = "\u{9b}2J";
    hostile.remote.host = evil.to_owned();
    hostile.remote.os = Some(evil.to_owned());
    hostile.remote.version = Some(clear.to_owned());
    hostile.remote.addresses = vec![evil.to_owned()];
    hostile.summary = evil.to_owned();
    for path in &mut hostile.paths {
        path.reason = Some(evil.to_owned());
    }
    hostile.exchange[0].error = Some(clear.to_owned());
    hostile.findings[0].title = evil.to_owned();
    hostile.findings[0].evidence = vec![evil.to_owned()];
    hostile.findings[0].fixes[0].command = clear.to_owned();
    let text = report(style, &hostile);
    for unsafe_char in ['\u{7}', '\u{202e}', '\r', '\u{9b}'] {
        assert!(!text.contains(unsafe_char), "{unsafe_char:?} in {text:?}");
    }
    assert!(!text.contains("\u{1b}]"));
}

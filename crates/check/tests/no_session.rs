//! Checks of hosts that nothing answers on, or that have to be called on the link.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod common;

use std::net::SocketAddr;

use common::{LOCAL, REMOTE, assert_fits_schema, check_target, open, path, station, station_with};
use dolab_check::{
    CheckOptions, Key, Target, TargetPorts,
    report::{Direction, PathId, PathState, Verdict, Via},
};

/// A port on which nothing listens, for as long as it is held by nobody else.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind((REMOTE, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn nobody() -> Target {
    let port = closed_port();
    let ports = TargetPorts {
        tcp_443: Some(closed_port()),
        udp_443: Some(closed_port()),
        udp_3544: Some(closed_port()),
    };
    Target {
        ports,
        ..Target::new("nobody", vec![SocketAddr::new(REMOTE, port)])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_dolab_is_described_and_not_accused() {
    let local = station(LOCAL).await;
    let report = check_target(&local, &nobody(), &CheckOptions::default()).await;
    assert_fits_schema(&report);
    let text = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(report.control.via, None, "{text}");
    assert!(
        matches!(report.verdict, Verdict::Inconclusive | Verdict::Fail),
        "{text}"
    );
    for id in [PathId::Tcp7680, PathId::Tcp443] {
        assert_eq!(
            open(&report, id, Direction::Outbound),
            PathState::Refused,
            "{text}"
        );
    }
    for id in PathId::ALL {
        let inbound = path(&report, id, Direction::Inbound);
        assert_eq!(inbound.state, PathState::NotTested, "{text}");
        assert!(inbound.reason.is_some(), "{text}");
        assert_eq!(inbound.blame, None);
    }
    assert!(report.exchange.is_empty());
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_does_not_take_itself_for_another() {
    let local = station(LOCAL).await;
    let report = check_target(&local, &common::target(&local), &CheckOptions::default()).await;
    assert_fits_schema(&report);
    let text = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(report.control.via, None, "{text}");
    assert_eq!(report.verdict, Verdict::Inconclusive, "{text}");
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_address_is_not_spoken_to() {
    let local = station(LOCAL).await;
    let target = Target::new("far", vec!["192.0.2.1:7680".parse().unwrap()]);
    let report = check_target(&local, &target, &CheckOptions::default()).await;
    assert_fits_schema(&report);
    for id in PathId::ALL {
        let outbound = path(&report, id, Direction::Outbound);
        assert_eq!(
            (outbound.state, outbound.attempts),
            (PathState::NotTested, 0)
        );
        assert!(
            outbound.reason.as_ref().unwrap().contains("--allow-public"),
            "{outbound:?}"
        );
    }
    local.stop().await;
}

/// The other side listens, but not where it is looked for: nothing can be opened towards it, and
/// only DNS-SD reaches it. It calls back, and everything that can be tested is.
#[tokio::test(flavor = "multi_thread")]
async fn who_can_not_be_reached_calls_back() {
    // Whoever else runs a station on this machine hears the call too, and lacks the key.
    let key = Key::new(&format!("{:?}", std::time::SystemTime::now())).unwrap();
    let on_link = |config: &mut dolab_check::StationConfig| {
        config.ports.dns_sd = true;
        config.announce = true;
        config.key = Some(key.clone());
    };
    let local = station_with(LOCAL, on_link).await;
    let remote = station_with(LOCAL, on_link).await;
    let hidden = Target {
        addrs: vec![SocketAddr::new(LOCAL, closed_port())],
        ..nobody()
    };
    let options = CheckOptions {
        size: 3 << 20,
        ..CheckOptions::default()
    };
    let report = check_target(&local, &hidden, &options).await;
    assert_fits_schema(&report);
    let text = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(report.control.via, Some(Via::DnsSdCallback), "{text}");
    assert_ne!(
        open(&report, PathId::Tcp7680, Direction::Outbound),
        PathState::Open,
        "{text}"
    );
    assert_eq!(
        open(&report, PathId::Tcp7680, Direction::Inbound),
        PathState::Open,
        "{text}"
    );
    assert_eq!(
        open(&report, PathId::Udp5353, Direction::Outbound),
        PathState::Open,
        "{text}"
    );
    assert_eq!(
        open(&report, PathId::Udp5353, Direction::Inbound),
        PathState::Open,
        "{text}"
    );
    // One open direction is enough for content in both.
    assert_eq!(report.exchange.len(), 2, "{text}");
    assert!(
        report
            .exchange
            .iter()
            .all(|moved| moved.bytes == options.size),
        "{text}"
    );
    local.stop().await;
    remote.stop().await;
}

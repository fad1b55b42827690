//! A whole check between two stations in one process, on loopback and free ports.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod common;

use common::{LOCAL, REMOTE, assert_fits_schema, check, open, station, station_with, target};
use dolab_check::{
    CheckOptions, Key,
    report::{Direction, ExchangeDirection, PathId, PathState, Verdict, Via},
};

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_open_and_content_moves_both_ways() {
    let (local, remote) = (station(LOCAL).await, station(REMOTE).await);
    let options = CheckOptions {
        size: (5 << 20) + 123,
        ..CheckOptions::default()
    };
    let report = check(&local, &remote, &options).await;
    assert_fits_schema(&report);
    let text = serde_json::to_string_pretty(&report).unwrap();

    assert_eq!(report.verdict, Verdict::Pass, "{text}");
    assert_eq!(report.control.via, Some(Via::Tcp7680), "{text}");
    for path in [
        PathId::Tcp7680,
        PathId::Tcp443,
        PathId::Udp443,
        PathId::Udp3544,
    ] {
        for direction in [Direction::Outbound, Direction::Inbound] {
            let state = open(&report, path, direction);
            assert_eq!(state, PathState::Open, "{path} {direction:?}: {text}");
        }
    }
    assert_eq!(
        open(&report, PathId::Udp5353, Direction::Outbound),
        PathState::NotTested
    );

    let directions = [ExchangeDirection::Receive, ExchangeDirection::Send];
    assert_eq!(report.exchange.len(), 2, "{text}");
    for (moved, direction) in report.exchange.iter().zip(directions) {
        assert_eq!(moved.direction, direction);
        assert_eq!((moved.bytes, moved.pieces), (options.size, 6), "{text}");
        assert_eq!((moved.verified, moved.bad_pieces), (6, 0), "{text}");
        assert!(
            moved.sha256.as_ref().is_some_and(|hash| hash.len() == 64),
            "{text}"
        );
        assert_eq!(moved.error, None);
        assert!(moved.bits_per_second > 0.0);
    }
    // Two contents, made from two seeds.
    assert_ne!(report.exchange[0].sha256, report.exchange[1].sha256);
    // Nothing is left behind.
    assert!(local.peer().contents().await.is_empty());
    local.stop().await;
    remote.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_same_key_all_is_as_without() {
    let key =
        |config: &mut dolab_check::StationConfig| config.key = Some(Key::new("s3cret").unwrap());
    let (local, remote) = (
        station_with(LOCAL, key).await,
        station_with(REMOTE, key).await,
    );
    let report = check(
        &local,
        &remote,
        &CheckOptions {
            size: 1 << 20,
            ..Default::default()
        },
    )
    .await;
    assert_eq!(report.control.via, Some(Via::Tcp7680));
    assert_eq!(
        open(&report, PathId::Tcp7680, Direction::Inbound),
        PathState::Open
    );
    assert_eq!(report.exchange.len(), 2);
    local.stop().await;
    remote.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_key_or_none_the_other_side_does_nothing() {
    let keys = [
        (Some("right"), Some("wrong")),
        (None, Some("right")),
        (Some("right"), None),
    ];
    for (ours, theirs) in keys {
        let with = |key: Option<&str>| {
            let key = key.map(|key| Key::new(key).unwrap());
            move |config: &mut dolab_check::StationConfig| config.key = key.clone()
        };
        let local = station_with(LOCAL, with(ours)).await;
        let remote = station_with(REMOTE, with(theirs)).await;
        let report = check(&local, &remote, &CheckOptions::default()).await;
        assert_fits_schema(&report);
        let text = serde_json::to_string_pretty(&report).unwrap();
        assert_eq!(report.control.via, None, "{text}");
        // That the port is open shows before any key does.
        assert_eq!(
            open(&report, PathId::Tcp7680, Direction::Outbound),
            PathState::Open,
            "{text}"
        );
        for path in PathId::ALL {
            assert_eq!(
                open(&report, path, Direction::Inbound),
                PathState::NotTested,
                "{text}"
            );
        }
        assert!(report.exchange.is_empty(), "{text}");
        // Not even its name is told.
        assert_eq!(report.remote.host, target(&remote).name, "{text}");
        assert_eq!(report.remote.version, None, "{text}");
        local.stop().await;
        remote.stop().await;
    }
}

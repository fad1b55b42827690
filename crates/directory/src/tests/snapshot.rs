use std::time::Duration;

use dolab_wire::cloud::PeerSelection;
use proptest::prelude::*;

use super::*;

fn populated() -> Directory {
    let mut directory = Directory::new(Config::default(), 1);
    for n in 1..=60u8 {
        let mode = [
            DownloadMode::Lan,
            DownloadMode::Group,
            DownloadMode::Internet,
        ][n as usize % 3];
        let asks = Join {
            content_id: Some(format!("content {}", n % 4)),
            group_id: Some(format!("group {}", n % 2)),
            restrict: if n % 5 == 0 {
                PeerSelection::Subnet
            } else {
                PeerSelection::Any
            },
            is_server: n % 7 == 0,
            left: u64::from(n % 2),
            ipv6: (n % 3 == 0).then(|| "fd00::1".parse().unwrap()),
            ..device(n, mode)
        };
        join(&mut directory, n.into(), SITE, &asks);
    }
    directory
}

fn import(directory: &Directory, at: u64, since: u64) -> Directory {
    let since = Duration::from_secs(since);
    let bytes = directory.export();
    Directory::import(Config::default(), 9, seconds(at), since, &bytes).unwrap()
}

#[test]
fn what_was_exported_comes_back_whole() {
    let mut before = populated();
    let mut after = import(&before, 1_000_000, 0);
    assert_eq!(after.export(), before.export());
    let same = |counts: Counts| {
        (
            counts.registrations,
            counts.contents,
            counts.groups,
            counts.circles,
        )
    };
    assert_eq!(same(after.counts()), same(before.counts()));
    // And the same devices are offered, to everyone.
    for content in 0..4 {
        for mode in [
            DownloadMode::Lan,
            DownloadMode::Group,
            DownloadMode::Internet,
        ] {
            let asks = Join {
                content_id: Some(format!("content {content}")),
                group_id: Some("group 1".into()),
                restricted_upload: true,
                ..device(200, mode)
            };
            let then = join(&mut before, 60, SITE, &asks);
            assert_eq!(join(&mut after, 1_000_000, SITE, &asks), then);
        }
    }
}

#[test]
fn time_goes_on_while_it_lies_on_the_disk() {
    let mut after = import(&populated(), 0, 860);
    // The first joined in second 1 and the export was in second 60, so 841 s were left to it.
    assert_eq!(after.counts().registrations, 40);
    assert_eq!(after.expire(seconds(0)), 0);
    assert_eq!(after.expire(seconds(1)), 1);
    assert_eq!(after.expire(seconds(40)), 39);
    assert_eq!(import(&populated(), 0, 900).counts().registrations, 0);
}

#[test]
fn an_empty_one_is_one() {
    let empty = Directory::new(Config::default(), 1);
    assert_eq!(import(&empty, 0, 0).counts().registrations, 0);
}

#[test]
fn what_is_no_snapshot_is_told() {
    let read = |bytes: &[u8]| {
        let config = Config::default();
        Directory::import(config, 1, seconds(0), Duration::ZERO, bytes).map(drop)
    };
    let good = populated().export();
    assert_eq!(read(b"dolab.directorz\x01"), Err(SnapshotError::Magic));
    assert_eq!(read(b"{}"), Err(SnapshotError::Magic));
    assert_eq!(read(b"dolab.directory\x02"), Err(SnapshotError::Version(2)));
    for len in 0..good.len() {
        assert!(read(&good[..len]).is_err(), "cut to {len}");
    }
    let longer = [&*good, b"x"].concat();
    assert!(matches!(read(&longer), Err(SnapshotError::Damaged { .. })));
}

#[test]
fn one_that_does_not_fit_is_refused() {
    let config = Config {
        max_bytes: 1000,
        ..Config::default()
    };
    let bytes = populated().export();
    let imported = Directory::import(config, 1, seconds(0), Duration::ZERO, &bytes);
    assert!(matches!(imported, Err(SnapshotError::Full(_))));
}

proptest! {
    #[test]
    fn damage_is_told_or_harmless(at: prop::sample::Index, to: u8, now: u64) {
        let mut bytes = populated().export();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(mut directory) =
            Directory::import(Config::default(), 1, Instant(now), Duration::ZERO, &bytes)
        {
            let known = directory.counts().registrations;
            prop_assert!(known <= 60);
            directory.expire(Instant(now) + Config::default().lifetime);
            prop_assert_eq!(directory.counts().registrations, 0);
        }
    }
}

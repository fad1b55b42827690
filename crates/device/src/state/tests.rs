use std::{fs, net::IpAddr};

use dolab_content::ContentId;
use dolab_host::Clock;
use dolab_wire::{DownloadMode, PeerType};
use jiff::{Timestamp, tz::TimeZone};

use super::*;
use crate::{
    counters::Month,
    report::{ByClass, FileStatus, Level, LogEntry, PeerInfo, Provided, Status},
};

fn provided<T>(value: T) -> Provided<T> {
    Provided {
        value,
        provider: "DefaultProvider".into(),
    }
}

fn state(files: Vec<Entry>) -> State {
    State {
        schema: State::SCHEMA.into(),
        written: Timestamp::UNIX_EPOCH,
        files,
        perf: PerfSnap {
            upload_count: 3,
            cache_size: 7,
            ..PerfSnap::default()
        },
        month: Month::of(Timestamp::UNIX_EPOCH, &TimeZone::UTC),
        monthly_cap: 0,
        config: DoConfig {
            download_mode: provided(DownloadMode::Lan),
            down_back_limit_bps: provided(0),
            download_foreground_limit_bps: provided(0),
            down_back_limit_pct: provided(0),
            download_foreground_limit_pct: provided(0),
            max_upload_rate_pct: provided(0),
            upload_limit_monthly_gb: provided(20),
            verbose: None,
        },
        min_cacheable: 50 << 20,
        about: About::default(),
    }
}

fn entry(id: &str, status: Status, peers: usize) -> Entry {
    let peer = PeerInfo {
        ip: IpAddr::from([10, 0, 0, 1]),
        peer_type: PeerType::Lan,
        connection_established: true,
        bytes_sent: 1,
        bytes_received: 2,
        upload_rate: 3,
        download_rate: 4,
        end: None,
    };
    Entry {
        status: FileStatus {
            file_id: id.into(),
            file_size: 10,
            file_size_in_cache: 10,
            status,
            foreground: false,
            from: ByClass::default(),
            to: ByClass::default(),
            download_duration: Default::default(),
            connections: ByClass {
                lan: 4,
                ..ByClass::default()
            },
            download_mode: DownloadMode::Lan,
            source_url: String::new(),
            cache_host: None,
            num_peers: 1,
            predefined_caller_application: String::new(),
            expire_on: None,
            is_pinned: false,
        },
        content: Some(ContentId([7; 32])),
        name: "a".into(),
        since: Timestamp::UNIX_EPOCH,
        peers: vec![peer; peers],
        account: Account::default(),
    }
}

#[test]
fn what_is_written_is_read_by_others_and_by_the_next_run() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("new/state");
    assert!(matches!(View::read(&path), Err(StateError::Missing(_))));
    let folder = Folder::take(&path).unwrap();
    assert_eq!(folder.load().unwrap(), None);
    let written = state(vec![entry("a", Status::Downloading, 2)]);
    folder.save(&written, true).unwrap();

    let seen = View::read(&path).unwrap();
    assert_eq!((seen.state, seen.running), (written, true));
    assert!(matches!(Folder::take(&path), Err(StateError::InUse(_))));

    drop(folder);
    let seen = View::read(&path).unwrap();
    assert!(!seen.running);
    let file = &seen.state.files[0];
    assert_eq!(file.status.status, Status::Paused);
    assert_eq!(file.status.connections, ByClass::default());
    assert_eq!(file.peers[0].download_rate, 0);
    assert_eq!(file.peers[0].bytes_received, 2);
    assert_eq!(
        (seen.state.perf.upload_count, seen.state.perf.cache_size),
        (0, 7)
    );
    assert_eq!(
        Folder::take(&path).unwrap().load().unwrap(),
        Some(seen.state)
    );
}

#[test]
fn what_is_not_ours_is_told_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path();
    let file = path.join("state.json");
    for text in ["", "{", "[]", "{\"schema\":\"other/9\"}"] {
        fs::write(&file, text).unwrap();
        assert!(
            matches!(View::read(path), Err(StateError::NotOurs { .. })),
            "{text}"
        );
        assert!(Folder::take(path).unwrap().load().is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    let mut newer = state(Vec::new());
    newer.schema = "dolab.device-state/2".into();
    fs::write(&file, serde_json::to_vec(&newer).unwrap()).unwrap();
    let error = View::read(path).unwrap_err().to_string();
    assert!(error.contains("dolab.device-state/2"), "{error}");
}

#[test]
fn files_and_peers_are_bounded_and_the_cache_is_forgotten_last() {
    let mut many: Vec<_> = (0..State::MAX_FILES + 10)
        .map(|number| entry(&number.to_string(), Status::Complete, 20))
        .collect();
    many[0].status.status = Status::Caching;
    let mut state = state(many);
    state.trim();
    assert_eq!(state.files.len(), State::MAX_FILES);
    assert_eq!(state.files[0].status.file_id, "0");
    assert_eq!(state.files[1].status.file_id, "11");
    let peers: usize = state.files.iter().map(|file| file.peers.len()).sum();
    assert_eq!(peers, State::MAX_PEERS);
    assert_eq!(state.files.last().unwrap().peers.len(), 20);
    assert_eq!(state.files[0].peers.len(), 0);
}

#[test]
fn the_log_is_read_across_its_two_files_and_a_torn_line() {
    let home = tempfile::tempdir().unwrap();
    let log = LogFile::new(home.path(), Clock::default());
    assert_eq!(View::log(home.path()).unwrap(), []);
    let mut first = LogEntry::new(Level::Info, "F", "one");
    first.message = "x".repeat(4000);
    let lines = LogFile::MAX_BYTES / 4000 + 2;
    for _ in 0..lines {
        log.append(&first).unwrap();
    }
    let last = LogEntry::new(Level::Warning, "F", "torn\nin two");
    log.append(&last).unwrap();
    assert_eq!(last.message, "torn\\u{a}in two");
    let now = home.path().join("log.jsonl");
    let mut text = fs::read(&now).unwrap();
    text.extend_from_slice(b"{\"time\":\"2026");
    fs::write(&now, text).unwrap();
    let read = View::log(home.path()).unwrap();
    assert_eq!(read.len() as u64, lines + 1);
    let messages = (&read[0].message, &read.last().unwrap().message);
    assert_eq!(messages, (&first.message, &last.message));
    assert!(
        read.iter().all(|entry| entry.time > first.time),
        "as it was written"
    );
}

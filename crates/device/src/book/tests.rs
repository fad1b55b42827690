use std::time::Duration;

use dolab_wire::DownloadMode;
use proptest::prelude::*;

use super::*;
use crate::report::{DoConfig, FileStatus};

const ID: &str = "8a81";

fn book(now: Instant) -> Book {
    let stamp = Timestamp::UNIX_EPOCH;
    let state = State {
        about: Default::default(),
        schema: State::SCHEMA.into(),
        written: stamp,
        files: Vec::new(),
        perf: PerfSnap::default(),
        month: Book::month(stamp, &TimeZone::UTC),
        monthly_cap: 0,
        config: DoConfig::of(&Default::default(), "/cache"),
        min_cacheable: 0,
    };
    let mut book = Book::new(state, TimeZone::UTC, now);
    book.put(entry());
    book
}

fn entry() -> Entry {
    Entry {
        account: Default::default(),
        status: FileStatus {
            file_id: ID.into(),
            file_size: 100,
            file_size_in_cache: 0,
            status: Status::Downloading,
            foreground: true,
            from: lan(10),
            to: lan(1),
            download_duration: Duration::from_secs(5),
            connections: ByClass::default(),
            download_mode: DownloadMode::Lan,
            source_url: String::new(),
            cache_host: None,
            num_peers: 0,
            predefined_caller_application: String::new(),
            expire_on: None,
            is_pinned: false,
        },
        content: None,
        name: "a".into(),
        since: Timestamp::UNIX_EPOCH,
        peers: Vec::new(),
    }
}

fn lan(bytes: u64) -> ByClass<u64> {
    ByClass {
        lan: bytes,
        ..ByClass::default()
    }
}

fn peer(n: u8) -> PeerId {
    PeerId::from_random([n; 16])
}

fn exchange(n: u8, sent: u64, received: u64) -> Exchange {
    Exchange {
        id: Some(peer(n)),
        ip: IpAddr::from([10, 0, 0, n]),
        kind: PeerType::Lan,
        sent,
        received,
    }
}

fn reading(from: u64, peers: Vec<Exchange>) -> Reading {
    Reading {
        from: lan(from),
        to: lan(peers.iter().map(|peer| peer.sent).sum()),
        connections: ByClass {
            lan: peers.len() as u32,
            ..ByClass::default()
        },
        peers,
    }
}

#[test]
fn counters_go_on_from_what_was_written_down() {
    let start = Instant::now();
    let mut book = book(start);
    book.begin(ID, start);
    book.read(ID, &reading(0, vec![exchange(1, 0, 0)]), start);
    let now = start + Duration::from_secs(2);
    book.read(ID, &reading(40, vec![exchange(1, 3, 40)]), now);
    book.settle(PerfSnap::default(), Timestamp::UNIX_EPOCH, now);
    let status = &book.file(ID).unwrap().status;
    assert_eq!((status.from, status.to), (lan(50), lan(4)));
    assert_eq!(status.download_duration, Duration::from_secs(7));
    // The month and the rates count what moved in this run only.
    let month = book.state.month.snap(0);
    assert_eq!((month.from, month.to), (lan(40), lan(3)));
    assert_eq!(book.state.perf.downlink_usage_bps, 160);
    assert_eq!(book.state.perf.from, lan(50));
    assert_eq!(book.state.perf.foreground_download_count, 1);
    assert_eq!(book.state.perf.upload_count, 1);
}

#[test]
fn a_proposed_peer_is_listed_whether_it_connects_or_not() {
    let start = Instant::now();
    let mut book = book(start);
    book.begin(ID, start);
    let proposed = |n: u8, kind| Proposed {
        id: Some(peer(n)),
        ip: IpAddr::from([10, 0, 0, n]),
        kind,
    };
    let offers = [proposed(1, PeerType::Lan), proposed(2, PeerType::Group)];
    book.propose(ID, &offers, start);
    book.propose(ID, &offers, start);
    book.read(ID, &reading(5, vec![exchange(1, 0, 5)]), start);
    let file = book.file(ID).unwrap();
    assert_eq!(file.status.num_peers, 2);
    let listed: Vec<_> = file
        .peers
        .iter()
        .map(|peer| {
            (
                peer.peer_type,
                peer.connection_established,
                peer.bytes_received,
            )
        })
        .collect();
    assert_eq!(
        listed,
        [(PeerType::Lan, true, 5), (PeerType::Group, false, 0)]
    );
}

#[test]
fn connections_that_end_are_added_up_and_not_counted_twice() {
    let start = Instant::now();
    let mut book = book(start);
    book.begin(ID, start);
    book.read(ID, &reading(7, vec![exchange(1, 0, 7)]), start);
    book.left(ID, &exchange(1, 2, 9), None, start);
    book.read(ID, &reading(9, Vec::new()), start);
    book.read(ID, &reading(14, vec![exchange(1, 1, 5)]), start);
    let peers = &book.file(ID).unwrap().peers;
    assert_eq!((peers[0].bytes_received, peers[0].bytes_sent), (14, 3));
    assert_eq!(book.state.month.snap(0).from, lan(14));
}

#[test]
fn one_known_by_its_address_gets_its_identity_when_it_shakes_hands() {
    let start = Instant::now();
    let mut book = book(start);
    book.begin(ID, start);
    let nameless = Proposed {
        id: None,
        ip: IpAddr::from([10, 0, 0, 1]),
        kind: PeerType::LinkLocal,
    };
    book.propose(ID, &[nameless], start);
    book.read(ID, &reading(5, vec![exchange(1, 0, 5)]), start);
    assert_eq!(book.file(ID).unwrap().peers.len(), 1);
}

proptest! {
    /// Whatever comes in which order, the month has what the file has.
    #[test]
    fn the_month_has_what_the_files_have(steps in proptest::collection::vec((0..4u8, 0..1000u64), 1..40)) {
        let start = Instant::now();
        let mut book = book(start);
        book.begin(ID, start);
        let mut total = 0;
        let mut ended = 0;
        for (n, (who, bytes)) in steps.into_iter().enumerate() {
            let now = start + Duration::from_secs(n as u64);
            total += bytes;
            match who {
                0 => {
                    book.left(ID, &exchange(1, 0, bytes), None, now);
                    ended += bytes;
                }
                _ => book.read(ID, &reading(total, vec![exchange(who, 0, bytes)]), now),
            }
        }
        book.read(ID, &reading(total, Vec::new()), start + Duration::from_secs(99));
        let file = book.file(ID).unwrap();
        prop_assert_eq!(file.status.from.lan, total + 10);
        prop_assert_eq!(book.state.month.snap(0).from.lan, total);
        let first = file.peers.iter().find(|peer| peer.ip == IpAddr::from([10, 0, 0, 1]));
        prop_assert!(first.map_or(0, |peer| peer.bytes_received) >= ended);
    }
}

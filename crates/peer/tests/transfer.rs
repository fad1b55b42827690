//! Contents that go from peer to peer over loopback.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect shall fail it"
)]

mod common;

use std::{io::Write, sync::Arc};

use common::{Made, Memory, addr, peer, peer_with, told, within};
use dolab_content::{
    Discard, Existing, Layout, PieceMap, SharedFile, Source, Store, StoreError, hash_source,
};
use dolab_engine::{CloseReason, Event as Exchange, RequestSize};
use dolab_peer::{Download, Event, PeerConfig, Priority, Shared, TransferError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sizes_of_every_kind_arrive_whole() {
    let mut rng = ChaCha8Rng::seed_from_u64(7680);
    let mut sizes = vec![
        (1, 1),
        (1, 65536),
        (65536, 65536),
        (196_608, 65536),
        (65537, 65536),
    ];
    sizes.push((3 << 20, 1 << 20));
    sizes.push((2_048_000 - 9, 2_048_000 - 9));
    for _ in 0..12 {
        sizes.push((
            rng.random_range(1..2_000_000),
            rng.random_range(1000..300_000),
        ));
    }
    let (seed, device) = (peer().await, peer().await);
    for (n, (length, piece_size)) in sizes.into_iter().enumerate() {
        let made = Made::new(n as u64, length, piece_size);
        made.shared_by(&seed).await;
        let memory = Memory::new(&made);
        let transfer = made.fetched_by(&device, memory.clone()).await;
        device.candidate(made.id(), addr(&seed)).await;
        let report = within("the transfer", transfer.finished()).await.unwrap();
        assert_eq!(
            memory.bytes(),
            made.bytes(),
            "{length} bytes in pieces of {piece_size}"
        );
        assert_eq!(report.bytes, length);
        assert_eq!(report.pieces, made.hashes.layout().pieces());
        assert_eq!(report.bad_pieces, 0);
        assert_eq!(report.senders.len(), 1);
        assert_eq!(report.senders[0].addr, addr(&seed));
        assert_eq!(report.senders[0].bytes, length);
        let progress = transfer.progress();
        assert_eq!((progress.bytes, progress.pieces), (length, report.pieces));
    }
    seed.stop().await;
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_work_as_well_as_whole_pieces() {
    for block in [1000, 16384, 99_999] {
        let seed = peer().await;
        let device = peer_with(|config| {
            config.engine.request_size = RequestSize::Blocks(block);
        })
        .await;
        let made = Made::new(1, 700_001, 100_000);
        made.shared_by(&seed).await;
        let memory = Memory::new(&made);
        made.moved(&seed, &device, memory.clone()).await;
        assert_eq!(memory.bytes(), made.bytes());
        seed.stop().await;
        device.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_arrives_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let made = Made::new(3, 5_000_001, 1 << 20);
    std::fs::File::create(&original)
        .unwrap()
        .write_all(&made.bytes())
        .unwrap();
    let file = Arc::new(SharedFile::open(&original).unwrap());
    let layout = Layout::new(file.length(), 1 << 20).unwrap();
    let hashes = Arc::new(hash_source(&*file, layout, 1, &|_| {}).unwrap());
    assert_eq!(hashes.id(), made.id());

    let (seed, device, third) = (peer().await, peer().await, peer().await);
    let shared = Shared {
        name: "original".into(),
        hashes: hashes.clone(),
        source: file,
    };
    seed.share(shared).await.unwrap();
    let copy = dir.path().join("copy");
    let store = Arc::new(Store::open(&copy, hashes.clone(), Existing::Keep).unwrap());
    let transfer = device
        .download(Download {
            name: "copy".into(),
            hashes: hashes.clone(),
            have: store.pieces(),
            sink: store.clone(),
            source: Some(store.clone()),
            priority: Priority::Foreground,
            sources: None,
        })
        .await
        .unwrap();
    // The third knows only of the second, and gets what that has so far, and then the rest.
    let memory = Memory::new(&made);
    let onward = made.fetched_by(&third, memory.clone()).await;
    third.candidate(made.id(), addr(&device)).await;
    device.candidate(made.id(), addr(&seed)).await;
    within("the first transfer", transfer.finished())
        .await
        .unwrap();
    within("the second transfer", onward.finished())
        .await
        .unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    store.finish().unwrap();
    assert_eq!(std::fs::read(&copy).unwrap(), made.bytes());
    for peer in [seed, device, third] {
        peer.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_reaches_out() {
    let (seed, device) = (
        peer_with(|config| config.listen.clear()).await,
        peer().await,
    );
    let made = Made::new(4, 3_333_333, 1 << 18);
    made.shared_by(&seed).await;
    let memory = Memory::new(&made);
    let transfer = made.fetched_by(&device, memory.clone()).await;
    seed.dial(made.id(), addr(&device)).await;
    let report = within("the transfer", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    assert_eq!(report.senders[0].peer, Some(seed.id()));
    seed.stop().await;
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ipv6_works_as_well() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("did not run: this host has no IPv6");
        return;
    }
    let v6 = |config: &mut PeerConfig| config.listen = vec!["[::1]:0".parse().unwrap()];
    let (seed, device) = (peer_with(v6).await, peer_with(v6).await);
    let made = Made::new(10, 3_000_000, 1 << 18);
    made.shared_by(&seed).await;
    let memory = Memory::new(&made);
    let report = made.moved(&seed, &device, memory.clone()).await;
    assert_eq!(memory.bytes(), made.bytes());
    assert!(report.senders[0].addr.is_ipv6());
    seed.stop().await;
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_contents_and_peers_at_once() {
    let seeds = [peer().await, peer().await, peer().await];
    let devices = [peer().await, peer().await];
    let contents: Vec<Made> = (0..5)
        .map(|n| Made::new(100 + n, 1_000_000 + 77_777 * n, 1 << 17))
        .collect();
    for made in &contents {
        for seed in &seeds {
            made.shared_by(seed).await;
        }
    }
    let mut transfers = Vec::new();
    for device in &devices {
        for made in &contents {
            let memory = Memory::new(made);
            let mut download = made.download(memory.clone());
            download.source = Some(memory.clone());
            let transfer = device.download(download).await.unwrap();
            for other in seeds.iter().chain(&devices) {
                device.candidate(made.id(), addr(other)).await;
            }
            transfers.push((transfer, memory, made));
        }
    }
    for (transfer, memory, made) in &transfers {
        let report = within("a transfer", transfer.finished()).await.unwrap();
        assert_eq!(memory.bytes(), made.bytes());
        assert_eq!(report.bytes, made.source.length());
        assert_eq!(
            report.senders.iter().map(|it| it.bytes).sum::<u64>(),
            report.bytes
        );
    }
    let contents = devices[0].contents().await;
    assert_eq!(contents.len(), 5);
    assert!(
        contents
            .iter()
            .all(|it| it.have == it.hashes.layout().pieces() && it.shared)
    );
    for peer in seeds.iter().chain(&devices) {
        peer.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_not_fetched_again() {
    let (seed, device) = (peer().await, peer().await);
    let made = Made::new(5, 1_000_000, 100_000);
    made.shared_by(&seed).await;
    let memory = Memory::new(&made);
    let mut download = made.download(memory.clone());
    for piece in [0, 3, 9] {
        download.have.insert(piece);
    }
    let transfer = device.download(download).await.unwrap();
    assert_eq!(transfer.progress().bytes, 300_000);
    device.candidate(made.id(), addr(&seed)).await;
    let report = within("the transfer", transfer.finished()).await.unwrap();
    assert_eq!((report.bytes, report.pieces), (700_000, 7));
    assert_eq!(memory.bytes()[..100_000], vec![0; 100_000]);
    assert_eq!(
        memory.bytes()[100_000..300_000],
        made.bytes()[100_000..300_000]
    );

    // All of it there: done at once.
    let made = Made::new(6, 1_000_000, 100_000);
    let mut download = made.download(Arc::new(Discard));
    download.have = PieceMap::full(10);
    let transfer = device.download(download).await.unwrap();
    assert_eq!(
        within("nothing", transfer.finished()).await.unwrap().bytes,
        0
    );
    seed.stop().await;
    device.stop().await;
}

/// Says other bytes than those that were hashed.
struct Liar(Made);

impl Source for Liar {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        self.0.source.read_at(offset, buf)?;
        buf[0] ^= 1;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_pieces_are_dropped_and_fetched_elsewhere() {
    let (liar, honest, device) = (peer().await, peer().await, peer().await);
    let made = Made::new(8, 2_000_000, 50_000);
    made.shared_from(&liar, Arc::new(Liar(made.clone()))).await;
    let memory = Memory::new(&made);
    let mut events = device.subscribe();
    let transfer = made.fetched_by(&device, memory.clone()).await;
    device.candidate(made.id(), addr(&liar)).await;
    told("a bad piece was seen", &mut events, |event| {
        matches!(event, Event::Exchange(Exchange::PieceBad { .. }))
    })
    .await;
    made.shared_by(&honest).await;
    device.candidate(made.id(), addr(&honest)).await;
    let report = within("the transfer", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    assert!(report.bad_pieces > 0);
    for sender in &report.senders {
        assert_eq!(sender.bytes > 0, sender.addr == addr(&honest), "{sender:?}");
    }
    for peer in [liar, honest, device] {
        peer.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contents_come_and_go() {
    let (seed, device) = (peer().await, peer().await);
    let made = Made::new(9, 1_000_000, 100_000);
    made.shared_by(&seed).await;
    let again = Shared {
        name: "again".into(),
        hashes: made.hashes.clone(),
        source: Arc::new(made.source),
    };
    assert!(seed.share(again).await.is_err());
    seed.remove(made.id()).await;
    assert!(seed.contents().await.is_empty());

    // Not shared any more: silence.
    let mut events = seed.subscribe();
    let transfer = made.fetched_by(&device, Arc::new(Discard)).await;
    device.candidate(made.id(), addr(&seed)).await;
    let unknown = |event: &Event| match event {
        Event::Exchange(Exchange::PeerLeft { why, .. }) => *why == CloseReason::UnknownSwarm,
        _ => false,
    };
    told("the swarm was asked for", &mut events, unknown).await;
    device.remove(made.id()).await;
    let ended = within("the end", transfer.finished()).await;
    assert!(matches!(ended, Err(TransferError::Removed)), "{ended:?}");

    // And there again.
    made.shared_by(&seed).await;
    made.moved(&seed, &device, Arc::new(Discard)).await;
    seed.stop().await;
    device.stop().await;
    assert!(device.snapshot().await.is_none());
    assert!(
        device
            .share(Shared {
                name: String::new(),
                hashes: made.hashes.clone(),
                source: Arc::new(made.source)
            })
            .await
            .is_err()
    );
}

//! What hangs or breaks holds up nothing but itself.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect shall fail it"
)]

mod common;

use std::sync::{
    Arc, Condvar, Mutex,
    atomic::{AtomicU32, Ordering},
};

use common::{Made, Memory, addr, peer, peer_with, told, until, within};
use dolab_content::{Discard, Sink, Source, StoreError};
use dolab_peer::{Event, PeerConfig, TransferError};
use tokio::sync::watch;

/// A door that everybody has to wait at until it is opened.
#[derive(Default)]
struct Door {
    open: Mutex<bool>,
    opened: Condvar,
    waiting: watch::Sender<u32>,
}

impl Door {
    fn pass(&self) {
        self.waiting.send_modify(|waiting| *waiting += 1);
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_while(open, |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// Waits until so many have come to it.
    async fn reached(&self, by: u32) {
        let mut waiting = self.waiting.subscribe();
        let reached = waiting.wait_for(|waiting| *waiting >= by);
        drop(within("a disk hangs", reached).await.unwrap());
    }
}

/// A disk that hangs until the door is opened.
struct Slow<T>(Arc<Door>, T);

impl Sink for Slow<Arc<Memory>> {
    fn write_piece(&self, piece: u32, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.pass();
        self.1.write_piece(piece, bytes)
    }
}

impl Source for Slow<Made> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        self.0.pass();
        self.1.source.read_at(offset, buf)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disks_that_hang_hold_up_their_contents_only() {
    let (seed, device) = (peer().await, peer().await);
    let door = Arc::new(Door::default());
    let mut stuck = Vec::new();
    for n in 0..3 {
        let made = Made::new(20 + n, 40 << 20, 1 << 20);
        made.shared_by(&seed).await;
        let memory = Memory::new(&made);
        let sink = Arc::new(Slow(door.clone(), memory.clone()));
        let transfer = made.fetched_by(&device, sink).await;
        device.candidate(made.id(), addr(&seed)).await;
        // As stuck as it gets: its disk hangs, and it has all the memory that it can have.
        door.reached(n as u32 + 1).await;
        stuck.push((made, memory, transfer));
    }
    let made = Made::new(30, 64 << 20, 1 << 20);
    made.shared_by(&seed).await;
    let memory = Memory::new(&made);
    made.moved(&seed, &device, memory.clone()).await;
    assert_eq!(memory.bytes(), made.bytes());
    let snapshot = device.snapshot().await.unwrap();
    let limit = PeerConfig::default().memory;
    assert!(snapshot.memory <= limit, "{}", snapshot.memory);
    for (_, _, transfer) in &stuck {
        assert!(transfer.progress().pieces == 0);
    }
    door.open();
    for (made, memory, transfer) in &stuck {
        within("a transfer whose disk woke up", transfer.finished())
            .await
            .unwrap();
        assert_eq!(memory.bytes(), made.bytes());
    }
    seed.stop().await;
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_hangs_holds_up_its_content_only() {
    let (seed, device) = (peer().await, peer().await);
    let door = Arc::new(Door::default());
    let stuck = Made::new(40, 40 << 20, 1 << 20);
    stuck
        .shared_from(&seed, Arc::new(Slow(door.clone(), stuck.clone())))
        .await;
    let waiting = stuck.fetched_by(&device, Arc::new(Discard)).await;
    device.candidate(stuck.id(), addr(&seed)).await;
    door.reached(1).await;

    let made = Made::new(41, 32 << 20, 1 << 20);
    made.shared_by(&seed).await;
    made.moved(&seed, &device, Arc::new(Discard)).await;
    assert_eq!(waiting.progress().pieces, 0);
    door.open();
    within("the transfer whose source woke up", waiting.finished())
        .await
        .unwrap();
    seed.stop().await;
    device.stop().await;
}

/// A disk with room for so many pieces.
struct Full(AtomicU32);

impl Sink for Full {
    fn write_piece(&self, _piece: u32, _bytes: &[u8]) -> Result<(), StoreError> {
        let left = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        left.map(drop).map_err(|_| StoreError::DiskFull {
            path: "/full/disk".into(),
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_named() {
    let (seed, device) = (peer().await, peer().await);
    let mut events = device.subscribe();
    let made = Made::new(50, 20 << 20, 1 << 20);
    made.shared_by(&seed).await;
    let transfer = made.fetched_by(&device, Arc::new(Full(3.into()))).await;
    device.candidate(made.id(), addr(&seed)).await;
    let error = within("the end", transfer.finished()).await.unwrap_err();
    let TransferError::Store { error: store, .. } = &error else {
        panic!("{error}")
    };
    assert!(matches!(**store, StoreError::DiskFull { .. }), "{store}");
    assert!(
        error
            .to_string()
            .contains("no space is left for /full/disk"),
        "{error}"
    );
    assert!(transfer.progress().pieces <= 3);
    told("the event", &mut events, |event| {
        matches!(event, Event::StoreFailed { .. })
    })
    .await;
    // The peer is none the worse.
    let made = Made::new(51, 5 << 20, 1 << 20);
    made.shared_by(&seed).await;
    made.moved(&seed, &device, Arc::new(Discard)).await;
    seed.stop().await;
    device.stop().await;
}

/// Can not be read behind its first megabytes.
struct Broken(Made);

impl Source for Broken {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        if offset >= 3 << 20 {
            let source = std::io::Error::other("the disk is broken");
            return Err(StoreError::Io {
                path: "/broken".into(),
                source,
            });
        }
        self.0.source.read_at(offset, buf)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_can_not_be_read_is_said_and_another_peer_found() {
    let (broken, seed, device) = (peer().await, peer().await, peer().await);
    let mut events = broken.subscribe();
    let made = Made::new(60, 12 << 20, 1 << 20);
    made.shared_from(&broken, Arc::new(Broken(made.clone())))
        .await;
    let memory = Memory::new(&made);
    let transfer = made.fetched_by(&device, memory.clone()).await;
    device.candidate(made.id(), addr(&broken)).await;
    told("the event", &mut events, |event| {
        matches!(event, Event::SourceFailed { .. })
    })
    .await;
    made.shared_by(&seed).await;
    device.candidate(made.id(), addr(&seed)).await;
    within("the transfer", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    for peer in [broken, seed, device] {
        peer.stop().await;
    }
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::Exchange(dolab_engine::Event::PeerLeft { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_stops_in_the_middle() {
    let (seed, device) = (peer().await, peer().await);
    let door = Arc::new(Door::default());
    let mut left = seed.subscribe();
    let made = Made::new(70, 40 << 20, 1 << 20);
    made.shared_by(&seed).await;
    let memory = Memory::new(&made);
    let transfer = made
        .fetched_by(&device, Arc::new(Slow(door.clone(), memory.clone())))
        .await;
    device.candidate(made.id(), addr(&seed)).await;
    door.reached(1).await;
    let port = addr(&device).port();
    within("the stop", device.stop()).await;
    let ended = within("the end", transfer.finished()).await;
    assert!(matches!(ended, Err(TransferError::Stopped)), "{ended:?}");
    // The port is free again, and the seed has noticed.
    drop(peer_with(|config| config.listen = vec![common::loopback(port)]).await);
    told("the seed is alone", &mut left, is_end).await;
    assert!(seed.snapshot().await.unwrap().connections.is_empty());
    door.open();
    within("the other stop", seed.stop()).await;
    within("a second stop", seed.stop()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_last_handle_stops_the_peer() {
    let device = peer().await;
    let port = addr(&device).port();
    let other = device.clone();
    drop(device);
    assert!(other.snapshot().await.is_some());
    drop(other);
    until("the port is free", || async {
        std::net::TcpListener::bind(common::loopback(port)).is_ok()
    })
    .await;
}

/// A sink and source with a mistake in it.
struct Panics;

impl Sink for Panics {
    fn write_piece(&self, piece: u32, _bytes: &[u8]) -> Result<(), StoreError> {
        panic!("piece {piece}: this panic is part of the test")
    }
}

impl Source for Panics {
    fn read_at(&self, offset: u64, _buf: &mut [u8]) -> Result<(), StoreError> {
        panic!("offset {offset}: this panic is part of the test")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panics_of_the_user_s_code_stay_there() {
    let (seed, device) = (peer().await, peer().await);
    let made = Made::new(80, 5 << 20, 1 << 20);
    made.shared_by(&seed).await;
    let transfer = made.fetched_by(&device, Arc::new(Panics)).await;
    device.candidate(made.id(), addr(&seed)).await;
    let error = within("the end", transfer.finished()).await.unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");

    let made = Made::new(81, 5 << 20, 1 << 20);
    made.shared_from(&seed, Arc::new(Panics)).await;
    let transfer = made.fetched_by(&device, Arc::new(Discard)).await;
    let mut events = seed.subscribe();
    device.candidate(made.id(), addr(&seed)).await;
    told("the connection ends", &mut events, is_end).await;
    seed.remove(made.id()).await;
    made.shared_by(&seed).await;
    device.candidate(made.id(), addr(&seed)).await;
    within("the transfer", transfer.finished()).await.unwrap();
    seed.stop().await;
    device.stop().await;
}

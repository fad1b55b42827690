//! Input that no honest peer sends. Each kind is met with a typed error in the log, and an honest
//! transfer goes on beside it.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect shall fail it"
)]

mod common;

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use common::{
    Made, addr,
    log::Log,
    peer, peer_with,
    raw::{Raw, handshake},
    told, within,
};
use dolab_content::{Discard, Sink, StoreError};
use dolab_engine::{CloseReason, Event as Exchange, Reason};
use dolab_peer::{Counts, Event, Peer, PeerConfig};
use dolab_wire::swarm::{Block, Head, SwarmHash};

/// A peer with a content and everything to prove that it is well.
struct Victim {
    peer: Peer,
    made: Made,
    log: Log,
}

impl Victim {
    async fn new(seed: u64) -> Self {
        Self::of(peer().await, seed).await
    }

    async fn of(peer: Peer, seed: u64) -> Self {
        let victim = Self {
            peer,
            made: Made::new(seed, 8 << 20, 1 << 20),
            log: Log::start(),
        };
        victim.made.shared_by(&victim.peer).await;
        victim
    }

    async fn join(&self, id: u8) -> Raw {
        Raw::join(addr(&self.peer), &self.made, id).await
    }

    /// Joins as one that has nothing and wants everything.
    async fn join_wanting(&self, id: u8) -> Raw {
        let mut raw = self.join_empty(id).await;
        raw.say(&Head::Interested).await;
        raw
    }

    /// Joins as one that has nothing.
    async fn join_empty(&self, id: u8) -> Raw {
        let mut raw = self.join(id).await;
        raw.say(&Head::Bitfield(Bytes::from_static(&[0]))).await;
        raw
    }

    /// Waits for a line of the log about a connection.
    async fn says(&self, raw: &Raw, words: &[&str]) {
        self.log.says(raw.stream.local_addr().unwrap(), words).await;
    }

    async fn malformed(&self, kind: &str) -> u64 {
        let malformed = self.counts().await.malformed;
        malformed.get(kind).copied().unwrap_or(0)
    }

    async fn counts(&self) -> Counts {
        self.peer.snapshot().await.unwrap().counts
    }

    /// An honest transfer works.
    async fn is_well(&self) {
        let device = peer().await;
        self.made
            .moved(&self.peer, &device, Arc::new(Discard))
            .await;
        device.stop().await;
    }

    async fn end(self) {
        self.is_well().await;
        let memory = self.peer.snapshot().await.unwrap();
        let limits = PeerConfig::default();
        assert!(memory.memory <= limits.memory && memory.upload_memory <= limits.upload_memory);
        within("the stop", self.peer.stop()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_protocols_are_refused_at_their_first_byte() {
    let victim = Victim::new(1).await;
    for (bytes, kind, words) in [
        (
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            "preface",
            ["malformed", "0x47", "0x80D06813"],
        ),
        (
            b"\x13BitTorrent protocol....",
            "protocol",
            ["incompatible", "BitTorrent protocol", "0x80D06813"],
        ),
        (
            b"\x04\x1b[2J",
            "protocol",
            ["incompatible", r"\x1b[2J", "0x80D06813"],
        ),
        (
            b"\x00\x00\x00\x00",
            "preface",
            ["malformed", "0x00", "0x80D06813"],
        ),
        (
            b"\xff\xff\xff\xff",
            "preface",
            ["malformed", "0xff", "0x80D06813"],
        ),
    ] {
        let before = victim.malformed(kind).await;
        let mut raw = Raw::connect(addr(&victim.peer)).await;
        raw.send(bytes).await;
        raw.silence().await;
        victim.says(&raw, &words).await;
        assert_eq!(victim.malformed(kind).await, before + 1);
    }
    assert!(
        !victim.log.lines().iter().any(|line| line.contains('\x1b')),
        "a terminal would obey"
    );
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_handshakes_are_given_up() {
    let victim = Victim::new(2).await;
    let whole = handshake(&victim.made, 1).encode();

    let raw = Raw::connect(addr(&victim.peer)).await;
    let scan = raw.stream.local_addr().unwrap();
    drop(raw);
    victim.log.says(scan, &["ended without a byte"]).await;
    assert_eq!(victim.counts().await.silent, 1);

    for cut in [1, 14, 15, 74] {
        let mut raw = Raw::connect(addr(&victim.peer)).await;
        raw.send(&whole[..cut]).await;
        tokio::io::AsyncWriteExt::shutdown(&mut raw.stream)
            .await
            .unwrap();
        raw.silence().await;
        victim
            .says(&raw, &[&format!("ended after {cut} of the 75 bytes")])
            .await;
    }
    assert_eq!(victim.counts().await.truncated, 4);

    // A byte now and then: many at once, and nobody else waits for them.
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::connect(addr(&victim.peer)).await;
        raw.send(&whole[..1]).await;
        slow.push(raw);
    }
    victim.is_well().await;
    for raw in &mut slow {
        raw.send(&whole[1..2]).await;
    }
    for raw in &mut slow {
        raw.silence().await;
        victim.says(raw, &["only 2 of the 75 bytes"]).await;
    }
    assert_eq!(victim.counts().await.too_slow, 20);
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_swarms_are_met_with_silence() {
    let victim = Victim::new(3).await;
    let mut other = handshake(&victim.made, 1);
    other.swarm = SwarmHash([0xAB; 32]);
    for n in 1..=3 {
        let mut raw = Raw::connect(addr(&victim.peer)).await;
        raw.send(&other.encode()).await;
        raw.silence().await;
        assert_eq!(victim.counts().await.unknown_swarms, n);
        victim
            .says(&raw, &["swarm that is not shared here", "0x80D06812"])
            .await;
    }
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_messages_end_the_connection() {
    let victim = Victim::new(4).await;
    let cases: [(&str, &[u8], &str, &str); 7] = [
        (
            "frame-too-long",
            &[0xFF, 0xFF, 0xFF, 0xFF, 7],
            "4294967295 bytes",
            "0x80D06815",
        ),
        (
            "frame-too-long",
            &[0, 0x1F, 0x40, 0x01, 20],
            "2048001 bytes",
            "0x80D06815",
        ),
        // A bitfield for eight pieces has one byte.
        (
            "frame-too-long",
            &[0, 0x10, 0, 0, 5, 0xFF],
            "1048576 bytes",
            "0x80D06815",
        ),
        ("length", &[0, 0, 0, 2, 0, 0], "choke", "0x80D06816"),
        (
            "length",
            &[0, 0, 0, 6, 4, 0, 0, 0, 0, 0],
            "have",
            "0x80D06816",
        ),
        (
            "length",
            &[0, 0, 0, 9, 7, 0, 0, 0, 0, 0, 0, 0, 0],
            "piece",
            "0x80D06816",
        ),
        (
            "block",
            &[0, 0, 0, 13, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            "0 bytes",
            "0x80D06816",
        ),
    ];
    for (n, (kind, bytes, word, code)) in cases.into_iter().enumerate() {
        let before = victim.malformed(kind).await;
        let mut raw = victim.join(n as u8).await;
        raw.send(bytes).await;
        raw.closed().await;
        victim.says(&raw, &["malformed", word, code]).await;
        assert_eq!(victim.malformed(kind).await, before + 1);
    }
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_rules_end_the_connection() {
    let victim = Victim::new(5).await;
    let block = |piece, offset, len| Block { piece, offset, len };
    let cases = [
        (Head::Bitfield(Bytes::from_static(&[])), "bitfield"),
        (Head::Have(8), "has piece 8 of 8"),
        (Head::Request(block(9, 0, 1)), "not there"),
        (Head::Request(block(0, 1 << 20, 1)), "not there"),
    ];
    for (n, (head, word)) in cases.into_iter().enumerate() {
        let mut raw = victim.join(10 + n as u8).await;
        if !matches!(head, Head::Bitfield(_)) {
            raw.say(&Head::Bitfield(Bytes::from_static(&[0]))).await;
            raw.say(&Head::Interested).await;
        }
        raw.say(&head).await;
        raw.closed().await;
        victim.says(&raw, &[word, "0x80D06816"]).await;
    }
    // A piece that nobody asked for.
    let mut raw = victim.join(20).await;
    raw.say(&Head::Bitfield(Bytes::from_static(&[0xFF]))).await;
    raw.say(&Head::Piece(block(0, 0, 1 << 20))).await;
    raw.closed().await;
    victim.says(&raw, &["not asked for", "0x80D06804"]).await;
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_end_in_the_middle_are_noticed() {
    let victim = Victim::new(6).await;
    let mut half = BytesMut::new();
    Head::Opaque {
        id: 20,
        len: 1_000_000,
    }
    .encode(&mut half);
    half.extend_from_slice(&[0; 1000]);
    for (n, bytes) in [&[0, 0, 0][..], &[0, 0, 0, 13, 6, 0], &half]
        .into_iter()
        .enumerate()
    {
        let mut raw = victim.join_empty(n as u8).await;
        raw.send(bytes).await;
        tokio::io::AsyncWriteExt::shutdown(&mut raw.stream)
            .await
            .unwrap();
        raw.closed().await;
        victim.says(&raw, &["in the middle of a message"]).await;
    }
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_messages_are_skipped() {
    let victim = Victim::new(7).await;
    let mut raw = victim.join_empty(1).await;
    for len in [0, 1, 100_000, 2_000_000] {
        raw.say(&Head::Opaque { id: 20, len }).await;
        raw.send(&vec![0xCC; len as usize]).await;
    }
    raw.say(&Head::Interested).await;
    raw.say(&Head::Request(Block {
        piece: 3,
        offset: 17,
        len: 1000,
    }))
    .await;
    within("the answer", async {
        while raw.head().await.unwrap()
            != Head::Piece(Block {
                piece: 3,
                offset: 17,
                len: 1000,
            })
        {}
    })
    .await;
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_make_room() {
    let victim = Victim::new(8).await;
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(Raw::connect(addr(&victim.peer)).await);
    }
    victim.is_well().await;
    // It came after them all.
    assert!(victim.counts().await.evicted > 0);
    drop(idle);
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_end_or_wait() {
    let victim = Victim::new(9).await;
    let mut raw = victim.join_wanting(1).await;
    let mut flood = BytesMut::new();
    for n in 0..10_000 {
        Head::Request(Block {
            piece: n % 8,
            offset: 0,
            len: 1 << 20,
        })
        .encode(&mut flood);
    }
    // Not one answer is read. Far more is asked for than is allowed, so the end comes soon.
    raw.send(&flood).await;
    victim.is_well().await;
    raw.closed().await;
    // Messages that mean nothing, as many as the wire takes: they cost time, and only their sender.
    let mut noisy = victim.join_empty(2).await;
    let noise = tokio::spawn(async move {
        let mut bytes = BytesMut::new();
        for _ in 0..10_000 {
            Head::KeepAlive.encode(&mut bytes);
            Head::NotInterested.encode(&mut bytes);
        }
        while tokio::io::AsyncWriteExt::write_all(&mut noisy.stream, &bytes)
            .await
            .is_ok()
        {}
    });
    victim.is_well().await;
    noise.abort();
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_and_never_reads_holds_up_nobody() {
    let victim = Victim::new(10).await;
    let mut greedy = Vec::new();
    for n in 0..30 {
        let mut raw = victim.join_wanting(n).await;
        for piece in 0..8 {
            raw.say(&Head::Request(Block {
                piece,
                offset: 0,
                len: 1 << 20,
            }))
            .await;
        }
        greedy.push(raw);
    }
    let snapshot = victim.peer.snapshot().await.unwrap();
    assert!(snapshot.upload_memory <= 4 << 20);
    drop(greedy.split_off(4));
    victim.is_well().await;
    victim.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_and_never_reads_is_closed_at_its_limit() {
    let impatient = peer_with(|config| config.engine.send_timeout = Duration::from_millis(200));
    let victim = Victim::of(impatient.await, 11).await;
    let mut events = victim.peer.subscribe();
    let mut raw = victim.join_wanting(1).await;
    // More than the kernel's buffers of both ends can hold.
    let len = 1 << 20;
    for piece in 0..8 {
        raw.say(&Head::Request(Block {
            piece,
            offset: 0,
            len,
        }))
        .await;
    }
    let timed_out = |event: &Event| match event {
        Event::Exchange(Exchange::PeerLeft { why, .. }) => {
            *why == CloseReason::TimedOut(Reason::Send)
        }
        _ => false,
    };
    told("it is given up", &mut events, timed_out).await;
    assert!(victim.peer.snapshot().await.unwrap().connections.is_empty());
    // Not only forgotten: closed, behind what had been sent until then.
    raw.closed().await;
    victim.end().await;
}

/// Sends the pieces that a downloader asks for, but never to the end.
async fn stall(peer: &Peer, made: &Made, id: u8) -> Raw {
    let mut raw = Raw::join(addr(peer), made, id).await;
    raw.say(&Head::Bitfield(Bytes::from_static(&[0xFF; 1])))
        .await;
    raw.say(&Head::Unchoke).await;
    let request = within("a request", async {
        loop {
            let head = raw.head().await.expect("it wants pieces");
            if let Head::Request(block) = head {
                return block;
            }
        }
    })
    .await;
    raw.say(&Head::Piece(request)).await;
    raw.send(&[0; 1000]).await;
    raw
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_that_stall_hold_little() {
    let log = Log::start();
    let device = peer_with(|config| config.memory = 4 << 20).await;
    // Eight contents, of each of which one sender holds a piece's memory: more than there is.
    let mut stalled = Vec::new();
    for n in 0..3 {
        let made = Made::new(200 + n, 8 << 20, 1 << 20);
        let transfer = made.fetched_by(&device, Arc::new(Discard)).await;
        stalled.push((stall(&device, &made, n as u8).await, transfer));
    }
    let made = Made::new(210, 16 << 20, 1 << 20);
    let seed = peer().await;
    made.shared_by(&seed).await;
    made.moved(&seed, &device, Arc::new(Discard)).await;
    assert!(device.snapshot().await.unwrap().memory <= 4 << 20);
    drop(stalled);
    drop(log);
    seed.stop().await;
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_that_stall_while_others_wait_are_closed() {
    let log = Log::start();
    let device = peer_with(|config| config.memory = 4 << 20).await;
    // Each holds a quarter of the memory, so that there is none for another.
    let mut stalled = Vec::new();
    for n in 0..4 {
        let made = Made::new(220 + n, 8 << 20, 1 << 20);
        let transfer = made.fetched_by(&device, Arc::new(Discard)).await;
        stalled.push((stall(&device, &made, n as u8).await, transfer));
    }
    let made = Made::new(230, 16 << 20, 1 << 20);
    let seed = peer().await;
    made.shared_by(&seed).await;
    made.moved(&seed, &device, Arc::new(Discard)).await;
    let ours = stalled.iter().map(|(raw, _)| raw.stream.local_addr());
    let ours: Vec<String> = ours
        .map(|addr| format!("remote={}", addr.unwrap()))
        .collect();
    log.has("one of them had to go", |line| {
        line.contains("sends too slowly")
            && ours
                .iter()
                .any(|remote| line.split(' ').any(|word| word == remote))
    })
    .await;
    seed.stop().await;
    device.stop().await;
}

/// Never called: the contents of these tests are not fetched.
struct Never;

impl Sink for Never {
    fn write_piece(&self, piece: u32, _bytes: &[u8]) -> Result<(), StoreError> {
        panic!("piece {piece} was kept")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lies_about_a_content_are_not_kept() {
    let device = peer().await;
    let made = Made::new(300, 8 << 20, 1 << 20);
    let transfer = made.fetched_by(&device, Arc::new(Never)).await;
    let mut raw = Raw::join(addr(&device), &made, 1).await;
    raw.say(&Head::Bitfield(Bytes::from_static(&[0xFF]))).await;
    raw.say(&Head::Unchoke).await;
    let sent = within("the ban", async {
        let mut sent = 0;
        while let Some(head) = raw.head().await {
            if let Head::Request(block) = head {
                raw.say(&Head::Piece(block)).await;
                raw.send(&vec![0; block.len as usize]).await;
                sent += 1;
            }
        }
        sent
    })
    .await;
    assert!(sent >= 3, "banned after {sent}");
    assert_eq!(transfer.progress().pieces, 0);
    assert!(transfer.progress().senders[0].bad_pieces >= 3);
    device.stop().await;
}

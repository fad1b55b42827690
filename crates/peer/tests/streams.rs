//! The exchange over streams that are no TCP connection: pipes in memory, and Unix sockets.

#![allow(
    clippy::unwrap_used,
    reason = "what a test did not expect shall fail it"
)]

mod common;

use std::{io::Write, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use common::{Made, Memory, addr, peer, peer_with, told, until, within};
use dolab_content::SharedFile;
use dolab_engine::Event as Exchange;
use dolab_peer::{Download, Event, FarEnd, Peer, Priority, Stream, TcpInfo};
use dolab_wire::swarm::{HANDSHAKE_LEN, Head, HeadDecoder};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream, duplex, split},
    sync::oneshot,
};

const PIECE: u32 = 256 << 10;

/// A peer that listens nowhere, so that nothing can go around the stream.
async fn silent_peer() -> Peer {
    peer_with(|config| config.listen.clear()).await
}

/// What a peer is known by on streams that have no addresses.
fn named(n: u8) -> SocketAddr {
    SocketAddr::new([192, 168, 77, n].into(), 7680)
}

/// Hands the two ends of a stream to a seed and to a device, which knows the seed as `named(1)`.
async fn joined<S>(made: &Made, seed: &Peer, device: &Peer, ends: (S, S))
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (near, far) = ends;
    seed.attach(Stream::other(near), FarEnd::caller(named(2)))
        .await;
    let callee = FarEnd::callee(named(1), made.id());
    device.attach(Stream::other(far), callee).await;
}

/// One content from a seed to a device over a stream.
async fn moves<S>(length: u64, ends: (S, S))
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let made = Made::new(length, length, PIECE);
    let (seed, device) = (silent_peer().await, silent_peer().await);
    made.shared_by(&seed).await;
    let memory = Memory::new(&made);
    let transfer = made.fetched_by(&device, memory.clone()).await;
    joined(&made, &seed, &device, ends).await;
    let report = within("the transfer", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    assert_eq!((report.bytes, report.bad_pieces), (length, 0));
    assert_eq!(report.senders.len(), 1);
    assert_eq!(report.senders[0].addr, named(1));
    for peer in [seed, device] {
        for view in peer.snapshot().await.unwrap().connections {
            assert_eq!((view.local, view.tcp), (None, None));
        }
        peer.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipes_of_every_width_carry_a_content() {
    moves(5_000_001, duplex(64 << 10)).await;
    moves(3, duplex(64 << 10)).await;
    // Narrower than a head, so that every read and every write is a part of something.
    moves(300_000, duplex(7)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stream_keeps_back_is_pushed_out() {
    let (near, far) = duplex(64 << 10);
    // Larger than all that is ever said at once: without a flush nothing would leave.
    let buffered = |end| BufStream::with_capacity(1 << 20, 1 << 20, end);
    moves(1_000_001, (buffered(near), buffered(far))).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unix_sockets_carry_a_content() {
    moves(5_000_001, tokio::net::UnixStream::pair().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_over_a_pipe_without_the_kernels_help() {
    let made = Made::new(4, 3_000_001, PIECE);
    let mut original = tempfile::NamedTempFile::new().unwrap();
    original.write_all(&made.bytes()).unwrap();
    let (seed, device) = (silent_peer().await, silent_peer().await);
    let file = SharedFile::open(original.path()).unwrap();
    made.shared_from(&seed, Arc::new(file)).await;
    let memory = Memory::new(&made);
    let transfer = made.fetched_by(&device, memory.clone()).await;
    joined(&made, &seed, &device, duplex(64 << 10)).await;
    within("the transfer", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    let held = seed.snapshot().await.unwrap().upload_memory;
    assert_eq!(held, 0, "what it was read into is given back");
    for peer in [seed, device] {
        peer.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_reaches_out_over_a_pipe() {
    let made = Made::new(5, 2_000_001, PIECE);
    let (seed, device) = (silent_peer().await, silent_peer().await);
    made.shared_by(&seed).await;
    let (near, far) = duplex(64 << 10);
    device
        .attach(Stream::other(far), FarEnd::caller(named(1)))
        .await;
    let memory = Memory::new(&made);
    let fetched = made.fetched_by(&device, memory.clone()).await;
    let callee = FarEnd::callee(named(2), made.id());
    seed.attach(Stream::other(near), callee).await;
    within("the transfer", fetched.finished()).await.unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    for peer in [seed, device] {
        peer.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_and_a_pipe_bring_one_content_together() {
    let made = Made::new(6, 8_000_001, PIECE);
    let listening = peer().await;
    let (seed, device) = (silent_peer().await, silent_peer().await);
    for sharer in [&listening, &seed] {
        made.shared_by(sharer).await;
    }
    let memory = Memory::new(&made);
    let transfer = made.fetched_by(&device, memory.clone()).await;
    let mut joins = device.subscribe();
    joined(&made, &seed, &device, duplex(64 << 10)).await;
    told("the pipe's peer joins", &mut joins, |event| {
        matches!(event, Event::Exchange(Exchange::PeerJoined { remote, .. }) if *remote == named(1))
    })
    .await;
    device.candidate(made.id(), addr(&listening)).await;
    within("the transfer", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    for peer in [listening, seed, device] {
        peer.stop().await;
    }
}

/// Carries bytes both ways between two streams. What goes to the device is recorded; once so much
/// of it has passed `gate` says whether more does.
async fn relay<S>(seed: S, device: S, until: usize, gate: impl Future<Output = bool>) -> Vec<u8>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut from_seed, mut to_seed) = split(seed);
    let (mut from_device, mut to_device) = split(device);
    let mut recorded = Vec::new();
    let down = async {
        let mut gate = std::pin::pin!(gate);
        let mut is_open = false;
        let mut buffer = vec![0; 8 << 10];
        while let Ok(read @ 1..) = from_seed.read(&mut buffer).await {
            recorded.extend_from_slice(&buffer[..read]);
            if to_device.write_all(&buffer[..read]).await.is_err() {
                break;
            }
            if !is_open && recorded.len() >= until {
                is_open = gate.as_mut().await;
                if !is_open {
                    break;
                }
            }
        }
    };
    tokio::select! {
        () = down => {}
        _ = tokio::io::copy(&mut from_device, &mut to_seed) => {}
    }
    recorded
}

/// The messages among what a seed said.
fn heads(recorded: &[u8]) -> Vec<Head> {
    let mut bytes = BytesMut::from(&recorded[HANDSHAKE_LEN..]);
    let mut heads = Vec::new();
    while let Some(head) = HeadDecoder::new(1 << 20).decode(&mut bytes).unwrap() {
        bytes.advance(bytes.len().min(head.body_len() as usize));
        heads.push(head);
    }
    heads
}

/// One slot for two devices: the one that has it stops taking in the middle of a piece, loses it to
/// the other, and gets it back.
async fn goes_on_after_a_choke<S>(pair: impl Fn() -> (S, S))
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let made = Made::new(8, 6_000_001, PIECE);
    let seed = peer_with(|config| {
        config.listen.clear();
        config.engine.upload_contents = 1;
        config.engine.unchoked_per_content = 1;
        config.engine.rotation_interval = Duration::from_millis(50);
        config.engine.slot_patience = Duration::from_millis(50);
    })
    .await;
    made.shared_by(&seed).await;
    let (first, second) = (silent_peer().await, silent_peer().await);
    let (held, also) = (Memory::new(&made), Memory::new(&made));
    let one = made.fetched_by(&first, held.clone()).await;

    let ((near, relayed_near), (relayed_far, far)) = (pair(), pair());
    let (stuck, is_stuck) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let gate = async move {
        stuck.send(()).unwrap();
        may_go_on.await.unwrap();
        true
    };
    let recorded = tokio::spawn(relay(relayed_near, relayed_far, 700_000, gate));
    joined(&made, &seed, &first, (near, far)).await;
    within("the first to be served", is_stuck).await.unwrap();

    let two = made.fetched_by(&second, also.clone()).await;
    joined(&made, &seed, &second, pair()).await;
    within("the second transfer", two.finished()).await.unwrap();
    assert_eq!(also.bytes(), made.bytes());
    until("nothing to be held for who takes nothing", async || {
        seed.snapshot().await.unwrap().upload_memory == 0
    })
    .await;
    go_on.send(()).unwrap();
    within("the first transfer", one.finished()).await.unwrap();
    assert_eq!(held.bytes(), made.bytes());
    for peer in [seed, first, second] {
        peer.stop().await;
    }
    let recorded = within("the relay", recorded).await.unwrap();
    let heads = heads(&recorded);
    let chokes = heads.iter().filter(|head| **head == Head::Choke).count();
    let unchokes = heads.iter().filter(|head| **head == Head::Unchoke).count();
    assert!(chokes >= 1 && unchokes >= 2, "{chokes} {unchokes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chokes_work_over_a_pipe() {
    goes_on_after_a_choke(|| duplex(64 << 10)).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chokes_work_over_unix_sockets() {
    goes_on_after_a_choke(|| tokio::net::UnixStream::pair().unwrap()).await;
}

/// A stream that ends in the middle of a piece, and another after it.
async fn goes_on_after_a_cut<S>(pair: impl Fn() -> (S, S))
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let made = Made::new(9, 6_000_001, PIECE);
    let (seed, device) = (silent_peer().await, silent_peer().await);
    made.shared_by(&seed).await;
    let memory = Memory::new(&made);
    let transfer = made.fetched_by(&device, memory.clone()).await;
    let mut events = [seed.subscribe(), device.subscribe()];

    let ((near, relayed_near), (relayed_far, far)) = (pair(), pair());
    let cut = relay(
        relayed_near,
        relayed_far,
        2_400_000,
        std::future::ready(false),
    );
    let cut = tokio::spawn(cut);
    joined(&made, &seed, &device, (near, far)).await;
    for events in &mut events {
        told("the cut is noticed", events, |event| {
            matches!(event, Event::Exchange(Exchange::PeerLeft { .. }))
        })
        .await;
    }
    within("the relay", cut).await.unwrap();
    // They were read before the end was, and are hashed after it at the latest.
    until("the nine pieces before it to be kept", async || {
        transfer.progress().pieces == 9
    })
    .await;

    joined(&made, &seed, &device, pair()).await;
    let report = within("the transfer", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    assert_eq!((report.bytes, report.bad_pieces), (6_000_001, 0));
    for peer in [seed, device] {
        peer.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_may_be_cut() {
    goes_on_after_a_cut(|| duplex(64 << 10)).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unix_socket_may_be_cut() {
    goes_on_after_a_cut(|| tokio::net::UnixStream::pair().unwrap()).await;
}

#[tokio::test]
async fn in_the_background_a_pipe_is_taken_from_as_well() {
    // Where the kernel tells no round trip at all, there is no background.
    if !TcpInfo::is_known() {
        return;
    }
    let made = Made::new(10, 30_000, PIECE);
    let (seed, device) = (silent_peer().await, silent_peer().await);
    made.shared_by(&seed).await;
    let memory = Memory::new(&made);
    let download = Download {
        priority: Priority::Background,
        ..made.download(memory.clone())
    };
    let transfer = device.download(download).await.unwrap();
    joined(&made, &seed, &device, duplex(4096)).await;
    within("the transfer", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), made.bytes());
    for peer in [seed, device] {
        peer.stop().await;
    }
}

#[tokio::test]
async fn what_is_no_peer_is_closed() {
    let made = Made::new(11, 1000, PIECE);
    let seed = silent_peer().await;
    made.shared_by(&seed).await;
    let check = [&[b"dolab check".len() as u8][..], b"dolab check"].concat();
    for said in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), check] {
        let (mut here, there) = duplex(4096);
        seed.attach(Stream::other(there), FarEnd::caller(named(3)))
            .await;
        here.write_all(&said).await.unwrap();
        let mut answer = Vec::new();
        let read = within("it is closed", here.read_to_end(&mut answer)).await;
        assert_eq!(read.unwrap(), 0);
    }
    // For a content that is not there, and by a peer that was stopped.
    let (mut here, there) = duplex(4096);
    let unknown = Made::new(12, 1000, PIECE).id();
    seed.attach(Stream::other(there), FarEnd::callee(named(3), unknown))
        .await;
    assert_eq!(
        within("it is closed", here.read(&mut [0])).await.unwrap(),
        0
    );
    seed.stop().await;
    let (mut here, there) = duplex(4096);
    seed.attach(Stream::other(there), FarEnd::caller(named(3)))
        .await;
    assert_eq!(
        within("it is closed", here.read(&mut [0])).await.unwrap(),
        0
    );
}

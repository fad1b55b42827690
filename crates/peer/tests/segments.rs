//! What a connection looks like on the wire: each handshake is a TCP segment of its own.
//!
//! Reads the loopback device with a packet socket, so it needs root (CAP_NET_RAW) and says when it
//! did not run.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect shall fail it"
)]
#![cfg(target_os = "linux")]

mod common;

use std::{
    collections::BTreeMap,
    io::Read,
    sync::Arc,
    time::{Duration, Instant},
};

use common::{Made, addr, peer, within};
use dolab_content::Discard;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

/// All protocols, in network byte order, as packet sockets want it.
const ETH_P_ALL: i32 = (3_u16.to_be()) as i32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_handshake_has_a_segment_of_its_own() {
    for n in 0..5 {
        let (seed, device) = (peer().await, peer().await);
        let made = Made::new(n, 300_000, 100_000);
        made.shared_by(&seed).await;
        let port = addr(&seed).port();
        let sniffer = match sniffer(port) {
            Ok(sniffer) => sniffer,
            Err(error) => {
                let required = std::env::var_os("DOLAB_REQUIRE_NETNS").is_some();
                assert!(!required, "CI requires this test: {error}");
                eprintln!("did not run: no packet socket here ({error})");
                return;
            }
        };
        let transfer = made.fetched_by(&device, Arc::new(Discard)).await;
        device.candidate(made.id(), addr(&seed)).await;
        within("the transfer", transfer.finished()).await.unwrap();
        let first = first_payloads(&sniffer, port);
        // One each way, 75 bytes, and nothing with it.
        assert_eq!(first.len(), 2, "{first:?}");
        for ((from, to), payload) in first {
            assert!(from == port || to == port);
            assert_eq!(payload.len(), 75, "{from} to {to}: {payload:02x?}");
            assert_eq!(payload[..15], *b"\x0eSwarm protocol");
        }
        seed.stop().await;
        device.stop().await;
    }
}

/// A socket that sees the TCP packets of one port, so that nothing else fills its buffer, and of
/// each no more than it takes to tell.
fn sniffer(port: u16) -> std::io::Result<Socket> {
    let sniffer = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(ETH_P_ALL)))?;
    let port = u32::from(port);
    sniffer.attach_filter(&[
        // The protocol is TCP.
        SockFilter::new(0x30, 0, 0, 9),
        SockFilter::new(0x15, 0, 6, 6),
        // Behind the header of IPv4 the source port or the destination port is ours.
        SockFilter::new(0xB1, 0, 0, 0),
        SockFilter::new(0x48, 0, 0, 0),
        SockFilter::new(0x15, 2, 0, port),
        SockFilter::new(0x48, 0, 0, 2),
        SockFilter::new(0x15, 0, 1, port),
        SockFilter::new(0x06, 0, 0, 400),
        SockFilter::new(0x06, 0, 0, 0),
    ])?;
    sniffer.set_read_timeout(Some(Duration::from_millis(100)))?;
    Ok(sniffer)
}

/// The first bytes that each side sent, by ports.
fn first_payloads(mut sniffer: &Socket, port: u16) -> BTreeMap<(u16, u16), Vec<u8>> {
    let mut first = BTreeMap::new();
    let mut packet = [0; 400];
    let began = Instant::now();
    while first.len() < 2 && began.elapsed() < Duration::from_secs(30) {
        let Ok(len) = sniffer.read(&mut packet) else {
            continue;
        };
        let Some((ports, payload)) = tcp_payload(&packet[..len]) else {
            continue;
        };
        // Packets of others may have come before the filter.
        if (ports.0 == port || ports.1 == port) && !payload.is_empty() {
            first.entry(ports).or_insert_with(|| payload.to_vec());
        }
    }
    first
}

/// Ports and payload of an IPv4 packet that carries TCP.
fn tcp_payload(packet: &[u8]) -> Option<((u16, u16), &[u8])> {
    let header = usize::from(packet.first()? & 0x0F) * 4;
    if packet[0] >> 4 != 4 || *packet.get(9)? != 6 {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    // More than the filter lets through, and a segment of 64 KiB and more on loopback has no length
    // in its header at all.
    let end = if total == 0 {
        packet.len()
    } else {
        total.min(packet.len())
    };
    let tcp = packet.get(header..end)?;
    let ports = (
        u16::from_be_bytes([tcp[0], tcp[1]]),
        u16::from_be_bytes([tcp[2], tcp[3]]),
    );
    Some((ports, tcp.get(usize::from(tcp[12] >> 4) * 4..)?))
}

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
use socket2::{Domain, Protocol, Socket, Type};

/// All protocols, in network byte order, as packet sockets want it.
const ETH_P_ALL: i32 = (3_u16.to_be()) as i32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_handshake_has_a_segment_of_its_own() {
    let sniffer = match Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(ETH_P_ALL))) {
        Ok(sniffer) => sniffer,
        Err(error) => {
            eprintln!("did not run: no packet socket here ({error})");
            return;
        }
    };
    sniffer
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    sniffer.set_recv_buffer_size(8 << 20).unwrap();
    for n in 0..5 {
        let (seed, device) = (peer().await, peer().await);
        let made = Made::new(n, 300_000, 100_000);
        made.shared_by(&seed).await;
        let transfer = made.fetched_by(&device, Arc::new(Discard)).await;
        device.candidate(made.id(), addr(&seed)).await;
        within("the transfer", transfer.finished()).await.unwrap();
        let port = addr(&seed).port();
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

/// The first bytes that each side sent, by ports.
fn first_payloads(mut sniffer: &Socket, port: u16) -> BTreeMap<(u16, u16), Vec<u8>> {
    let mut first = BTreeMap::new();
    let mut packet = vec![0; 70_000];
    let began = Instant::now();
    while first.len() < 2 && began.elapsed() < Duration::from_secs(30) {
        let Ok(len) = sniffer.read(&mut packet) else {
            continue;
        };
        let Some((ports, payload)) = tcp_payload(&packet[..len]) else {
            continue;
        };
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
    // A segment of 64 KiB and more on loopback has no length in its header.
    let total = if total == 0 { packet.len() } else { total };
    let tcp = packet.get(header..total)?;
    let ports = (
        u16::from_be_bytes([tcp[0], tcp[1]]),
        u16::from_be_bytes([tcp[2], tcp[3]]),
    );
    Some((ports, tcp.get(usize::from(tcp[12] >> 4) * 4..)?))
}

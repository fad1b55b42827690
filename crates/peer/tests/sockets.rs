//! The listener and its sockets.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect shall fail it"
)]

mod common;

use std::{net::SocketAddr, sync::Arc};

use common::{Made, addr, loopback, peer, peer_with, raw::Raw, told, within};
use dolab_content::Discard;
use dolab_peer::{Event, Foreign, Peer, PeerConfig, StartError};
use dolab_wire::preface::CHECK_NAME;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};

#[tokio::test]
async fn one_listener_serves_both_families() {
    let any: SocketAddr = "[::]:0".parse().unwrap();
    let device = peer_with(|config| config.listen = vec![any]).await;
    let port = addr(&device).port();
    let mut events = device.subscribe();
    let mut ways = vec![loopback(port)];
    // Where IPv6 is off the peer listens on IPv4 alone.
    if addr(&device).is_ipv6() && std::net::TcpListener::bind("[::1]:0").is_ok() {
        ways.push(format!("[::1]:{port}").parse().unwrap());
    }
    for way in ways {
        let raw = Raw::connect(way).await;
        let accepted = within("the event", events.recv()).await.unwrap();
        let Event::Accepted { remote, local } = accepted else {
            panic!("{accepted:?}")
        };
        // IPv4 is shown as IPv4, although the socket is an IPv6 one.
        assert_eq!((remote, local), (raw.stream.local_addr().unwrap(), way));
    }
    device.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_holder() {
    let first = peer().await;
    let port = addr(&first).port();
    let config = PeerConfig {
        listen: vec![loopback(port)],
        ..PeerConfig::default()
    };
    let error = Peer::start(config.clone()).await.unwrap_err();
    assert!(matches!(error, StartError::PortTaken { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("port {port} is taken")), "{text}");
    if cfg!(target_os = "linux") {
        let us = format!("(process {})", std::process::id());
        assert!(text.contains(&us), "{text}");
    }
    first.stop().await;
    Peer::start(config).await.unwrap().stop().await;
}

#[tokio::test]
async fn what_the_system_refuses_is_said_at_the_start() {
    let elsewhere = peer_start(|config| config.listen = vec!["192.0.2.1:0".parse().unwrap()]).await;
    assert!(
        matches!(elsewhere, Err(StartError::Listen { .. })),
        "{elsewhere:?}"
    );
    let option = peer_start(|config| config.sockets.congestion = Some("no such".into())).await;
    assert!(
        matches!(option, Err(StartError::SocketOption(_))),
        "{option:?}"
    );
}

async fn peer_start(change: impl FnOnce(&mut PeerConfig)) -> Result<Peer, StartError> {
    let mut config = PeerConfig {
        listen: vec![loopback(0)],
        ..PeerConfig::default()
    };
    change(&mut config);
    Peer::start(config).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wishes_for_sockets_reach_every_connection() {
    let wishes = |config: &mut PeerConfig| {
        config.sockets.buffer = Some(100_000);
        config.sockets.traffic_class = Some(0x20);
        if cfg!(target_os = "linux") {
            config.sockets.congestion = Some("reno".into());
        }
    };
    let (seed, device) = (peer_with(wishes).await, peer_with(wishes).await);
    let made = Made::new(1, 3_000_000, 1 << 20);
    made.shared_by(&seed).await;
    made.moved(&seed, &device, Arc::new(Discard)).await;
    seed.stop().await;
    device.stop().await;
}

#[tokio::test]
async fn check_sessions_are_handed_over_whole() {
    let (taker, mut taken) = mpsc::channel(1);
    let busy = taker.clone();
    let device = peer_with(|config| config.foreign = Some(taker)).await;
    let mut raw = Raw::connect(addr(&device)).await;
    let mut hello = vec![CHECK_NAME.len() as u8];
    hello.extend_from_slice(CHECK_NAME);
    hello.extend_from_slice(&[0xAA; 200]);
    raw.send(&hello).await;
    let mut foreign: Foreign = within("the connection", taken.recv()).await.unwrap();
    assert_eq!(foreign.remote, raw.stream.local_addr().unwrap());
    assert_eq!(foreign.local, addr(&device));
    let mut got = foreign.prefix.to_vec();
    while got.len() < hello.len() {
        within("the rest", foreign.stream.read_buf(&mut got))
            .await
            .unwrap();
    }
    assert_eq!(got, hello);
    foreign.stream.write_all(b"!").await.unwrap();
    assert_eq!(raw.stream.read_u8().await.unwrap(), b'!');

    // The taker is busy, and then gone: the connection is closed, the peer lives on.
    busy.try_send(foreign).unwrap();
    let turned_away = async || {
        let mut other = Raw::connect(addr(&device)).await;
        other.send(&hello).await;
        other.silence().await;
    };
    turned_away().await;
    drop(taken);
    turned_away().await;
    assert_eq!(device.snapshot().await.unwrap().counts.foreign, 3);
    device.stop().await;
}

#[tokio::test]
async fn public_addresses_are_not_dialled() {
    let device = peer().await;
    let mut events = device.subscribe();
    let made = Made::new(2, 1000, 1000);
    let _transfer = made.fetched_by(&device, Arc::new(Discard)).await;
    let public = "192.0.2.7:7680".parse().unwrap();
    device.candidate(made.id(), public).await;
    told(
        "the refusal",
        &mut events,
        |event| matches!(event, Event::RefusedPublic { addr } if *addr == public),
    )
    .await;
    assert!(device.snapshot().await.unwrap().counts.refused_public >= 1);
    device.stop().await;
}

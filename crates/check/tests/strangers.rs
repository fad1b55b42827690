//! What strangers get who speak something else to the responders: an answer in their protocol where
//! there is one, silence where not, and never a way to disturb the others.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod common;

use std::{
    net::SocketAddr,
    process::{Command, Output, Stdio},
    time::Duration,
};

use common::{LOCAL, REMOTE, check, open, station};
use dolab_check::{
    CheckOptions, Station,
    report::{Direction, PathId, PathState},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// Only turns a test that would hang into one that fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn at(station: &Station, path: PathId) -> SocketAddr {
    SocketAddr::new(station.addresses()[0], station.port(path).unwrap())
}

/// Runs a tool of the system, or says that it is not there.
fn tool(name: &str, args: &[&str]) -> Option<Output> {
    let output = Command::new(name).args(args).stdin(Stdio::null()).output();
    if output.is_err() {
        use std::io::Write as _;
        // Not by a macro: this has to be seen also when the test passes.
        let _ = writeln!(std::io::stderr(), "NOT RUN: `{name}` is not installed");
    }
    output.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_sees_a_tls_server() {
    let station = station(REMOTE).await;
    let addr = at(&station, PathId::Tcp443).to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        let args = [
            "s_client",
            "-connect",
            &addr,
            "-servername",
            "host",
            version,
            "-brief",
        ];
        let output = tokio::task::block_in_place(|| tool("openssl", &args));
        let Some(output) = output else { break };
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("CONNECTION ESTABLISHED"), "{version}: {said}");
        assert!(said.contains("dolab check responder"), "{version}: {said}");
    }
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_is_told_what_is_here() {
    let station = station(REMOTE).await;
    let url = format!("https://{}/", at(&station, PathId::Tcp443));
    let args = [
        "--insecure",
        "--silent",
        "--show-error",
        "--http1.1",
        "--noproxy",
        "*",
        &url,
    ];
    if let Some(output) = tokio::task::block_in_place(|| tool("curl", &args)) {
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("dolab answers checks here"), "{said}{errors}");
    }
    station.stop().await;
}

/// Bytes that no responder can make sense of, some of which begin well.
fn nonsense() -> Vec<Vec<u8>> {
    let frame = b"\x0bdolab check".to_vec();
    let with = |rest: &[u8]| {
        let mut bytes = frame.clone();
        bytes.extend_from_slice(rest);
        bytes
    };
    vec![
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0; 4000],
        vec![0xFF; 4000],
        (0..=255).cycle().take(9000).collect(),
        // TLS and QUIC that end in nothing.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"\xc3\x00\x00\x00\x01\x08\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x44\x00".to_vec(),
        // Check sessions that are none.
        with(&[0, 0, 0, 0]),
        with(&[0xFF, 0xFF, 0xFF, 0xFF]),
        with(b"\x00\x00\x00\x02{}"),
        with(b"\x00\x00\x00\x0d{\"type\":\"bye\"}"),
        with(b"\x00\x10\x00\x00half a megabyte is announced and does not come"),
        // Teredo headers that promise more.
        b"\x00\x01\xff\xff".to_vec(),
        b"\x00\x00\x00\x00\x00".to_vec(),
        frame.clone(),
        Vec::new(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_on_every_port_disturbs_nobody() {
    let (local, remote) = (station(LOCAL).await, station(REMOTE).await);
    let mut held = Vec::new();
    for path in [PathId::Tcp7680, PathId::Tcp443] {
        for bytes in nonsense() {
            let mut stream = TcpStream::connect(at(&remote, path)).await.unwrap();
            // It may hang up while we are still talking.
            let _ = stream.write_all(&bytes).await;
            held.push(stream);
        }
    }
    for path in [PathId::Udp443, PathId::Udp3544] {
        let socket = UdpSocket::bind((LOCAL, 0)).await.unwrap();
        for bytes in nonsense() {
            socket.send_to(&bytes, at(&remote, path)).await.unwrap();
        }
    }
    // With all of them still connected, an honest check finds everything open.
    let options = CheckOptions {
        size: 1 << 20,
        ..CheckOptions::default()
    };
    let report = check(&local, &remote, &options).await;
    for path in [
        PathId::Tcp7680,
        PathId::Tcp443,
        PathId::Udp443,
        PathId::Udp3544,
    ] {
        assert_eq!(
            open(&report, path, Direction::Outbound),
            PathState::Open,
            "{path}"
        );
    }
    assert!(report.exchange.iter().all(|moved| moved.error.is_none()));
    // And each of them is shown the door.
    for mut stream in held {
        let mut rest = Vec::new();
        let end = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(
            end.is_ok(),
            "a connection that makes no sense is kept for ever"
        );
        assert!(rest.len() < 8192, "{} bytes came back", rest.len());
    }
    local.stop().await;
    remote.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_do_not_lock_others_out() {
    let (local, remote) = (station(LOCAL).await, station(REMOTE).await);
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(
            TcpStream::connect(at(&remote, PathId::Tcp7680))
                .await
                .unwrap(),
        );
        held.push(
            TcpStream::connect(at(&remote, PathId::Tcp443))
                .await
                .unwrap(),
        );
    }
    let report = check(
        &local,
        &remote,
        &CheckOptions {
            size: 0,
            ..Default::default()
        },
    )
    .await;
    for path in [PathId::Tcp7680, PathId::Tcp443] {
        assert_eq!(
            open(&report, path, Direction::Outbound),
            PathState::Open,
            "{path}"
        );
    }
    drop(held);
    local.stop().await;
    remote.stop().await;
}

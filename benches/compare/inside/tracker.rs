//! A BitTorrent tracker with one peer.

use std::{
    ffi::OsString,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{IpAddr, SocketAddrV4, TcpListener, TcpStream},
    process::ExitCode,
};

pub(super) fn run(words: &[OsString]) -> io::Result<ExitCode> {
    let listener = TcpListener::bind(super::text(words, 0)?)?;
    let peer = super::text(words, 1)?.parse().map_err(io::Error::other)?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    for client in listener.incoming() {
        // A client that breaks off asks again.
        let _ = client.and_then(|client| answer(client, peer));
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(mut client: TcpStream, peer: SocketAddrV4) -> io::Result<()> {
    for line in BufReader::new(&client).lines() {
        if line?.is_empty() {
            break; // The end of the request's head; there is no more to it.
        }
    }
    let mut body = b"d8:intervali3600e5:peers".to_vec();
    if client.peer_addr()?.ip() == IpAddr::V4(*peer.ip()) {
        body.extend_from_slice(b"0:");
    } else {
        body.extend_from_slice(b"6:");
        body.extend_from_slice(&peer.ip().octets());
        body.extend_from_slice(&peer.port().to_be_bytes());
    }
    body.push(b'e');
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    client.write_all(&[head.as_bytes(), &body].concat())
}

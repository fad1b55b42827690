//! What strangers may send to port 7680: nothing of it ends the program, stalls others, or grows
//! its memory, and each is named in the log.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use dolab_tests::{PATIENCE, Process, dolab, note};
use socket2::{Domain, Socket, Type};

use crate::{
    content::{same, write_sparse},
    peer::{self, Peer},
};

const PIECE: u32 = 1 << 20;
const PIECES: u32 = 64;

/// What the program may grow by under attack, in KiB. Its own bound is what it states for the
/// buffers of the exchange; this is loose enough for the allocator, and far below what any of the
/// floods here would take if it were kept.
const GROWTH: u64 = 32 << 10;

#[test]
fn every_kind_of_bad_input_is_named_in_the_log() {
    let Victim { peer, id, .. } = &victim();
    let hello = handshake(id);
    let after_hello = |bytes: &[u8]| [&hello, bytes].concat();
    let unknown = handshake(&"77".repeat(32));
    let inputs: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "a web browser",
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            "0x47, which is no length of",
        ),
        ("no name at all", vec![0; 75], "0x00, which is no length of"),
        (
            "another protocol",
            b"\x0eSwarm protoco1".to_vec(),
            "speaks `Swarm protoco1`",
        ),
        (
            "a name that is an escape",
            b"\x03\x1b[m".to_vec(),
            "speaks `\\x1b[m`",
        ),
        (
            "half a handshake",
            hello[..40].to_vec(),
            "ended after 40 of the 75 bytes",
        ),
        ("an unknown swarm", unknown, "0x80D06812"),
        (
            "another piece size",
            [&hello[..15], &512u64.to_be_bytes(), &hello[23..]].concat(),
            "the peer has pieces of 512 bytes",
        ),
        (
            "a frame of 4 GiB",
            after_hello(&[0xff; 5]),
            "a frame of 4294967295 bytes was announced",
        ),
        (
            "a frame just too long",
            after_hello(&words(&[2_048_001, 0])),
            "a frame of 2048001 bytes was announced",
        ),
        (
            "a bitfield of the longest frame",
            after_hello(&[words(&[2_048_000]), vec![5]].concat()),
            "a frame of 2048000 bytes was announced",
        ),
        (
            "a bitfield that is too short",
            after_hello(&frame(5, &[0])),
            "a bad bitfield",
        ),
        (
            "a choke with a body",
            after_hello(&frame(0, &[1])),
            "message 0 (choke) has a length of 2",
        ),
        (
            "half a have",
            after_hello(&frame(4, &[0, 0])),
            "message 4 (have) has a length of 3",
        ),
        (
            "a have beyond the content",
            after_hello(&[bitfield(), frame(4, &words(&[PIECES]))].concat()),
            "it has piece 64 of 64",
        ),
        (
            "a request beyond 32 bits",
            after_hello(&[bitfield(), frame(6, &words(&[0, u32::MAX, 2]))].concat()),
            "a block of 2 bytes at offset 4294967295",
        ),
        (
            "a request beyond the content",
            after_hello(&[bitfield(), frame(6, &words(&[PIECES, 0, PIECE]))].concat()),
            "of piece 64, which are not there",
        ),
        (
            "an empty piece",
            after_hello(&[bitfield(), frame(7, &words(&[0, 0]))].concat()),
            "message 7 (piece) has a length of 9",
        ),
        (
            "a piece that nobody asked for",
            after_hello(&[bitfield(), frame(7, &words(&[3, 0, 0xDEAD_BEEF]))].concat()),
            "at 0 of piece 3, which were not asked for",
        ),
    ];
    for (name, bytes, expected) in inputs {
        let mut stream = connect(peer);
        send(&mut stream, &bytes);
        // Half a handshake is only an error once it is clear that nothing follows.
        let _ = stream.shutdown(Shutdown::Write);
        let answered = drain(&mut stream);
        peer.error_line(|line| line.contains(expected));
        note(&format!(
            "{name}: named in the log; {answered} bytes were answered"
        ));
    }
    assert_serves(peer, id);
}

#[test]
fn floods_stall_nobody_and_grow_nothing() {
    let Victim {
        peer,
        id,
        folder,
        original,
    } = victim();
    let before = memory(&peer);
    let fetch = start_fetch(&peer, &id, &folder.path().join("copy.bin"));
    let mut held = Vec::new();

    // A thousand connections that say nothing, or one byte of what they have to.
    for number in 0..1000 {
        let mut stream = connect(&peer);
        send(&mut stream, if number % 2 == 0 { b"" } else { b"\x0e" });
        held.push(stream);
    }
    // Peers that ask for everything and take nothing.
    for _ in 0..32 {
        let mut stream = connect(&peer);
        send(&mut stream, &handshake(&id));
        send(&mut stream, &bitfield());
        send(&mut stream, &frame(2, &[]));
        for piece in 0..PIECES {
            send(&mut stream, &frame(6, &words(&[piece, 0, PIECE])));
        }
        held.push(stream);
    }
    // Peers that send the longest messages that are allowed, all of them of no meaning.
    for _ in 0..8 {
        let mut stream = connect(&peer);
        send(&mut stream, &handshake(&id));
        let opaque = frame(200, &vec![0; 2_047_999]);
        for _ in 0..8 {
            send(&mut stream, &opaque);
        }
        held.push(stream);
    }
    // Peers that hang up in the middle of a message.
    for len in 1..200 {
        let mut stream = connect(&peer);
        send(&mut stream, &handshake(&id));
        send(
            &mut stream,
            &[bitfield(), frame(5, &[0; 200])].concat()[..len],
        );
    }

    let finished = fetch.finish();
    finished.assert_code(0);
    assert!(
        same(&original, &folder.path().join("copy.bin")),
        "the copy differs"
    );
    assert_serves(&peer, &id);
    let after = memory(&peer);
    note(&format!(
        "resident: {before} KiB before, {after} KiB at its highest"
    ));
    assert!(after < before + GROWTH, "grew from {before} to {after} KiB");
    drop(held);
    let log = peer.into_process().interrupt();
    assert_eq!(log.code, Some(0), "{}", log.stderr);
    assert!(!log.stderr.contains("panicked"), "{}", log.stderr);
}

struct Victim {
    peer: Peer,
    id: String,
    folder: tempfile::TempDir,
    original: std::path::PathBuf,
}

/// A peer on loopback that shares one file.
fn victim() -> Victim {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let original = folder.path().join("original.bin");
    write_sparse(&original, u64::from(PIECES) * u64::from(PIECE), 3);
    let share = original.to_str().expect("the path is text");
    let arguments = [
        "--listen",
        "127.0.0.1",
        "--port",
        "0",
        "--no-announce",
        "--share",
        share,
    ];
    let peer = peer::start(dolab(), &arguments);
    let id = peer.content_id();
    Victim {
        peer,
        id,
        folder,
        original,
    }
}

/// An honest download, from another address than the attacks come from.
fn start_fetch(peer: &Peer, id: &str, output: &Path) -> Process {
    let mut fetch = dolab();
    fetch
        .args([
            "fetch",
            id,
            "--from",
            &format!("127.0.0.1:{}", peer.port()),
            "--json",
            "--output",
        ])
        .arg(output);
    Process::start(fetch)
}

fn assert_serves(peer: &Peer, id: &str) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let finished = start_fetch(peer, id, &folder.path().join("again.bin")).finish();
    finished.assert_code(0);
}

/// A connection from an address of its own, so that limits for one address hit the attacker only.
fn connect(peer: &Peer) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 66), 0));
    socket
        .bind(&from.into())
        .expect("every address of loopback is ours");
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, peer.port()));
    socket
        .connect_timeout(&to.into(), PATIENCE)
        .expect("it accepts connections");
    let stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time can be set");
    // Whoever is not read from must not stop the attack.
    stream
        .set_write_timeout(Some(Duration::from_millis(200)))
        .expect("a time can be set");
    stream
}

/// Sends as much as the other side takes; it may well have hung up.
fn send(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

/// Reads until the other side hangs up, and says how much came.
fn drain(stream: &mut TcpStream) -> u64 {
    let mut bytes = [0; 4096];
    let mut count = 0;
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return count,
            Ok(n) => count += n as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("it keeps a connection of which nothing can come any more")
            }
            Err(_) => return count,
        }
    }
}

fn handshake(swarm: &str) -> Vec<u8> {
    let hex = |i: usize| u8::from_str_radix(&swarm[2 * i..2 * i + 2], 16).expect("hex digits");
    let swarm: Vec<u8> = (0..32).map(hex).collect();
    let peer = [0x11; 16];
    let size = u64::from(PIECE).to_be_bytes();
    [&b"\x0eSwarm protocol"[..], &size, &swarm, &peer, &[0; 4]].concat()
}

/// A bitfield of nothing.
fn bitfield() -> Vec<u8> {
    frame(5, &[0; PIECES as usize / 8])
}

fn frame(id: u8, body: &[u8]) -> Vec<u8> {
    let len = 1 + body.len() as u32;
    [&len.to_be_bytes(), [id].as_slice(), body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// The most memory that the process has had resident, in KiB.
fn memory(peer: &Peer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", peer.id())).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("the kernel says so");
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number of KiB")
}

//! What the tests of the lab share.
#![allow(dead_code, reason = "each test program uses some of it")]

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use dolab_lab::{
    Fault, Topology,
    world::{World, WorldError},
};
use dolab_tests::{Sketch, not_run};

/// How long a test waits for what comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long a test waits for what does not come.
pub(crate) const SILENCE: Duration = Duration::from_millis(600);

pub(crate) fn topology(text: &str) -> Topology {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn fault(text: &str) -> Fault {
    #[derive(serde::Deserialize)]
    struct One {
        fault: Fault,
    }
    toml::from_str::<One>(&format!("fault.{text}"))
        .unwrap_or_else(|error| panic!("{error}"))
        .fault
}

/// Builds a network; `None`, said aloud, where this user may not.
pub(crate) fn world(text: &str) -> Option<World> {
    world_with(text, &[])
}

pub(crate) fn world_with(text: &str, faults: &[Fault]) -> Option<World> {
    match World::build(&topology(text), faults) {
        Ok(world) => Some(world),
        Err(error @ WorldError::NotAllowed(_)) => {
            not_run(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Two hosts, a at .1 and b at .2, on one switch.
pub(crate) const PAIR: &str = r#"
[switch.lan]
subnet = "10.50.0.0/24"
[host.a]
adapter.eth0 = { switch = "lan", address = "10.50.0.1" }
[host.b]
adapter.eth0 = { switch = "lan", address = "10.50.0.2" }
"#;

/// Two hosts and two routers between them.
pub(crate) fn routed() -> String {
    let one = [
        ("lan", "left", "10.1.0.254"),
        ("wan", "wan", "198.51.100.1"),
    ];
    let two = [
        ("lan", "right", "10.2.0.254"),
        ("wan", "wan", "198.51.100.2"),
    ];
    Sketch::default()
        .host("a", "10.1.0.254", "left", "10.1.0.1")
        .host("b", "10.2.0.254", "right", "10.2.0.2")
        .router("r1", "198.51.100.2", &one, "")
        .router("r2", "198.51.100.1", &two, "")
        .toml()
}

/// Lets a host answer on a TCP port: every byte comes back. Ends with the test.
pub(crate) fn echo(world: &World, node: &str, port: u16) {
    let listener = world
        .run(node, move || TcpListener::bind(("0.0.0.0", port)))
        .unwrap()
        .unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; 65536];
                while let Ok(read @ 1..) = (&stream).read(&mut buffer) {
                    if (&stream).write_all(&buffer[..read]).is_err() {
                        break;
                    }
                }
            });
        }
    });
}

/// Connects from a node, with little patience.
pub(crate) fn connect(world: &World, node: &str, to: &str) -> io::Result<TcpStream> {
    let to: SocketAddr = to.parse().unwrap();
    let stream = world
        .run(node, move || TcpStream::connect_timeout(&to, SILENCE))
        .unwrap()?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    Ok(stream)
}

/// Sends this and waits until it is back.
pub(crate) fn round_trip(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    let mut left = bytes;
    let block = [7; 16384];
    let mut answer = [0; 16384];
    while left > 0 {
        let part = left.min(block.len());
        (&mut &*stream).write_all(&block[..part])?;
        (&mut &*stream).read_exact(&mut answer[..part])?;
        left -= part;
    }
    Ok(())
}

/// The error's name, as in the tables of the facts.
pub(crate) fn outcome<T>(result: io::Result<T>) -> &'static str {
    let Err(error) = result else { return "open" };
    match error.raw_os_error() {
        Some(111) => "ECONNREFUSED",
        Some(113) => "EHOSTUNREACH",
        Some(101) => "ENETUNREACH",
        Some(104) => "ECONNRESET",
        Some(32) => "EPIPE",
        Some(1) => "EPERM",
        Some(13) => "EACCES",
        Some(22) => "EINVAL",
        Some(11) => "timeout",
        _ if error.kind() == io::ErrorKind::TimedOut => "timeout",
        _ => panic!("{error}"),
    }
}

pub(crate) fn udp(world: &World, node: &str, address: &str) -> UdpSocket {
    let address = address.to_owned();
    let socket = world
        .run(node, move || UdpSocket::bind(address))
        .unwrap()
        .unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    socket
}

/// The next packet: what it says and who sent it.
pub(crate) fn receive(socket: &UdpSocket) -> io::Result<(String, SocketAddr)> {
    let mut buffer = [0; 2048];
    let (length, from) = socket.recv_from(&mut buffer)?;
    Ok((
        String::from_utf8_lossy(&buffer[..length]).into_owned(),
        from,
    ))
}

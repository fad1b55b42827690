//! The limits that `docs/cloud.md` states, each reached once: what is beyond meets what is written
//! there, and what is within passes. Those that no test can wait for are set lower here. Faults,
//! parameters, ranges, objects of the cache and queues for the disk have theirs beside the code.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use crate::{
    common::{Answer, Lab, connect, raw},
    curl::join,
    relay,
};

/// Turns a test that would wait for ever into one that fails.
const DEADLINE: Duration = Duration::from_secs(60);

fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn metric(lab: &Lab, line: &str) -> bool {
    lab.cloud().metrics().lines().any(|it| it == line)
}

#[test]
fn all_ports_together_have_so_many_connections() {
    let lab = Lab::with(|config| config.limits.connections = 6);
    let ports = [lab.http_addr(), lab.https_addr()];
    let held: Vec<_> = (0..6).map(|n| connect(ports[n % 2])).collect();
    until("they are not let in", || {
        metric(&lab, "dolab_cloud_connections 6")
    });
    for port in ports {
        assert!(raw(port, b"").is_empty());
    }
    until("they are not counted", || {
        metric(&lab, "dolab_cloud_refused_connections_total 2")
    });
    drop(held);
    until("the places stay taken", || {
        metric(&lab, "dolab_cloud_connections 0")
    });
    assert_eq!(lab.curl(&["--head", &lab.url()]).status, 200);
}

#[test]
fn the_head_of_a_request_has_so_many_bytes_and_headers() {
    let lab = Lab::new();
    let limits = dolab_cloud::Limits::default();
    let begin = format!(
        "HEAD {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
        lab.content.path()
    );
    let ask = |headers: &str| {
        let head = format!("{begin}{headers}\r\n");
        Answer::read(&raw(lab.http_addr(), head.as_bytes())).status
    };
    let many = |count: usize| -> String { (0..count).map(|n| format!("X-{n}: 1\r\n")).collect() };
    // Two are there already.
    assert_eq!(ask(&many(limits.header_count - 2)), 200);
    assert_eq!(ask(&many(limits.header_count - 1)), 431);
    let long = |bytes: usize| {
        let fixed = begin.len() + "X: \r\n\r\n".len();
        format!("X: {}\r\n", "y".repeat(bytes - fixed))
    };
    assert_eq!(ask(&long(limits.header_bytes)), 200);
    assert_eq!(ask(&long(limits.header_bytes + 1)), 431);
}

#[test]
fn a_connection_that_asks_no_more_is_closed() {
    let lab = Lab::with(|config| config.limits.headers = Duration::from_secs(1));
    let mut stream = connect(lab.http_addr());
    let head = format!("HEAD {} HTTP/1.1\r\nHost: x\r\n\r\n", lab.content.path());
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(Answer::read(&answer).status, 200);
}

#[test]
fn http2_is_told_how_many_requests_there_may_be_at_one_time() {
    let lab = Lab::new();
    let mut roots = RootCertStore::empty();
    let pem = lab.cloud().authority_pem();
    let authority = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(tls), name).unwrap();
    let mut stream = StreamOwned::new(connection, connect(lab.https_addr()));
    // The preface and empty settings of our own (RFC 9113, 3.4).
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[3], 4, "settings come first");
    let mut settings = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
    stream.read_exact(&mut settings).unwrap();
    // 3: SETTINGS_MAX_CONCURRENT_STREAMS.
    let most = settings.chunks(6).find(|it| it[..2] == [0, 3]).unwrap();
    let limits = dolab_cloud::Limits::default();
    assert_eq!(most[2..], limits.streams.to_be_bytes());
}

#[test]
fn bodies_have_so_many_bytes() {
    let lab = Lab::new();
    let limits = dolab_cloud::Limits::default();
    let url = lab.https() + "/join/";
    // Valid but for its length.
    let padded = |bytes: usize| {
        let join = join("c", 'a', "0");
        let path = lab.dir.path().join("body");
        std::fs::write(&path, format!("{join}{}", " ".repeat(bytes - join.len()))).unwrap();
        let data = format!("@{}", path.display());
        lab.curl(&["--data-binary", &data, &url]).status
    };
    let join_bytes = dolab_wire::cloud::MAX_JOIN_LEN;
    assert_eq!(padded(join_bytes), 200);
    assert_eq!(padded(join_bytes + 1), 400);
    assert_eq!(padded(limits.body_bytes), 400);
    assert_eq!(padded(limits.body_bytes + 1), 413);
}

#[test]
fn registrations_have_so_much_memory() {
    let lab = Lab::with(|config| config.limits.registration_bytes = 256 << 10);
    let addr = lab.https() + "/join/";
    let join_as = |content: usize| {
        let body = join(&format!("content-{content}"), 'a', "0");
        lab.curl(&["--data", &body, &addr])
    };
    let refused = (0..10_000)
        .map(join_as)
        .find(|answer| answer.status != 200)
        .unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    // Who is registered stays it.
    assert_eq!(join_as(0).status, 200);
}

#[test]
fn stations_wait_in_so_many_places() {
    let lab = Lab::with(|config| config.limits.stations = 2);
    let _waiting: Vec<_> = (1..3).map(|n| relay::wait(&lab, &id(n))).collect();
    let target = |n: u8| format!("{}?station={}", dolab_wire::relay::WAIT_PATH, id(n));
    let (head, _) = relay::upgrade(&lab, &target(3));
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    // One that waits already may do so on more connections.
    drop(relay::wait(&lab, &id(2)));
}

#[test]
fn there_are_so_many_connections_between_stations() {
    let lab = Lab::with(|config| config.limits.tunnels = 1);
    let (station, caller) = tunnel(&lab, 1);
    let _waiting = relay::wait(&lab, &id(2));
    let (head, _) = relay::upgrade(&lab, &call(2));
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    drop((station, caller));
    until("its place stays taken", || {
        metric(&lab, "dolab_cloud_tunnels 0")
    });
    let (head, _caller) = relay::upgrade(&lab, &call(2));
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

#[test]
fn a_connection_between_stations_carries_so_many_bytes() {
    let most = 100_000;
    let lab = Lab::with(|config| config.limits.tunnel_bytes = most);
    let (mut station, mut caller) = tunnel(&lab, 1);
    let sender = std::thread::spawn(move || {
        // The cloud may close before it has all of it.
        let _ = caller.write_all(&vec![7; 300_000]);
        caller
    });
    let mut came = Vec::new();
    let _ = station.read_to_end(&mut came);
    assert_eq!(came.len() as u64, most);
    drop(sender.join().unwrap());
}

#[test]
fn a_connection_between_stations_that_is_silent_ends() {
    let lab = Lab::with(|config| config.limits.tunnel_silence = Duration::from_millis(300));
    let (mut station, mut caller) = tunnel(&lab, 1);
    for end in [&mut station, &mut caller] {
        let mut rest = Vec::new();
        end.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
    }
}

fn id(n: u8) -> String {
    format!("{n:032x}00000000")
}

fn call(n: u8) -> String {
    format!("{}?station={}", dolab_wire::relay::CALL_PATH, id(n))
}

/// A station that was called, and its caller.
fn tunnel(lab: &Lab, n: u8) -> (TcpStream, TcpStream) {
    let mut station = relay::wait(lab, &id(n));
    let (head, caller) = relay::upgrade(lab, &call(n));
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    relay::line(&mut station);
    (station, caller)
}

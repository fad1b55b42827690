//! The go-between: one waits, another calls, and bytes are carried between them. Spoken here byte by
//! byte, as `dolab_wire::relay` has it.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use dolab_wire::relay::{BEGIN, CALL_PATH, PROTOCOL, STATIONS_PATH, TICK, WAIT_PATH};

use crate::common::{Lab, connect};

const ID: &str = "1111111111111111111111111111111100000000";

/// Sends a `GET` that asks to upgrade, and returns the connection behind the answer's head.
pub(crate) fn upgrade(lab: &Lab, target: &str) -> (String, TcpStream) {
    let mut stream = connect(lab.http_addr());
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: {PROTOCOL}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap() == 0 {
            break;
        }
        answer.push(byte[0]);
    }
    (String::from_utf8(answer).unwrap(), stream)
}

/// A station that waits.
pub(crate) fn wait(lab: &Lab, id: &str) -> TcpStream {
    let target = format!("{WAIT_PATH}?station={id}&name=host&addresses=10.0.0.7:7680");
    let (head, mut stream) = upgrade(lab, &target);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    // It is there once it is sent something.
    let mut tick = [0];
    stream.read_exact(&mut tick).unwrap();
    assert_eq!(tick, [TICK]);
    stream
}

/// What comes up to the end of a line.
pub(crate) fn line(stream: &mut TcpStream) -> Vec<u8> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    line
}

#[test]
fn bytes_are_carried_both_ways_and_so_is_the_end() {
    let lab = Lab::new();
    let mut station = wait(&lab, ID);
    let listed = lab.curl(&[&(lab.https() + STATIONS_PATH)]).json();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["name"]),
        (&ID.into(), &"host".into())
    );
    assert_eq!(listed[0]["external"], "127.0.0.1");

    let (head, mut caller) = upgrade(&lab, &format!("{CALL_PATH}?station={ID}"));
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let begin = line(&mut station);
    assert_eq!(begin, [&[BEGIN], "127.0.0.1\n".as_bytes()].concat());
    caller.write_all(b"to the station").unwrap();
    let mut said = [0; 14];
    station.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"to the station");
    // More than any buffer between them, the other way.
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sent = large.clone();
    let sender = std::thread::spawn(move || {
        station.write_all(&sent).unwrap();
        station.shutdown(std::net::Shutdown::Write).unwrap();
        station
    });
    let mut came = Vec::new();
    caller.read_to_end(&mut came).unwrap();
    assert!(came == large, "{} bytes came", came.len());
    drop(caller);
    let mut station = sender.join().unwrap();
    let mut rest = Vec::new();
    let _ = station.read_to_end(&mut rest);
    assert!(rest.is_empty());
    // Who was called waits no more.
    assert_eq!(
        lab.curl(&[&(lab.https() + STATIONS_PATH)]).json(),
        serde_json::json!([])
    );
}

#[test]
fn who_is_not_there_can_not_be_called() {
    let lab = Lab::new();
    let (head, _) = upgrade(&lab, &format!("{CALL_PATH}?station={ID}"));
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    for target in [
        WAIT_PATH.to_owned(),
        format!("{WAIT_PATH}?station=short"),
        CALL_PATH.to_owned(),
    ] {
        let (head, _) = upgrade(&lab, &target);
        assert!(head.starts_with("HTTP/1.1 4"), "{target}: {head}");
    }
    // Without the upgrade it is an ordinary request, and a wrong one.
    let plain = lab.curl(&[&format!("{}{WAIT_PATH}?station={ID}&name=a", lab.http())]);
    assert!((400..500).contains(&plain.status), "{}", plain.status);
    // A station that hung up is gone.
    drop(wait(&lab, ID));
    let stations = lab.https() + STATIONS_PATH;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while lab.curl(&[&stations]).json() != serde_json::json!([]) {
        assert!(std::time::Instant::now() < deadline, "it stays listed");
    }
}

#[test]
fn a_station_waits_on_a_few_connections_and_the_newest_is_called() {
    let lab = Lab::new();
    let mut waits: Vec<_> = (0..5).map(|_| wait(&lab, ID)).collect();
    // One more than may wait: the oldest was let go.
    let mut rest = Vec::new();
    let _ = waits.remove(0).read_to_end(&mut rest);
    assert!(!rest.contains(&BEGIN));
    assert_eq!(
        lab.curl(&[&(lab.https() + STATIONS_PATH)])
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let (head, _caller) = upgrade(&lab, &format!("{CALL_PATH}?station={ID}"));
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let newest = waits.last_mut().unwrap();
    assert_eq!(line(newest)[0], BEGIN);
}

#[test]
fn who_speaks_before_it_is_called_is_let_go() {
    let lab = Lab::new();
    let mut station = wait(&lab, ID);
    station.write_all(b"x").unwrap();
    let mut rest = Vec::new();
    let _ = station.read_to_end(&mut rest);
    let (head, _) = upgrade(&lab, &format!("{CALL_PATH}?station={ID}"));
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
}

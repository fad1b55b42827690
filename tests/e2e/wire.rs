//! Somebody else's eyes on the wire: what tshark reads of a transfer.

use std::{collections::BTreeMap, path::Path, process::Command};

use dolab_tests::{Net, Process, Topology, not_run, note};

use crate::{content::write_sparse, peer};

/// Length byte and name, with which every handshake begins.
const NAME: &[u8] = b"\x0eSwarm protocol";

#[test]
fn tshark_reads_a_transfer() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    let Ok(version) = Command::new("tshark").arg("--version").output() else {
        not_run("it needs tshark");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let capture = folder.path().join("transfer.pcapng");
    let original = folder.path().join("original.bin");
    write_sparse(&original, 5 << 19, 1);
    let share = original.to_str().expect("the path is text");
    let peer = peer::start(net.there.dolab(), &["--share", share]);
    let id = peer.content_id();

    let mut tshark = net.middle.command("tshark");
    tshark
        .args(["-q", "-i", "there", "-f", "tcp port 7680", "-w"])
        .arg(&capture);
    let tshark = Process::start(tshark);
    tshark.error_line(|line| line.starts_with("Capturing on"));
    let mut fetch = net.here.dolab();
    fetch.args([
        "fetch",
        &id,
        "--from",
        &net.there.address.to_string(),
        "--output",
    ]);
    fetch.arg(folder.path().join("copy.bin"));
    let finished = Process::run(fetch);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    tshark.interrupt();

    let streams = payloads(&capture);
    let exchange = streams
        .values()
        .find(|stream| stream.caller[0].starts_with(NAME));
    let exchange = exchange.expect("one connection speaks the Swarm protocol");
    for (side, segments) in [
        ("caller", &exchange.caller),
        ("listener", &exchange.listener),
    ] {
        let handshake = &segments[0];
        assert_eq!(
            handshake.len(),
            75,
            "{side}: the handshake has a segment of its own"
        );
        assert!(handshake.starts_with(NAME), "{side}");
        assert_eq!(
            handshake[15..23],
            (1u64 << 20).to_be_bytes(),
            "{side}: the piece size"
        );
        let swarm: String = handshake[23..55]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(swarm, id, "{side}: the swarm is the content");
        assert_eq!(
            (handshake[62] >> 4, handshake[63] >> 6),
            (4, 2),
            "{side}: a UUIDv4"
        );
        assert_eq!(handshake[71..], [0; 4], "{side}");
        let ids = message_ids(&segments[1..].concat());
        assert_eq!(
            ids.first(),
            Some(&5),
            "{side}: the first message is a bitfield"
        );
        assert!(ids.iter().all(|id| *id <= 8), "{side}: {ids:?}");
    }
    let sent = message_ids(&exchange.listener[1..].concat());
    let pieces = sent.iter().filter(|id| **id == 7).count();
    assert!(pieces >= 3, "three pieces came in {pieces} messages");

    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let version = version.lines().next().unwrap_or_default();
    if knows_msdo() {
        let swarms = fields(&capture, &[], "msdo", &["msdo.Handshake.SwarmHash"]);
        assert!(
            swarms
                .iter()
                .any(|line| line.replace(':', "").contains(&id)),
            "{swarms:?}"
        );
        let errors = fields(&capture, &[], "msdo && _ws.malformed", &["frame.number"]);
        assert!(
            errors.is_empty(),
            "tshark finds frames malformed: {errors:?}"
        );
    } else {
        note(&format!(
            "{version} does not dissect msdo: only the bytes were read"
        ));
    }
}

/// The payloads of a connection's segments, in the order of the stream.
#[derive(Debug, Default)]
struct Stream {
    caller: Vec<Vec<u8>>,
    listener: Vec<Vec<u8>>,
}

fn payloads(capture: &Path) -> BTreeMap<String, Stream> {
    let mut streams: BTreeMap<String, Stream> = BTreeMap::new();
    let filter = "tcp.len > 0 && !tcp.analysis.retransmission";
    // Its own reassembly would show a payload only with the last of its segments.
    let preferences = ["-o", "tcp.desegment_tcp_streams:false"];
    for line in fields(
        capture,
        &preferences,
        filter,
        &["tcp.stream", "tcp.dstport", "tcp.payload"],
    ) {
        let [stream, to, payload] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three fields: {line}");
        };
        let stream = streams.entry(stream.to_owned()).or_default();
        let segments = if to == "7680" {
            &mut stream.caller
        } else {
            &mut stream.listener
        };
        segments.push(bytes(payload));
    }
    streams.retain(|_, stream| !stream.caller.is_empty());
    streams
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex: Vec<u8> = hex.bytes().filter(|byte| *byte != b':').collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("hex digits are text");
        u8::from_str_radix(pair, 16).expect("hex digits")
    };
    hex.chunks(2).map(byte).collect()
}

/// The ids of whole messages; a keepalive has none. Anything that is left over at the end of a
/// connection that was closed in order would be half a message.
fn message_ids(mut stream: &[u8]) -> Vec<u8> {
    let mut ids = Vec::new();
    while let Some((len, rest)) = stream.split_first_chunk() {
        let len = u32::from_be_bytes(*len) as usize;
        assert!(len <= 2_048_000, "a message of {len} bytes");
        assert!(
            len <= rest.len(),
            "the stream ends inside a message of {len} bytes"
        );
        ids.extend(rest[..len].first());
        stream = &rest[len..];
    }
    assert!(stream.is_empty(), "the stream ends inside a length");
    ids
}

fn knows_msdo() -> bool {
    let mut tshark = Command::new("tshark");
    tshark.args(["-G", "protocols"]);
    Process::run(tshark)
        .stdout
        .lines()
        .any(|line| line.ends_with("\tmsdo"))
}

/// What tshark prints for these fields, a line for each packet that passes the filter.
fn fields(capture: &Path, preferences: &[&str], filter: &str, fields: &[&str]) -> Vec<String> {
    let mut tshark = Command::new("tshark");
    tshark
        .args(preferences)
        .args(["-Y", filter, "-T", "fields", "-r"]);
    tshark.arg(capture);
    fields.iter().for_each(|field| {
        tshark.args(["-e", field]);
    });
    let finished = Process::run(tshark);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.stdout.lines().map(str::to_owned).collect()
}

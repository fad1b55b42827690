//! Somebody else's eyes on the wire: what tshark reads of a transfer.

use std::{collections::BTreeMap, fmt, path::Path, process::Command, time::Instant};

use dolab_tests::{PATIENCE, Process, note};

use crate::tshark::{Watched, fields, version};

/// Length byte and name, with which every handshake begins.
const NAME: &[u8] = b"\x0eSwarm protocol";

#[test]
fn tshark_reads_a_transfer() {
    let Some(watched) = Watched::start() else {
        return;
    };
    let finished = watched.fetch(&watched.id, "copy.bin");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let Watched {
        capture,
        id,
        tshark,
        ..
    } = &watched;
    // Packets come to the file in batches, and stopping loses the last one.
    let exchange = wait_for_exchange(capture);
    let exchange = exchange.unwrap_or_else(|seen| {
        let said = tshark.errors_so_far();
        panic!("no connection that speaks the Swarm protocol is whole: {seen:#?}\n{said}")
    });

    for (side, sent) in [
        ("caller", &exchange.caller),
        ("listener", &exchange.listener),
    ] {
        let handshake = sent.handshake();
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
        assert_eq!(&swarm, id, "{side}: the swarm is the content");
        assert_eq!(
            (handshake[62] >> 4, handshake[63] >> 6),
            (4, 2),
            "{side}: a UUIDv4"
        );
        assert_eq!(handshake[71..], [0; 4], "{side}");
        let ids = message_ids(&sent.behind_handshake());
        assert_eq!(
            ids.first(),
            Some(&5),
            "{side}: the first message is a bitfield"
        );
        assert!(ids.iter().all(|id| *id <= 8), "{side}: {ids:?}");
    }
    let sent = message_ids(&exchange.listener.behind_handshake());
    let pieces = sent.iter().filter(|id| **id == 7).count();
    assert!(pieces >= 3, "three pieces came in {pieces} messages");

    if knows_msdo() {
        let swarms = fields(capture, &[], "msdo", &["msdo.Handshake.SwarmHash"]);
        assert!(
            swarms
                .iter()
                .any(|line| line.replace(':', "").contains(id.as_str())),
            "{swarms:?}"
        );
        let errors = fields(capture, &[], "msdo && _ws.malformed", &["frame.number"]);
        assert!(
            errors.is_empty(),
            "tshark finds frames malformed: {errors:?}"
        );
    } else {
        let version = version().unwrap_or_default();
        note(&format!(
            "{version} does not dissect msdo: only the bytes were read"
        ));
    }
}

/// A connection, as it was captured.
#[derive(Debug, Default)]
struct Stream {
    caller: Half,
    listener: Half,
    was_reset: bool,
}

/// What one side of it sent.
#[derive(Default)]
struct Half {
    /// Payloads in the order of capture, each with its place in the stream, counted from 1.
    segments: Vec<(usize, Vec<u8>)>,
    /// The place behind its last byte, once it has ended the stream in order.
    end: Option<usize>,
}

impl Half {
    /// What it sent first.
    fn handshake(&self) -> &[u8] {
        let first = self.segments.iter().find(|(place, _)| *place == 1);
        first.map_or(&[], |(_, payload)| payload)
    }

    /// All of it, up to the first hole. A host under load sends again what was only slow to be
    /// acknowledged, cut into other segments than the first time.
    fn bytes(&self) -> Vec<u8> {
        let mut segments: Vec<_> = self.segments.iter().collect();
        segments.sort_by_key(|(place, _)| *place);
        let mut stream: Vec<u8> = Vec::new();
        for (place, payload) in segments {
            let Some(known) = stream.get(place - 1..) else {
                break;
            };
            let again = known.len().min(payload.len());
            assert!(
                known[..again] == payload[..again],
                "other bytes came again at {place}"
            );
            stream.extend(&payload[again..]);
        }
        stream
    }

    /// What follows the handshake, in one piece.
    fn behind_handshake(&self) -> Vec<u8> {
        self.bytes().split_off(75)
    }

    fn is_whole(&self) -> bool {
        self.end.is_some_and(|end| self.bytes().len() + 1 == end)
    }
}

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Half")
            .field("segments", &self.segments.len())
            .field("bytes_before_a_hole", &self.bytes().len())
            .field("end", &self.end)
            .finish()
    }
}

#[test]
fn segments_that_come_again_in_other_parts_are_no_hole() {
    let half = |segments: &[(usize, &[u8])]| Half {
        segments: segments
            .iter()
            .map(|(at, sent)| (*at, sent.to_vec()))
            .collect(),
        end: Some(9),
    };
    let again = half(&[
        (1, b"abcd"),
        (5, b"efgh"),
        (1, b"ab"),
        (2, b"bcdef"),
        (6, b"fg"),
    ]);
    assert_eq!(again.bytes(), b"abcdefgh");
    assert!(again.is_whole());
    let hole = half(&[(1, b"abcd"), (6, b"fgh")]);
    assert_eq!(hole.bytes(), b"abcd");
    assert!(!hole.is_whole());
}

/// The first whole connection that speaks the Swarm protocol; all that was seen when there is none
/// in time.
fn wait_for_exchange(capture: &Path) -> Result<Stream, Vec<Stream>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut streams = streams(capture);
        let is_over = |s: &Stream| s.was_reset || (s.caller.is_whole() && s.listener.is_whole());
        let speaks = |s: &Stream| s.caller.handshake().starts_with(NAME);
        if let Some(at) = streams.iter().position(|s| speaks(s) && is_over(s)) {
            return Ok(streams.swap_remove(at));
        }
        if Instant::now() >= deadline {
            return Err(streams);
        }
    }
}

fn streams(capture: &Path) -> Vec<Stream> {
    let mut streams: BTreeMap<String, Stream> = BTreeMap::new();
    // Its own reassembly would show a payload only with the last of its segments.
    let preferences = ["-o", "tcp.desegment_tcp_streams:false"];
    let names = [
        "tcp.stream",
        "tcp.dstport",
        "tcp.seq",
        "tcp.flags.fin",
        "tcp.flags.reset",
        "tcp.payload",
    ];
    for line in fields(capture, &preferences, "tcp", &names) {
        let [stream, to, seq, fin, reset, payload] = line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("six fields: {line}");
        };
        let stream = streams.entry(stream.to_owned()).or_default();
        let half = if to == "7680" {
            &mut stream.caller
        } else {
            &mut stream.listener
        };
        let place: usize = seq.parse().expect("a sequence number is a number");
        let payload = bytes(payload);
        let set = |flag: &str| flag == "1" || flag == "True";
        if set(fin) {
            half.end = Some(place + payload.len());
        }
        if !payload.is_empty() {
            half.segments.push((place, payload));
        }
        stream.was_reset |= set(reset);
    }
    streams.into_values().collect()
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

//! Conversations as they should be, and as they should not.

mod support;

use dolab_dissect::{Kind, event::What, report::Spoken};
use proptest::prelude::*;
use support::*;

/// The handshakes of real Windows peers (observed: nDPI's capture of 2025-04-22).
const ASKED: &str = "0e537761726d2070726f746f636f6c00000000001000008a8106224edd6a977fcda7218212ebc312c696cd6283ff07b61e72a30b694208b36a001278843643821dd5cb6d92ef9700000000";
const PEER: &str = "20462c1bdaaa034ea3dbedde95eac8c300000000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hex digits are text");
            u8::from_str_radix(pair, 16).expect("hex digits are a number")
        })
        .collect()
}

fn asked() -> Vec<u8> {
    bytes(ASKED)
}

fn answered() -> Vec<u8> {
    [&asked()[..55], &bytes(PEER)].concat()
}

fn opened() -> Talk {
    let mut talk = Talk::new();
    talk.say(true, &asked());
    talk.say(false, &answered());
    talk
}

/// A transfer of this many pieces of 3,000 bytes.
fn transfer(pieces: u32) -> Talk {
    let mut talk = opened();
    talk.say(false, &message(5, &[0xFF, 0]));
    talk.say(true, &[message(5, &[0, 0]), message(2, &[])].concat());
    talk.say(false, &message(1, &[]));
    for piece in 0..pieces {
        talk.say(true, &message(6, &words(&[piece, 0, 3000])));
        let body: Vec<u8> = (0..3000_u32).map(|n| (n * 7 + piece) as u8).collect();
        talk.say(false, &message(7, &[words(&[piece, 0]), body].concat()));
    }
    talk
}

fn closed(mut talk: Talk) -> Talk {
    talk.send(true, FIN, b"");
    talk.send(false, FIN, b"");
    talk
}

fn kinds(file: &[u8]) -> Vec<Kind> {
    read(file).0.findings.iter().map(|f| f.kind).collect()
}

#[test]
fn real_handshakes_are_read() {
    let mut talk = opened();
    talk.say(true, &message(5, &[0; 8]));
    talk.say(false, &message(5, &[0xFF; 8]));
    let (report, events) = read(&pcap(1, &closed(talk).frames));
    let connection = &report.connections[0];
    assert_eq!(connection.protocol, Spoken::Swarm);
    assert_eq!(
        connection.swarm.as_deref(),
        Some("8a8106224edd6a977fcda7218212ebc312c696cd6283ff07b61e72a30b694208")
    );
    assert_eq!(connection.listener_side.peer.as_deref(), Some(PEER));
    // 75 and 13 bytes each way, and nothing wrong with it: as observed.
    assert_eq!(
        [connection.caller_side.bytes, connection.listener_side.bytes],
        [88, 88]
    );
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert!(
        events
            .iter()
            .any(|e| e.what == What::Bitfield { has: 64, of: 64 })
    );
}

#[test]
fn every_format_and_link_gives_the_same() {
    let frames = closed(transfer(5)).frames;
    let expected = read(&pcap(1, &frames)).0;
    assert_eq!(expected.connections[0].listener_side.piece_bytes, 15_000);
    assert_eq!(
        expected.summary,
        "nothing is wrong: 1 of 1 connections spoke the Swarm protocol and carried 15000 bytes of pieces"
    );
    let bare = |head: &[u8]| -> Vec<Frame> {
        let cut = |(at, bytes): &Frame| (*at, [head, &bytes[14..]].concat());
        frames.iter().map(cut).collect()
    };
    let tagged = [&[2; 12][..], &[0x88, 0xA8, 0, 9, 0x81, 0, 0, 7, 8, 0]].concat();
    let cooked = [&[0; 14][..], &[8, 0]].concat();
    let cooked2 = [&[8, 0][..], &[0; 18]].concat();
    let big = [0xA1, 0xB2, 0x3C, 0x4D];
    let files = [
        pcap_with(big, u32::to_be_bytes, 1000, 1, &frames),
        pcapng(&frames),
        pcap(1, &bare(&tagged)),
        pcap(113, &bare(&cooked)),
        pcap(276, &bare(&cooked2)),
        pcap(101, &bare(&[])),
        pcap(0, &bare(&[2, 0, 0, 0])),
    ];
    for file in files {
        let report = read(&file).0;
        assert_eq!(report.summary, expected.summary);
        assert_eq!(report.file.seconds, expected.file.seconds);
        assert_eq!(report.file.started_unix_seconds, Some(1_745_343_597.0));
    }
    let (report, events) = read(&pcapng(&frames));
    assert_eq!(report.file.interfaces[0].name.as_deref(), Some("eth0"));
    let text = "a fault begins".to_owned();
    assert_eq!(events[0].what, What::Comment { text });
}

#[test]
fn what_goes_wrong_has_a_name() {
    // Silence, and a close.
    let mut talk = Talk::new();
    talk.say(true, &asked());
    talk.send(false, FIN, b"");
    let report = read(&pcap(1, &talk.frames)).0;
    assert_eq!(report.findings[0].kind, Kind::UnknownSwarm);
    assert_eq!(report.findings[0].do_error.as_deref(), Some("0x80D06812"));
    // Nobody answers.
    let mut talk = Talk::new();
    talk.frames.truncate(1);
    assert_eq!(kinds(&pcap(1, &talk.frames)), [Kind::SynUnanswered]);
    // Refused.
    let mut talk = Talk::new();
    talk.frames.truncate(1);
    talk.send(false, RST, b"");
    assert_eq!(kinds(&pcap(1, &talk.frames)), [Kind::SynRefused]);
    // A reset in the middle.
    let mut talk = transfer(2);
    talk.say(true, &message(6, &words(&[2, 0, 3000])));
    talk.send(false, RST, b"");
    let report = read(&pcap(1, &talk.frames)).0;
    assert_eq!(report.findings[0].kind, Kind::Reset);
    assert_eq!(report.findings[0].code, Some("DL105"));
    // Requests wait, and the answer comes late.
    let mut talk = opened();
    talk.say(true, &message(6, &words(&[0, 0, 10])));
    talk.wait(3_000_000);
    talk.say(false, &message(7, &[words(&[0, 0]), vec![1; 10]].concat()));
    assert_eq!(kinds(&pcap(1, &closed(talk).frames)), [Kind::Stall]);
    // A length that can not be.
    let mut talk = opened();
    talk.say(true, &[0, 0, 0, 9, 6, 1, 2, 3, 4]);
    let report = read(&pcap(1, &closed(talk).frames)).0;
    assert_eq!(report.findings[0].kind, Kind::Malformed);
    // Asked for twice.
    let mut talk = transfer(2);
    talk.say(true, &message(6, &words(&[1, 0, 3000])));
    talk.say(
        false,
        &message(7, &[words(&[1, 0]), vec![1; 3000]].concat()),
    );
    assert_eq!(kinds(&pcap(1, &closed(talk).frames)), [Kind::AskedTwice]);
    // Interested, and never unchoked.
    let mut talk = opened();
    talk.say(true, &message(2, &[]));
    talk.wait(30_000_000);
    assert_eq!(kinds(&pcap(1, &closed(talk).frames)), [Kind::NeverUnchoked]);
    // Something else.
    let mut talk = Talk::new();
    talk.say(true, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(kinds(&pcap(1, &closed(talk).frames)), [Kind::OtherProtocol]);
}

#[test]
fn a_capture_that_begins_in_the_middle_is_read_from_the_next_message_on() {
    let frames = closed(transfer(8)).frames;
    // Behind the handshakes and the begin of the first piece.
    let report = read(&pcap(1, &frames[11..])).0;
    let connection = &report.connections[0];
    assert_eq!(connection.protocol, Spoken::Swarm);
    let sent = connection.listener_side.pieces;
    assert!((6..8).contains(&sent), "{sent} of 8 pieces");
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn packets_cut_short_still_tell_the_messages() {
    // The kept part holds the heads; what is missing is inside of pieces.
    let frames = closed(transfer(8)).frames;
    let mut file = pcap(1, &[]);
    for (micros, bytes) in &frames {
        let kept = bytes.len().min(68 + 75);
        for word in [
            (micros / 1_000_000) as u32,
            (micros % 1_000_000) as u32,
            kept as u32,
            bytes.len() as u32,
        ] {
            file.extend(word.to_le_bytes());
        }
        file.extend(&bytes[..kept]);
    }
    let report = read(&file).0;
    assert_eq!(report.connections[0].listener_side.piece_bytes, 24_000);
    assert!(report.file.packets_cut > 0);
}

#[test]
fn a_missing_segment_inside_a_piece_does_no_harm() {
    let mut frames = closed(transfer(8)).frames;
    let second = frames
        .iter()
        .position(|(_, bytes)| bytes.len() > 1000)
        .unwrap()
        + 1;
    frames.remove(second);
    let report = read(&pcap(1, &frames)).0;
    assert_eq!(report.connections[0].listener_side.pieces, 8);
    assert_eq!(report.connections[0].listener_side.missing, 1448);
    let kinds: Vec<_> = report.findings.iter().map(|f| f.kind).collect();
    assert_eq!(kinds, [Kind::IncompleteCapture]);
}

#[test]
fn teredo_and_dns_sd_stand_beside_it() {
    use dolab_wire::teredo::Packet;
    let mut payload = Vec::new();
    Packet::solicitation([7; 8]).encode(&mut payload);
    let server = (LISTENER.0, 3544);
    let frame = ethernet(&udp(CALLER, server, &payload));
    let report = read(&pcap(1, &[(1, frame)])).0;
    assert_eq!(report.teredo[0].solicitations, 1);
    assert_eq!(report.findings[0].kind, Kind::TeredoUnanswered);
    // A question for the service, as DNS-SD asks it.
    let mut question = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in ["_dosvc", "_tcp", "local"] {
        question.push(label.len() as u8);
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 12, 0, 1]);
    let group = ("224.0.0.251".parse().unwrap(), 5353);
    let frame = ethernet(&udp((CALLER.0, 5353), group, &question));
    let report = read(&pcap(1, &[(1, frame)])).0;
    assert_eq!(report.askers[0].service, "_dosvc._tcp");
    assert_eq!(report.findings[0].kind, Kind::NobodyAnnounces);
}

#[test]
fn every_code_is_in_the_catalogue() {
    let codes = Kind::ALL.into_iter().filter_map(Kind::code);
    for code in codes {
        assert!(dolab_catalogue::failure(code).is_some(), "{code}");
    }
}

#[test]
fn the_document_is_as_its_schema_says() {
    let schema = include_str!("../../../docs/schema/dissect-1.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut reset = transfer(2);
    reset.say(true, &message(6, &words(&[2, 0, 3000])));
    reset.send(false, RST, b"");
    let mut damaged = pcapng(&reset.frames);
    damaged.truncate(damaged.len() - 7);
    for file in [pcap(1, &closed(transfer(3)).frames), damaged, pcap(1, &[])] {
        let document = serde_json::to_value(read(&file).0).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&document)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// However segments come (in any order within reach, twice, cut otherwise), the same is said.
    #[test]
    fn any_order_says_the_same(
        keys in proptest::collection::vec(0..12_u32, 60),
        again in proptest::collection::vec(any::<bool>(), 60),
        cut in 1..1400_usize,
    ) {
        let frames = transfer(6).frames;
        let expected = read(&pcap(1, &closed(transfer(6)).frames)).0;
        let (head, body) = frames.split_at(5);
        let mut mixed: Vec<(u32, Frame)> = Vec::new();
        for (n, (at, bytes)) in body.iter().enumerate() {
            let place = n as u32 * 4 + keys[n % 60];
            mixed.push((place, (*at, bytes.clone())));
            if again[n % 60] && bytes.len() > 54 + cut {
                // The last part comes once more, in a segment of its own.
                let mut part = bytes[..54].to_vec();
                let seq = u32::from_be_bytes(part[38..42].try_into().unwrap());
                part[38..42].copy_from_slice(&seq.wrapping_add(cut as u32).to_be_bytes());
                part.extend(&bytes[54 + cut..]);
                let len = part.len() as u16 - 14;
                part[16..18].copy_from_slice(&len.to_be_bytes());
                mixed.push((place + 3, (*at, part)));
            }
        }
        mixed.sort_by_key(|(place, _)| *place);
        let start = frames[0].0;
        let all: Vec<Frame> = head.iter().cloned().chain(mixed.into_iter().map(|(_, f)| f))
            .enumerate().map(|(n, (_, bytes))| (start + n as u64, bytes)).collect();
        let report = read(&pcap(1, &all)).0;
        let (got, want) = (&report.connections[0], &expected.connections[0]);
        prop_assert_eq!(got.listener_side.piece_bytes, want.listener_side.piece_bytes);
        prop_assert_eq!(&got.listener_side.messages, &want.listener_side.messages);
        prop_assert_eq!(&got.caller_side.messages, &want.caller_side.messages);
        prop_assert_eq!(got.listener_side.missing, 0);
        prop_assert_eq!(got.listener_side.bytes, want.listener_side.bytes);
    }

    /// Damage anywhere never ends in a panic, and what stands before it is read.
    #[test]
    fn damage_leaves_the_rest(at in 0..60_usize, with in any::<[u8; 6]>(), ng in any::<bool>(), cut in any::<bool>()) {
        let frames = closed(transfer(6)).frames;
        let write = if ng { pcapng } else { |frames: &[Frame]| pcap(1, frames) };
        let whole = write(&frames);
        let place = whole.len() * (at + 20) / 90;
        let mut file = whole;
        if cut {
            file.truncate(place);
        } else {
            file[place..place + 6].copy_from_slice(&with);
        }
        let report = read(&file).0;
        let before = write(&frames).len() / frames.len();
        prop_assert!(report.file.packets as usize >= place / before / 2);
        if cut {
            let ends = report.file.bytes as usize;
            prop_assert!(ends <= place);
        }
    }

    /// Any bytes at all.
    #[test]
    fn no_bytes_make_it_panic(magic in 0..3_usize, mut bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let heads: [&[u8]; 3] = [&[0xD4, 0xC3, 0xB2, 0xA1], &[0x0A, 0x0D, 0x0D, 0x0A], &[]];
        bytes.splice(..0, heads[magic].iter().copied());
        let _ = dolab_dissect::dissect(&bytes[..], &dolab_dissect::Options::default(), &mut |_| ());
    }
}

use bytes::{Buf, Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::{DoCode, Incompatible, Malformed, WireError};

/// The client's handshake in the one public capture of real Windows peers.
const CLIENT: &str = "0e537761726d2070726f746f636f6c00000000001000008a8106224edd6a977fcda7218212\
    ebc312c696cd6283ff07b61e72a30b694208b36a001278843643821dd5cb6d92ef9700000000";

/// The server's answer there.
const SERVER: &str = "0e537761726d2070726f746f636f6c00000000001000008a8106224edd6a977fcda7218212\
    ebc312c696cd6283ff07b61e72a30b69420820462c1bdaaa034ea3dbedde95eac8c300000000";

const SWARM: &str = "8a8106224edd6a977fcda7218212ebc312c696cd6283ff07b61e72a30b694208";

fn hex<const N: usize>(text: &str) -> [u8; N] {
    assert_eq!(text.len(), 2 * N);
    std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
}

#[test]
fn the_captured_handshakes_are_read_and_written_byte_for_byte() {
    let peers = [
        (CLIENT, "b36a001278843643821dd5cb6d92ef9700000000"),
        (SERVER, "20462c1bdaaa034ea3dbedde95eac8c300000000"),
    ];
    for (bytes, peer) in peers {
        let bytes = hex::<HANDSHAKE_LEN>(bytes);
        let handshake = Handshake {
            piece_size: PIECE_SIZE.into(),
            swarm: SwarmHash(hex(SWARM)),
            peer: PeerId(hex(peer)),
        };
        assert_eq!(Handshake::decode(&bytes), Ok(handshake));
        assert_eq!(handshake.encode(), bytes);
        assert_eq!(handshake.swarm.to_string(), SWARM);
        assert_eq!(handshake.peer.to_string(), peer);
    }
}

/// In the same capture each side sends 13 more bytes and is done: a bitfield of 57 to 64 pieces.
#[test]
fn the_capture_s_second_message_is_a_bitfield_of_eight_bytes() {
    let bits = Bytes::from_static(&[0xFF; 8]);
    let mut bytes = BytesMut::new();
    Head::Bitfield(bits.clone()).encode(&mut bytes);
    assert_eq!(bytes.len(), 13);
    assert_eq!(bytes[..5], [0, 0, 0, 9, 5]);
    assert_eq!(
        HeadDecoder::new(8).decode(&mut bytes),
        Ok(Some(Head::Bitfield(bits)))
    );
    assert!(bytes.is_empty());
}

#[test]
fn captured_peer_ids_are_random_guids_in_memory_order_and_so_are_ours() {
    let captured = [CLIENT, SERVER].map(|bytes| Handshake::decode(&hex(bytes)).unwrap().peer);
    for id in captured
        .into_iter()
        .chain([0, 0xFF].map(|byte| PeerId::from_random([byte; 16])))
    {
        assert_eq!(id.0[7] >> 4, 4, "{id}: version");
        assert_eq!(id.0[8] >> 6, 0b10, "{id}: variant");
        assert_eq!(id.0[16..], [0; 4], "{id}: suffix");
    }
}

#[test]
fn a_handshake_of_another_protocol_is_told_from_one_that_is_none() {
    let mut check = hex::<HANDSHAKE_LEN>(CLIENT);
    check[..12].copy_from_slice(b"\x0bdolab check");
    let other = Incompatible::Protocol("dolab check".to_owned());
    assert_eq!(Handshake::decode(&check), Err(other.into()));
    assert_eq!(
        Handshake::decode(&[0xFF; 75]),
        Err(Malformed::Preface(0xFF).into())
    );
}

fn decode(bytes: &[u8]) -> Result<Option<Head>, WireError> {
    HeadDecoder::new(8).decode(&mut BytesMut::from(bytes))
}

#[test]
fn every_message_stands_on_the_wire_as_the_dissector_reads_it() {
    let block = Block {
        piece: 1,
        offset: 2,
        len: 3,
    };
    let cases: [(Head, &[u8]); 12] = [
        (Head::KeepAlive, &[0, 0, 0, 0]),
        (Head::Choke, &[0, 0, 0, 1, 0]),
        (Head::Unchoke, &[0, 0, 0, 1, 1]),
        (Head::Interested, &[0, 0, 0, 1, 2]),
        (Head::NotInterested, &[0, 0, 0, 1, 3]),
        (Head::Have(0x0102_0304), &[0, 0, 0, 5, 4, 1, 2, 3, 4]),
        (
            Head::Bitfield(Bytes::from_static(&[0x80])),
            &[0, 0, 0, 2, 5, 0x80],
        ),
        (
            Head::Request(block),
            &[0, 0, 0, 13, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
        ),
        (
            Head::Piece(block),
            &[0, 0, 0, 12, 7, 0, 0, 0, 1, 0, 0, 0, 2],
        ),
        (
            Head::Cancel(block),
            &[0, 0, 0, 13, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
        ),
        (Head::Opaque { id: 20, len: 4 }, &[0, 0, 0, 5, 20]),
        (Head::Opaque { id: 255, len: 0 }, &[0, 0, 0, 1, 255]),
    ];
    for (head, bytes) in cases {
        let mut out = BytesMut::new();
        head.encode(&mut out);
        assert_eq!(out, bytes, "{head:?}");
        assert_eq!(decode(bytes), Ok(Some(head)));
    }
}

#[test]
fn a_known_message_of_another_length_is_malformed_as_soon_as_it_shows() {
    let ranges: [(u8, &[u32], u32); 8] = [
        (0, &[1], 1),
        (1, &[1], 1),
        (2, &[1], 1),
        (3, &[1], 1),
        (4, &[5], 5),
        (6, &[13], 13),
        (8, &[13], 13),
        // An empty block is malformed.
        (7, &[10, MAX_FRAME_LEN], MAX_FRAME_LEN),
    ];
    for (id, good, max) in ranges {
        for len in [1, 2, 4, 5, 6, 9, 10, 12, 13, 14, MAX_FRAME_LEN] {
            let fits = good.contains(&len) || (id == 7 && (10..=max).contains(&len));
            // The length and the id are enough to tell.
            let read = decode(&[&len.to_be_bytes()[..], &[id]].concat());
            if fits {
                assert!(read.is_ok(), "{id} {len}: {read:?}");
            } else {
                let error = read.unwrap_err();
                let length = matches!(error, WireError::Malformed(Malformed::Length { .. }));
                assert!(length, "{id} {len}: {error}");
                assert_eq!(error.do_code(), DoCode::INVALID_MESSAGE);
            }
        }
    }
}

#[test]
fn no_frame_is_longer_than_the_ceiling() {
    let longest = MAX_FRAME_LEN.to_be_bytes();
    let body = MAX_FRAME_LEN - 1;
    let read = decode(&[&longest[..], &[20]].concat());
    assert_eq!(read, Ok(Some(Head::Opaque { id: 20, len: body })));
    let piece = decode(&[&longest[..], &[7, 0, 0, 0, 0, 0, 0, 0, 0]].concat());
    let whole = Block {
        piece: 0,
        offset: 0,
        len: MAX_FRAME_LEN - 9,
    };
    assert_eq!(piece, Ok(Some(Head::Piece(whole))));
    for len in [MAX_FRAME_LEN + 1, 0x0E53_7761, u32::MAX] {
        let error = decode(&len.to_be_bytes()).unwrap_err();
        assert_eq!(
            error,
            Malformed::FrameTooLong {
                len,
                max: MAX_FRAME_LEN
            }
            .into()
        );
        assert_eq!(error.do_code(), DoCode::MESSAGE_TOO_LONG);
    }
}

#[test]
fn a_bitfield_may_be_as_long_as_the_content_s_and_no_longer() {
    assert_eq!(
        decode(&[0, 0, 0, 9, 5]),
        Ok(None),
        "eight bytes are waited for"
    );
    let error = decode(&[0, 0, 0, 10, 5]).unwrap_err();
    assert_eq!(error, Malformed::FrameTooLong { len: 10, max: 9 }.into());
    assert_eq!(
        decode(&[0, 0, 0, 1, 5]),
        Ok(Some(Head::Bitfield(Bytes::new())))
    );
    let none = HeadDecoder::new(0).decode(&mut BytesMut::from(&[0, 0, 0, 2, 5][..]));
    assert_eq!(none, Err(Malformed::FrameTooLong { len: 2, max: 1 }.into()));
}

#[test]
fn a_block_that_no_piece_can_have_is_malformed() {
    let request = |offset: u32, len: u32| {
        let fields = [0, offset, len].map(u32::to_be_bytes);
        decode(&[&[0, 0, 0, 13, 6], fields.as_flattened()].concat())
    };
    assert!(request(u32::MAX - 1, 1).is_ok());
    for (offset, len) in [(0, 0), (u32::MAX, 1), (1, u32::MAX)] {
        let error = request(offset, len).unwrap_err();
        assert_eq!(
            error,
            Malformed::Block {
                piece: 0,
                offset,
                len
            }
            .into()
        );
    }
}

fn block() -> impl Strategy<Value = Block> {
    (any::<u32>(), any::<u32>(), 1..=MAX_FRAME_LEN - 9)
        .prop_filter("fits 32 bits", |&(_, offset, len)| {
            offset.checked_add(len).is_some()
        })
        .prop_map(|(piece, offset, len)| Block { piece, offset, len })
}

/// Any message; bodies are kept short, for they are written out.
fn head() -> impl Strategy<Value = Head> {
    prop_oneof![
        Just(Head::KeepAlive),
        Just(Head::Choke),
        Just(Head::Unchoke),
        Just(Head::Interested),
        Just(Head::NotInterested),
        any::<u32>().prop_map(Head::Have),
        prop::collection::vec(any::<u8>(), 0..=8).prop_map(|bits| Head::Bitfield(bits.into())),
        block().prop_map(Head::Request),
        block().prop_map(Head::Cancel),
        block().prop_map(|block| {
            let len = 1 + block.len % 64;
            Head::Piece(Block {
                len,
                offset: block.offset & 0x7FFF_FFFF,
                ..block
            })
        }),
        (9..=255_u8, 0..64_u32).prop_map(|(id, len)| Head::Opaque { id, len }),
    ]
}

/// Reads a stream whose bytes come in the given portions, and skips the bodies.
fn decode_in_portions(stream: &[u8], cuts: &[usize]) -> Result<Vec<Head>, WireError> {
    let (decoder, mut heads) = (HeadDecoder::new(8), Vec::new());
    let (mut buf, mut rest, mut skip) = (BytesMut::new(), stream, 0);
    let mut cuts = cuts.iter().copied().cycle();
    loop {
        let now = skip.min(buf.len());
        buf.advance(now);
        skip -= now;
        if skip == 0
            && let Some(head) = decoder.decode(&mut buf)?
        {
            skip = head.body_len() as usize;
            heads.push(head);
        } else if rest.is_empty() {
            return Ok(heads);
        } else {
            let (portion, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            buf.extend_from_slice(portion);
            rest = later;
        }
    }
}

proptest! {
    #[test]
    fn any_split_of_a_stream_gives_the_same_heads(
        heads in prop::collection::vec(head(), 1..40),
        cuts in prop::collection::vec(1..100_usize, 1..20),
    ) {
        let mut stream = Vec::new();
        for head in &heads {
            head.encode(&mut stream);
            stream.resize(stream.len() + head.body_len() as usize, 0xA5);
        }
        prop_assert_eq!(&decode_in_portions(&stream, &cuts).unwrap(), &heads);
        prop_assert_eq!(&decode_in_portions(&stream, &[1]).unwrap(), &heads);
        prop_assert_eq!(&decode_in_portions(&stream, &[stream.len()]).unwrap(), &heads);
    }

    #[test]
    fn any_split_of_garbage_gives_the_same_end(
        stream in prop::collection::vec(prop_oneof![3 => 0..24_u8, 1 => any::<u8>()], 0..300),
        cuts in prop::collection::vec(1..40_usize, 1..10),
    ) {
        let whole = decode_in_portions(&stream, &[stream.len().max(1)]);
        prop_assert_eq!(decode_in_portions(&stream, &cuts), whole);
    }

    #[test]
    fn what_was_read_is_written_again(bytes in prop::collection::vec(0..24_u8, 0..40)) {
        let mut rest = BytesMut::from(&bytes[..]);
        if let Ok(Some(head)) = HeadDecoder::new(8).decode(&mut rest) {
            let mut out = Vec::new();
            head.encode(&mut out);
            prop_assert_eq!(&out[..], &bytes[..bytes.len() - rest.len()]);
        }
    }

    #[test]
    fn a_head_is_short(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        // Whatever comes, more than a bitfield and its head is never waited for.
        let waits = HeadDecoder::new(8).decode(&mut BytesMut::from(&bytes[..])) == Ok(None);
        prop_assert!(!waits || bytes.len() < 4 + 13);
    }

    #[test]
    fn handshakes_round_trip(piece_size: u64, swarm: [u8; 32], peer: [u8; 20]) {
        let handshake = Handshake { piece_size, swarm: SwarmHash(swarm), peer: PeerId(peer) };
        prop_assert_eq!(Handshake::decode(&handshake.encode()), Ok(handshake));
    }
}

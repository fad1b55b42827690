use bytes::{BufMut, BytesMut};
use proptest::{collection::vec, prelude::*};

use super::*;

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        "[ -~]{0,300}".prop_map(|padding| Ask::Echo { padding }),
        ("[a-z0-9-]{1,9}", any::<u16>()).prop_map(|(path, port)| Ask::Probe { path, port }),
        (digest(), any::<u32>(), any::<u32>()).prop_map(|(content, first, count)| Ask::Hashes {
            content,
            first,
            count
        }),
        any::<u64>().prop_map(|length| Ask::Prepare { length }),
        (digest(), any::<u16>()).prop_map(|(content, port)| Ask::Dial { content, port }),
        any::<u64>().prop_map(|n| Ask::Bench {
            body: serde_json::json!({ "type": "prepare", "flow": n })
        }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        (any::<u16>(), digest(), any::<bool>(), any::<Option<u64>>()).prop_map(
            |(version, nonce, key, call)| {
                Message::Open(Open {
                    version,
                    role: Role::Asker,
                    nonce,
                    key,
                    call,
                })
            }
        ),
        digest().prop_map(|mac| Message::Proof { mac }),
        (any::<u64>(), ask()).prop_map(|(id, ask)| Message::Ask { id, ask }),
        (any::<u64>(), digest(), vec(digest(), 0..50)).prop_map(|(id, content, hashes)| {
            let offer = Offer {
                id: content,
                length: id,
                piece_size: 1 << 20,
                seed: !id,
                hashes,
            };
            Message::Reply {
                id,
                reply: Reply::Offered { offer },
            }
        }),
        "[\\PC]{0,40}".prop_map(|why| Message::Refused {
            why: Refusal::Failed { why }
        }),
        Just(Message::Bye),
    ]
}

proptest! {
    #[test]
    fn any_split_of_a_stream_gives_the_same_messages(
        messages in vec(message(), 1..8),
        chunk in 1_usize..200,
    ) {
        let mut stream = BytesMut::new();
        for message in &messages {
            Frame::encode(message, &mut stream).unwrap();
        }
        let mut buf = BytesMut::new();
        let mut read = Vec::new();
        for part in stream.chunks(chunk) {
            buf.put_slice(part);
            while let Some(message) = Frame::decode(&mut buf).unwrap() {
                read.push(message);
            }
        }
        prop_assert_eq!(read, messages);
        prop_assert!(buf.is_empty());
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in vec(any::<u8>(), 0..400)) {
        let mut buf = BytesMut::from(&bytes[..]);
        while let Ok(Some(_)) = Frame::decode(&mut buf) {}
    }
}

fn decode(json: &str) -> Result<Option<Message>, SessionFormatError> {
    let mut buf = BytesMut::new();
    buf.put_u32(json.len() as u32);
    buf.put_slice(json.as_bytes());
    Frame::decode(&mut buf)
}

#[test]
fn what_a_later_version_adds_is_skipped() {
    let later = decode(r#"{"type":"telepathy","strength":9}"#);
    assert_eq!(later, Ok(Some(Message::Unknown)));
    let later = decode(r#"{"type":"ask","id":3,"ask":{"type":"dream","of":[]},"mood":"good"}"#);
    assert_eq!(
        later,
        Ok(Some(Message::Ask {
            id: 3,
            ask: Ask::Unknown
        }))
    );
    let later = decode(
        r#"{"type":"reply","id":3,"reply":{"type":"refused","why":{"reason":"bored","x":1}}}"#,
    );
    let refused = Reply::Refused {
        why: Refusal::Unknown,
    };
    assert_eq!(
        later,
        Ok(Some(Message::Reply {
            id: 3,
            reply: refused
        }))
    );
}

#[test]
fn lengths_are_refused_before_anything_is_waited_for() {
    for len in [0, MAX_FRAME_LEN + 1, u32::MAX] {
        let mut buf = BytesMut::from(&len.to_be_bytes()[..]);
        assert_eq!(
            Frame::decode(&mut buf),
            Err(SessionFormatError::Length { len })
        );
    }
    let mut exact = BytesMut::from(&MAX_FRAME_LEN.to_be_bytes()[..]);
    assert_eq!(Frame::decode(&mut exact), Ok(None));
}

#[test]
fn nested_and_wrong_json_is_an_error_and_not_a_crash() {
    let deep = format!(
        "{{\"type\":\"ask\",\"id\":1,\"ask\":{}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(matches!(decode(&deep), Err(SessionFormatError::Json(_))));
    for wrong in [
        "null",
        "[]",
        "{}",
        "{\"type\":\"proof\",\"mac\":\"00\"}",
        "\u{0}",
    ] {
        assert!(
            matches!(decode(wrong), Err(SessionFormatError::Json(_))),
            "{wrong}"
        );
    }
}

#[test]
fn the_largest_offer_fits_a_frame() {
    let offer = Offer {
        id: Digest([0xFF; 32]),
        length: u64::MAX,
        piece_size: u32::MAX,
        seed: u64::MAX,
        hashes: vec![Digest([0xFF; 32]); Offer::MAX_PIECES as usize],
    };
    let ask = Ask::Receive {
        offer,
        dial: Some(u16::MAX),
        patience_ms: u64::MAX,
    };
    let mut buf = BytesMut::new();
    assert_eq!(
        Frame::encode(&Message::Ask { id: u64::MAX, ask }, &mut buf),
        Ok(())
    );
    let long = Ask::Echo {
        padding: "x".repeat(MAX_FRAME_LEN as usize),
    };
    let len = buf.len();
    assert!(Frame::encode(&Message::Ask { id: 1, ask: long }, &mut buf).is_err());
    assert_eq!(buf.len(), len);
}

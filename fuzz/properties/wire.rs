//! What has to be true of any bytes that `dolab-wire` reads. The fuzz targets call these with
//! bytes that they make up, the crate's own tests with the corpus.

use bytes::{Buf, BytesMut};
use dolab_wire::{
    WireError,
    preface::{self, MAX_NAME_LEN},
    session::Frame,
    swarm::{Head, HeadDecoder},
    teredo::Packet,
};

/// Longest bitfield that the decoder under test accepts, in bytes.
const MAX_BITFIELD: u32 = 64;

/// A stream of messages gives the same heads however it is cut, and each is written as it came.
pub(crate) fn heads(data: &[u8]) {
    let Some((&portion, stream)) = data.split_first() else {
        return;
    };
    let whole = read_heads(stream, stream.len());
    assert_eq!(read_heads(stream, 1), whole);
    assert_eq!(read_heads(stream, usize::from(portion)), whole);
}

fn read_heads(stream: &[u8], portion: usize) -> (Vec<Head>, Option<WireError>) {
    let decoder = HeadDecoder::new(MAX_BITFIELD);
    let (mut heads, mut buf, mut skip) = (Vec::new(), BytesMut::new(), 0_usize);
    for portion in stream.chunks(portion.max(1)) {
        buf.extend_from_slice(portion);
        loop {
            let now = skip.min(buf.len());
            buf.advance(now);
            skip -= now;
            if skip > 0 {
                break;
            }
            let before = buf.clone();
            match decoder.decode(&mut buf) {
                Ok(Some(head)) => {
                    let mut out = Vec::new();
                    head.encode(&mut out);
                    assert_eq!(out, before[..before.len() - buf.len()], "{head:?}");
                    skip = head.body_len() as usize;
                    heads.push(head);
                }
                Ok(None) => break,
                Err(error) => return (heads, Some(error)),
            }
        }
        assert!(
            skip > 0 || buf.len() < 5 + MAX_BITFIELD as usize,
            "more is kept than is needed"
        );
    }
    (heads, None)
}

/// What more bytes bring never changes what was said of the first, and no more than a name is
/// ever waited for.
pub(crate) fn preface(data: &[u8]) {
    let whole = preface::detect(data);
    for len in 0..data.len().min(64) {
        match preface::detect(&data[..len]) {
            Ok(None) => assert!(len <= usize::from(MAX_NAME_LEN)),
            known => assert_eq!(known, whole),
        }
    }
}

/// What was read is written so that the same is read again.
pub(crate) fn teredo(data: &[u8]) {
    let Ok(packet) = Packet::parse(data) else {
        return;
    };
    let mut out = Vec::new();
    packet.encode(&mut out);
    assert_eq!(out.len(), packet.encoded_len());
    assert_eq!(Packet::parse(&out), Ok(packet));
}

/// A stream of session messages ends or goes on, and every message can be written.
pub(crate) fn session(data: &[u8]) {
    let mut buf = BytesMut::from(data);
    while let Ok(Some(message)) = Frame::decode(&mut buf) {
        let mut out = BytesMut::new();
        if Frame::encode(&message, &mut out).is_ok() {
            assert!(matches!(Frame::decode(&mut out), Ok(Some(_))));
            assert!(out.is_empty());
        }
    }
}

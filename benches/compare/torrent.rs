//! A torrent of one file, as BitTorrent clients read it.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use sha1::{Digest as _, Sha1};

/// Bytes that have one hash: the same as in Delivery Optimization.
const PIECE: u64 = 1 << 20;

/// The bytes of a `.torrent` for a file. Private, so that no client looks for peers elsewhere
/// than at the tracker.
pub(crate) fn of(file: &Path, name: &str, tracker: &str) -> io::Result<Vec<u8>> {
    let mut input = File::open(file)?;
    let len = input.metadata()?.len();
    let (mut pieces, mut piece) = (Vec::new(), Vec::new());
    while (&mut input).take(PIECE).read_to_end(&mut piece)? > 0 {
        pieces.extend_from_slice(&Sha1::digest(&piece));
        piece.clear();
    }
    // Keys in order of their bytes, as bencoding asks.
    let mut torrent = b"d8:announce".to_vec();
    push(&mut torrent, tracker.as_bytes());
    torrent.extend(format!("4:infod6:lengthi{len}e4:name").bytes());
    push(&mut torrent, name.as_bytes());
    torrent.extend(format!("12:piece lengthi{PIECE}e6:pieces").bytes());
    push(&mut torrent, &pieces);
    torrent.extend(b"7:privatei1eee");
    Ok(torrent)
}

fn push(to: &mut Vec<u8>, text: &[u8]) {
    to.extend(format!("{}:", text.len()).bytes());
    to.extend_from_slice(text);
}

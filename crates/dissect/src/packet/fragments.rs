//! IP packets that came in parts, put together in bounded memory.

use std::{collections::VecDeque, net::IpAddr};

/// Packets that wait for their other parts; the oldest gives way. With [`MAX_PACKET`] no more than 4 MiB.
const MAX_WAITING: usize = 64;
/// Longest packet, in bytes of its payload (documented: RFC 791).
const MAX_PACKET: usize = 65_535;
/// Parts of one packet.
const MAX_PARTS: usize = 256;

/// A part of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    pub(super) protocol: u8,
    pub(super) id: u32,
    pub(super) offset: usize,
    pub(super) more: bool,
    pub(super) payload: &'a [u8],
    /// Whether all of it was kept.
    pub(super) whole: bool,
}

/// Packets that are not whole yet.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    waiting: VecDeque<Waiting>,
    /// The last one that became whole.
    done: Vec<u8>,
}

type Key = (IpAddr, IpAddr, u8, u32);

#[derive(Debug)]
struct Waiting {
    key: Key,
    bytes: Vec<u8>,
    /// Parts that are there, as ranges.
    parts: Vec<(usize, usize)>,
    len: Option<usize>,
}

impl Fragments {
    /// Adds a part; the payload once all are there. The first copy of a byte counts.
    pub(super) fn add(&mut self, piece: &Piece<'_>) -> Option<&[u8]> {
        let end = piece.offset + piece.payload.len();
        if !piece.whole || end > MAX_PACKET {
            return None;
        }
        let key = (piece.from, piece.to, piece.protocol, piece.id);
        let known = self.waiting.iter().position(|waiting| waiting.key == key);
        let at = known.unwrap_or_else(|| {
            if self.waiting.len() == MAX_WAITING {
                self.waiting.pop_front();
            }
            self.waiting.push_back(Waiting {
                key,
                bytes: Vec::new(),
                parts: Vec::new(),
                len: None,
            });
            self.waiting.len() - 1
        });
        let waiting = self.waiting.get_mut(at)?;
        waiting.add(piece, end);
        if !waiting.is_whole() {
            return None;
        }
        let waiting = self.waiting.remove(at)?;
        self.done = waiting.bytes;
        self.done.truncate(waiting.len?);
        Some(&self.done)
    }
}

impl Waiting {
    fn add(&mut self, piece: &Piece<'_>, end: usize) {
        if self.parts.len() == MAX_PARTS {
            return;
        }
        if !piece.more {
            self.len.get_or_insert(end);
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut at = piece.offset;
        while at < end {
            let taken = self
                .parts
                .iter()
                .find(|(from, to)| (*from..*to).contains(&at));
            if let Some((_, to)) = taken {
                at = *to;
                continue;
            }
            let starts = self.parts.iter().map(|(from, _)| *from);
            let until = starts.filter(|from| *from > at).fold(end, usize::min);
            let source = &piece.payload[at - piece.offset..until - piece.offset];
            self.bytes[at..until].copy_from_slice(source);
            at = until;
        }
        self.parts.push((piece.offset, end));
    }

    fn is_whole(&self) -> bool {
        let Some(len) = self.len else {
            return false;
        };
        let mut at = 0;
        while at < len {
            let next = self
                .parts
                .iter()
                .filter(|(from, to)| *from <= at && *to > at);
            match next.map(|(_, to)| *to).max() {
                Some(to) => at = to,
                None => return false,
            }
        }
        true
    }
}

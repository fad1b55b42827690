//! One direction: from bytes to messages. The bytes of pieces pass by and are only counted.

use bytes::{Buf, BytesMut};
use dolab_wire::{
    Incompatible, WireError,
    preface::{self, Protocol},
    swarm::{Block, HANDSHAKE_LEN, Handshake, Head, HeadDecoder},
};

use super::requests::Requests;

/// Longest bitfield, in bytes: that of 256 GiB in pieces of 1 MiB. It bounds what is kept of a stream.
const MAX_BITFIELD: u32 = 32 << 10;

/// As much is looked at to find a message's head.
const LOOK: usize = 32;

/// What a part of the stream turned out to be.
#[derive(Debug)]
pub(super) enum Heard {
    Handshake(Handshake),
    /// The name of another protocol, or its first bytes.
    Other(String),
    Head(Head),
    /// Bytes of a piece.
    Progress,
    Malformed(WireError),
    Gap(u64),
    Resumes(u64),
}

/// What a stream is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has said nothing.
    Silent,
    /// In the middle of its first words.
    Handshake,
    /// Messages.
    Frames,
    /// Messages, whose borders are not known.
    Lost,
    /// Nothing that is read here.
    Unread,
}

/// One direction of a conversation.
#[derive(Debug)]
pub(super) struct Half {
    phase: Phase,
    /// The begin of what is not whole yet.
    buffer: BytesMut,
    /// Bytes of a body that are still to come.
    body: u64,
    /// Whether the body is a piece's.
    piece: bool,
    /// Whether messages were read from the handshake on, without a gap.
    certain: bool,
    protocol: Option<Protocol>,
    unread: u64,
    /// Of those, the ones since the last gap.
    lost: u64,
}

impl Default for Half {
    fn default() -> Self {
        Self {
            phase: Phase::Silent,
            buffer: BytesMut::new(),
            body: 0,
            piece: false,
            certain: true,
            protocol: None,
            unread: 0,
            lost: 0,
        }
    }
}

impl Half {
    /// The capture begins in the middle.
    pub(super) fn joined(&mut self) {
        self.certain = false;
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    pub(super) fn unread(&self) -> u64 {
        self.unread
    }

    pub(super) fn is_certain(&self) -> bool {
        self.certain
    }

    /// Bytes of the stream that are not in the capture.
    pub(super) fn gap(&mut self, mut bytes: u64, heard: &mut Vec<Heard>) {
        let inside = bytes.min(self.body);
        self.body -= inside;
        bytes -= inside;
        if inside > 0 && self.piece {
            heard.push(Heard::Progress);
        }
        if bytes == 0 {
            return;
        }
        self.unread += bytes + self.buffer.len() as u64;
        self.buffer.clear();
        if self.phase != Phase::Unread {
            heard.push(Heard::Gap(bytes));
            self.phase = Phase::Lost;
            self.certain = false;
            self.lost = 0;
        }
    }

    /// The next bytes of the stream; returns those that were not looked at yet.
    pub(super) fn bytes<'a>(
        &mut self,
        bytes: &'a [u8],
        asked: &Requests,
        heard: &mut Vec<Heard>,
    ) -> &'a [u8] {
        match self.phase {
            Phase::Silent => {
                // In a stream that is joined late its first words are recognised by their name only.
                let named = matches!(preface::detect(bytes), Ok(Some(_)));
                self.phase = if self.certain || named {
                    Phase::Handshake
                } else {
                    Phase::Lost
                };
                bytes
            }
            Phase::Handshake => self.handshake(bytes, heard),
            Phase::Frames => self.frames(bytes, heard),
            Phase::Lost => self.find(bytes, asked, heard),
            Phase::Unread => {
                self.unread += bytes.len() as u64;
                &[]
            }
        }
    }

    fn handshake<'a>(&mut self, bytes: &'a [u8], heard: &mut Vec<Heard>) -> &'a [u8] {
        let (head, rest) = bytes.split_at(bytes.len().min(HANDSHAKE_LEN - self.buffer.len()));
        self.buffer.extend_from_slice(head);
        match preface::detect(&self.buffer) {
            Ok(None) if self.buffer.len() < HANDSHAKE_LEN => return rest,
            Ok(Some(Protocol::Swarm)) => {
                self.protocol = Some(Protocol::Swarm);
                let Ok(whole) = <[u8; HANDSHAKE_LEN]>::try_from(&self.buffer[..]) else {
                    return rest;
                };
                self.buffer.clear();
                match Handshake::decode(&whole) {
                    Ok(handshake) => {
                        self.certain = true;
                        self.phase = Phase::Frames;
                        heard.push(Heard::Handshake(handshake));
                    }
                    Err(error) => self.broken(error, heard),
                }
            }
            Ok(Some(other)) => {
                self.protocol = Some(other);
                self.phase = Phase::Unread;
                let name = other.name().escape_ascii().to_string();
                heard.push(Heard::Other(name));
            }
            Err(WireError::Incompatible(Incompatible::Protocol(name))) => {
                self.other(name, heard);
            }
            Ok(None) | Err(_) => {
                let begin = self.buffer[..self.buffer.len().min(16)].escape_ascii();
                self.other(begin.to_string(), heard);
            }
        }
        rest
    }

    fn other(&mut self, says: String, heard: &mut Vec<Heard>) {
        self.phase = Phase::Unread;
        self.unread += self.buffer.len() as u64;
        self.buffer.clear();
        heard.push(Heard::Other(says));
    }

    fn frames<'a>(&mut self, mut bytes: &'a [u8], heard: &mut Vec<Heard>) -> &'a [u8] {
        if self.body > 0 {
            let passing = self.body.min(bytes.len() as u64);
            bytes = &bytes[passing as usize..];
            self.body -= passing;
            if self.piece {
                heard.push(Heard::Progress);
            }
            return bytes;
        }
        // Enough for any head but a bitfield, which says itself how long it is.
        let wanted = match self.buffer.first_chunk::<5>() {
            Some(&[a, b, c, d, 5]) => {
                let len = u32::from_be_bytes([a, b, c, d]).min(MAX_BITFIELD + 1);
                4 + len as usize
            }
            _ => LOOK,
        };
        let more = wanted.saturating_sub(self.buffer.len()).min(bytes.len());
        self.buffer.extend_from_slice(&bytes[..more]);
        bytes = &bytes[more..];
        self.decode(heard);
        bytes
    }

    fn decode(&mut self, heard: &mut Vec<Heard>) {
        while !self.buffer.is_empty() && self.phase == Phase::Frames {
            match HeadDecoder::new(MAX_BITFIELD).decode(&mut self.buffer) {
                Ok(None) => return,
                Ok(Some(head)) => {
                    self.body = head.body_len().into();
                    self.piece = matches!(head, Head::Piece(_));
                    heard.push(Heard::Head(head));
                    let held = self.body.min(self.buffer.len() as u64);
                    self.buffer.advance(held as usize);
                    self.body -= held;
                    if self.body > 0 {
                        return;
                    }
                }
                Err(error) if self.certain => self.broken(error, heard),
                Err(_) => {
                    // What looked like a message was none.
                    self.phase = Phase::Lost;
                    self.lost = self.buffer.len() as u64;
                    self.unread += self.lost;
                    self.buffer.clear();
                }
            }
        }
    }

    fn broken(&mut self, error: WireError, heard: &mut Vec<Heard>) {
        self.phase = Phase::Unread;
        self.unread += self.buffer.len() as u64;
        self.buffer.clear();
        heard.push(Heard::Malformed(error));
    }

    /// Looks for a message behind a gap.
    fn find<'a>(&mut self, bytes: &'a [u8], asked: &Requests, heard: &mut Vec<Heard>) -> &'a [u8] {
        // A head that stands across two segments is not found, but a later one is.
        let found = match begins_segment(bytes, asked) {
            true => Some(0),
            false => (1..bytes.len()).find(|at| is_head(&bytes[*at..], asked)),
        };
        let Some(at) = found else {
            self.lost += bytes.len() as u64;
            self.unread += bytes.len() as u64;
            return &[];
        };
        self.unread += at as u64;
        heard.push(Heard::Resumes(self.lost + at as u64));
        self.lost = 0;
        self.phase = Phase::Frames;
        &bytes[at..]
    }
}

/// Whether a segment is nothing but messages from its first byte on, the last of which may be a
/// piece that goes on behind it: senders begin a message with a segment where they can.
fn begins_segment(bytes: &[u8], asked: &Requests) -> bool {
    let mut buffer = BytesMut::from(&bytes[..bytes.len().min(256)]);
    let decoder = HeadDecoder::new(MAX_BITFIELD);
    let mut said = false;
    loop {
        match decoder.decode(&mut buffer) {
            Err(_) | Ok(Some(Head::Opaque { .. })) => return false,
            Ok(Some(Head::Request(block) | Head::Cancel(block))) => return likely(&block),
            Ok(Some(Head::Piece(block))) => return is_expected(&block, asked),
            // Content that is all zeros looks like keepalives.
            Ok(Some(Head::KeepAlive)) => {}
            Ok(Some(_)) => said = true,
            Ok(None) => return said,
        }
    }
}

/// Whether a request or a piece begins here, beyond reasonable doubt.
fn is_head(bytes: &[u8], asked: &Requests) -> bool {
    let &[a, b, c, d, id, ref rest @ ..] = bytes else {
        return false;
    };
    let len = u32::from_be_bytes([a, b, c, d]);
    let word = |at: usize| Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?));
    let block = |len| {
        Some(Block {
            piece: word(0)?,
            offset: word(4)?,
            len,
        })
    };
    match (id, len) {
        (6 | 8, 13) => word(8).and_then(block).is_some_and(|block| likely(&block)),
        (7, 10..=2_048_000) => block(len - 9).is_some_and(|block| is_expected(&block, asked)),
        _ => false,
    }
}

/// Whether a piece is one that was asked for, as far as requests are known.
fn is_expected(block: &Block, asked: &Requests) -> bool {
    likely(block) && (asked.len() == 0 || asked.expects(block))
}

/// Whether a block can be part of a piece as they are in use: at most 64 MiB, at most a million.
fn likely(block: &Block) -> bool {
    let end = u64::from(block.offset) + u64::from(block.len);
    block.len > 0 && end <= 64 << 20 && block.piece < 1 << 20
}

//! Peers that do not play by the rules.

use std::collections::BTreeMap;

use dolab_content::PieceMap;
use dolab_wire::swarm::{Block, Handshake, Head, PeerId};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::world::Packet;

/// What is wrong with a peer that says it has everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vice {
    /// Never shakes hands.
    Mute,
    /// Never answers a request.
    Silent,
    /// Never allows a request.
    Choking,
    /// Begins to answer, and stops in the middle.
    Stalling,
    /// Answers with wrong bytes.
    Corrupt,
    /// Chokes as soon as it is asked.
    Teasing,
    /// Says anything at all.
    Babbling,
    /// Has another opinion of how the content is cut.
    OtherPieces,
}

pub(super) const VICES: [Vice; 8] = [
    Vice::Mute,
    Vice::Silent,
    Vice::Choking,
    Vice::Stalling,
    Vice::Corrupt,
    Vice::Teasing,
    Vice::Babbling,
    Vice::OtherPieces,
];

pub(super) struct Rogue {
    vice: Vice,
    me: PeerId,
    /// Pieces of each content.
    pieces: BTreeMap<[u8; 32], u32>,
    rng: ChaCha8Rng,
}

impl Rogue {
    pub(super) fn new(vice: Vice, me: PeerId, pieces: BTreeMap<[u8; 32], u32>, seed: u64) -> Self {
        Self {
            vice,
            me,
            pieces,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Takes what came over a link, and says something back.
    pub(super) fn hears(&mut self, _link: usize, packet: &Packet) -> Vec<Packet> {
        match packet {
            Packet::Handshake(theirs) => self.greets(theirs),
            Packet::Head(Head::Request(block), _) => self.is_asked(*block),
            Packet::Head(..) if self.vice == Vice::Babbling => vec![self.babbles()],
            _ => Vec::new(),
        }
    }

    fn greets(&mut self, theirs: &Handshake) -> Vec<Packet> {
        if self.vice == Vice::Mute {
            return Vec::new();
        }
        let mut handshake = Handshake {
            peer: self.me,
            ..*theirs
        };
        if self.vice == Vice::OtherPieces {
            handshake.piece_size += 1;
        }
        let pieces = self.pieces.get(&theirs.swarm.0).copied().unwrap_or(1);
        let all = Head::Bitfield(PieceMap::full(pieces).as_bytes().to_vec().into());
        let mut said = vec![Packet::Handshake(handshake), Packet::Head(all, true)];
        if self.vice != Vice::Choking {
            said.push(Packet::Head(Head::Unchoke, true));
        }
        said
    }

    fn is_asked(&mut self, block: Block) -> Vec<Packet> {
        match self.vice {
            Vice::Corrupt => vec![Packet::Head(Head::Piece(block), false)],
            Vice::Stalling => vec![Packet::Stalled(Head::Piece(block))],
            Vice::Teasing => {
                vec![
                    Packet::Head(Head::Choke, true),
                    Packet::Head(Head::Unchoke, true),
                ]
            }
            Vice::Babbling => vec![self.babbles()],
            Vice::Mute | Vice::Silent | Vice::Choking | Vice::OtherPieces => Vec::new(),
        }
    }

    fn babbles(&mut self) -> Packet {
        let piece = self.rng.random_range(0..40);
        let block = Block {
            piece,
            offset: 0,
            len: self.rng.random_range(1..2_000_000),
        };
        let head = match self.rng.random_range(0..14) {
            0 => Head::Choke,
            1 => Head::Unchoke,
            2 => Head::Interested,
            3 => Head::NotInterested,
            4 => Head::Have(piece),
            5 => Head::Bitfield(vec![0xFF; 5].into()),
            6 => Head::Request(block),
            7 => Head::Piece(block),
            8 => Head::Cancel(block),
            9 => Head::Opaque {
                id: 20,
                len: self.rng.random_range(0..2_000_000),
            },
            _ => Head::KeepAlive,
        };
        Packet::Head(head, false)
    }
}

use std::collections::BTreeSet;

use dolab_content::{ContentId, Layout, PieceMap};
use dolab_wire::swarm::{Handshake, PeerId, SwarmHash};

use crate::{
    ConnId, ContentReport, Instant, Rules, Traffic, candidates::Candidates, hybrid::Hybrid,
    picker::Picker, slots::Round,
};

/// A content that this device takes part in.
#[derive(Debug)]
pub(crate) struct Swarm {
    pub(crate) layout: Layout,
    pub(crate) have: PieceMap,
    /// Whether peers are told what is here.
    pub(crate) share: bool,
    /// Pieces that could not be read when they were asked for. Delivery Optimization stops sharing
    /// what it finds bad in its own copy, too (documented, by its error code).
    pub(crate) withdrawn: BTreeSet<u32>,
    /// There until every piece is.
    pub(crate) picker: Option<Picker>,
    /// This host could not keep a piece: nothing more is fetched.
    pub(crate) failed: bool,
    pub(crate) candidates: Candidates,
    /// Connections that are for this content, dialled ones among them.
    pub(crate) connections: BTreeSet<ConnId>,
    /// Who shook hands, over which connection.
    pub(crate) peers: BTreeSet<(PeerId, ConnId)>,
    /// Who wants pieces, and who of them is served while the content has an upload slot.
    pub(crate) uploads: Round<ConnId>,
    pub(crate) added: Instant,
    /// Whether it was said that nobody is left to fetch from.
    pub(crate) starved: bool,
    pub(crate) rules: Rules,
    /// What it has beside peers.
    pub(crate) hybrid: Option<Box<Hybrid>>,
    /// Connections whose peers have something that is missing here.
    pub(crate) deliverers: usize,
    pub(crate) traffic: Traffic,
    /// How often each piece was handed to the driver, as far as it can be counted; empty until the
    /// first was.
    pub(crate) copies_sent: Vec<u8>,
}

impl Swarm {
    /// A piece, or a block of it, was handed to the driver.
    pub(crate) fn hands_over(&mut self, piece: u32) {
        self.copies_sent.resize(self.layout.pieces() as usize, 0);
        if let Some(copies) = self.copies_sent.get_mut(piece as usize) {
            *copies = copies.saturating_add(1);
        }
    }

    /// Whether pieces are to be fetched.
    pub(crate) fn fetches(&self) -> bool {
        self.picker.is_some() && !self.failed
    }

    /// Whether peers may ask for a piece.
    pub(crate) fn offers(&self, piece: u32) -> bool {
        self.share && self.have.contains(piece)
    }

    /// The pieces that peers are told of.
    pub(crate) fn offered(&self) -> PieceMap {
        if !self.share {
            return PieceMap::empty(self.layout.pieces());
        }
        let mut offered = self.have.clone();
        for &piece in &self.withdrawn {
            offered.remove(piece);
        }
        offered
    }

    /// Connections with this peer.
    pub(crate) fn connections_to(&self, peer: PeerId) -> impl Iterator<Item = ConnId> + '_ {
        let ours = self
            .peers
            .range((peer, ConnId::FIRST)..=(peer, ConnId::LAST));
        ours.map(|&(_, conn)| conn)
    }

    pub(crate) fn handshake(&self, content: ContentId, me: PeerId) -> Handshake {
        Handshake {
            piece_size: self.layout.piece_size().into(),
            swarm: SwarmHash(content.0),
            peer: me,
        }
    }

    pub(crate) fn report(&self, content: ContentId) -> ContentReport<'_> {
        ContentReport {
            content,
            layout: self.layout,
            have: &self.have,
            missing: self.layout.pieces() - self.have.count(),
            in_flight: self.picker.as_ref().map_or(0, Picker::flights),
            failed: self.failed,
            peers: self.peers.len(),
            offered: self.candidates.len(),
            fetches: self.hybrid.as_ref().map_or(0, |it| it.fetches.len()),
            traffic: &self.traffic,
        }
    }
}

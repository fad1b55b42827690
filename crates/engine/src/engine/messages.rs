//! What a peer says once hands were shaken.

use dolab_content::PieceMap;
use dolab_wire::swarm::{Block, Head};

use super::Engine;
use crate::{
    ConnId, Initiator, Output, PeerViolation,
    connection::Body,
    depth::Depth,
    picker::count_missing,
    session::{Download, Exchange, Session},
};

/// Each such choke makes this device repeat all its requests: a cheap way to keep it busy.
const MAX_FRUITLESS_CHOKES: u32 = 16;

impl Engine {
    pub(super) fn head(&mut self, conn: ConnId, head: Head) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection.clock.received = self.now;
        let mapping = matches!(connection.session, Session::Mapping(_));
        let neutral = matches!(
            head,
            Head::KeepAlive | Head::Opaque { .. } | Head::Bitfield(_)
        );
        if mapping && !neutral {
            // A peer that has nothing may leave its bitfield out (assumed).
            self.bitfield_omitted(conn);
        }
        if let Err(violation) = self.said(conn, mapping, head) {
            self.close(conn, violation.into());
        }
    }

    fn said(&mut self, conn: ConnId, mapping: bool, head: Head) -> Result<(), PeerViolation> {
        match head {
            Head::KeepAlive => {}
            Head::Choke => self.choked(conn)?,
            Head::Unchoke => self.unchoked(conn),
            Head::Interested => self.wants(conn, true),
            Head::NotInterested => self.wants(conn, false),
            Head::Have(piece) => self.has(conn, piece)?,
            Head::Bitfield(_) if !mapping => return Err(PeerViolation::LateBitfield),
            Head::Bitfield(bits) => self.bitfield(conn, &bits)?,
            Head::Request(block) => self.request(conn, block)?,
            Head::Piece(block) => self.piece(conn, block)?,
            Head::Cancel(block) => self.cancelled(conn, block),
            Head::Opaque { len, .. } => self.discard(conn, len),
        }
        Ok(())
    }

    fn bitfield(&mut self, conn: ConnId, bits: &[u8]) -> Result<(), PeerViolation> {
        let content = self
            .connections
            .get(&conn)
            .and_then(|c| c.session.content());
        let Some(swarm) = content.and_then(|content| self.swarms.get(&content)) else {
            return Ok(());
        };
        let theirs = PieceMap::from_bytes(bits, swarm.layout.pieces())?;
        self.mapped(conn, theirs);
        Ok(())
    }

    fn bitfield_omitted(&mut self, conn: ConnId) {
        let content = self
            .connections
            .get(&conn)
            .and_then(|c| c.session.content());
        if let Some(swarm) = content.and_then(|content| self.swarms.get(&content)) {
            let theirs = PieceMap::empty(swarm.layout.pieces());
            self.mapped(conn, theirs);
        }
    }

    /// The peer's pieces are known: the exchange begins.
    fn mapped(&mut self, conn: ConnId, theirs: PieceMap) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let Session::Mapping(joined) = connection.session else {
            return;
        };
        let Some(swarm) = self.swarms.get_mut(&joined.content) else {
            return;
        };
        let wanted = count_missing(&theirs, &swarm.have);
        // Who dialled saw the answer to its handshake; who accepted, that to its own.
        let clock = &connection.clock;
        let round_trip = match conn.initiator() {
            Initiator::Local => clock.joined.since(clock.began),
            Initiator::Remote => self.now.since(clock.joined),
        };
        let depth = Depth::new(swarm.layout.piece_size(), round_trip);
        let exchange = Exchange::new(joined, theirs, wanted, self.now, depth);
        if let Some(picker) = swarm.picker.as_mut().filter(|_| exchange.counted) {
            picker.joined(&exchange.theirs, joined.peer < self.me);
        }
        connection.session = Session::Exchanging(Box::new(exchange));
        self.refresh_interest(conn);
    }

    fn has(&mut self, conn: ConnId, piece: u32) -> Result<(), PeerViolation> {
        let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
        else {
            return Ok(());
        };
        let pieces = exchange.theirs.pieces();
        if piece >= pieces {
            return Err(PeerViolation::HaveOutOfRange { piece, pieces });
        }
        if !exchange.theirs.insert(piece) {
            return Ok(());
        }
        let Some(swarm) = self.swarms.get_mut(&exchange.joined.content) else {
            return Ok(());
        };
        if let Some(picker) = swarm.picker.as_mut().filter(|_| exchange.counted) {
            picker.has(piece);
        }
        if !swarm.have.contains(piece) {
            exchange.wanted += 1;
            self.refresh_interest(conn);
            self.grow_hungry(conn);
        }
        Ok(())
    }

    fn piece(&mut self, conn: ConnId, block: Block) -> Result<(), PeerViolation> {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&conn) else {
            return Ok(());
        };
        let Some(exchange) = connection.exchange_mut() else {
            return Err(PeerViolation::Unrequested(block));
        };
        let content = exchange.joined.content;
        if exchange
            .pipeline_mut()
            .is_some_and(|pipeline| pipeline.answer(block))
        {
            exchange.depth.answered(now, block);
            connection.clock.progress = now;
            connection.body = Some(Body::Receiving(block));
            let Block { piece, offset, len } = block;
            let range = dolab_content::PieceRange {
                content,
                piece,
                offset,
                len,
            };
            self.outputs.push_back(Output::Receive { conn, range });
            return Ok(());
        }
        if !exchange.late.take(block) {
            return Err(PeerViolation::Unrequested(block));
        }
        self.counters.discarded_bytes += u64::from(block.len);
        let kind = self.kind(conn);
        self.waste(content, kind, block.len.into());
        self.discard(conn, block.len);
        Ok(())
    }

    fn discard(&mut self, conn: ConnId, len: u32) {
        if let Some(connection) = self.connections.get_mut(&conn).filter(|_| len > 0) {
            connection.body = Some(Body::Discarding);
            connection.clock.progress = self.now;
            self.outputs.push_back(Output::Discard { conn, len });
        }
    }

    fn unchoked(&mut self, conn: ConnId) {
        let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
        else {
            return;
        };
        if exchange.pipeline().is_none() {
            exchange.download = Download::Unchoked(Default::default());
            self.grow_hungry(conn);
        }
    }

    fn choked(&mut self, conn: ConnId) -> Result<(), PeerViolation> {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&conn) else {
            return Ok(());
        };
        // Behind a body of ours on a slow link, they may not have left yet.
        let may_have_left = !connection.is_sending();
        let Some(exchange) = connection.exchange_mut() else {
            return Ok(());
        };
        if may_have_left
            && exchange
                .pipeline()
                .is_some_and(|pipeline| pipeline.requests() > 0)
        {
            exchange.fruitless += 1;
        }
        if exchange.fruitless == MAX_FRUITLESS_CHOKES {
            return Err(PeerViolation::Teasing(MAX_FRUITLESS_CHOKES));
        }
        self.give_up_all(conn);
        if let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
        {
            exchange.download = Download::Choked { since: now };
        }
        Ok(())
    }
}

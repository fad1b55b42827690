//! From the first bytes of a piece to having it, or finding it bad.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use dolab_content::ContentId;
use dolab_wire::{
    PeerType,
    swarm::{Head, PeerId},
};

use super::Engine;
use crate::{
    BodyOutcome, CloseReason, ConnId, Event, PieceOutcome, SourceId, connection::Body,
    hybrid::Fetch, pipeline::Landed, session::Download,
};

/// A piece that landed whole. Its sender is kept, because the connection may end before the hash
/// is known.
#[derive(Debug)]
pub(super) struct Verifying {
    len: u32,
    remote: SocketAddr,
    kind: PeerType,
    took: Duration,
    sender: Sender,
    /// Whether the content was removed meanwhile.
    pub(super) orphaned: bool,
}

/// Who sent a piece, to be held to account for it.
#[derive(Clone, Copy, Debug)]
enum Sender {
    Peer(PeerId),
    Source(SourceId),
}

impl Verifying {
    /// A piece that came over HTTP.
    pub(super) fn fetched(len: u32, fetch: &Fetch, kind: PeerType, took: Duration) -> Self {
        Self {
            len,
            remote: fetch.remote.unwrap_or(NOWHERE),
            kind,
            took,
            sender: Sender::Source(fetch.source),
            orphaned: false,
        }
    }
}

/// The address of a server that brought a piece before it was said who it is.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl Engine {
    pub(super) fn body_progress(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.clock.received = self.now;
            connection.clock.progress = self.now;
        }
    }

    pub(super) fn body_done(&mut self, conn: ConnId, outcome: BodyOutcome) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection.clock.received = now;
        connection.clock.progress = now;
        let body = connection.body.take();
        let (Some(Body::Receiving(block)), BodyOutcome::Landed) = (body, outcome) else {
            return;
        };
        connection.bytes_down += u64::from(block.len);
        self.counters.bytes_down += u64::from(block.len);
        let (remote, kind) = (connection.remote, connection.kind);
        let Some(exchange) = connection.exchange_mut() else {
            return;
        };
        let joined = exchange.joined;
        let hybrid = self
            .swarms
            .get_mut(&joined.content)
            .and_then(|swarm| swarm.hybrid.as_mut());
        if let Some(hybrid) = hybrid {
            hybrid.peer_brought(now, block.len.into());
        }
        exchange.depth.landed(now, block.len);
        exchange.fruitless = 0;
        let Download::Unchoked(pipeline) = &mut exchange.download else {
            return self.waste(joined.content, kind, block.len.into());
        };
        let landed = pipeline.landed(block);
        if pipeline.pieces() == 0 {
            exchange.depth.idle(now);
        }
        if landed == Landed::Nothing {
            self.waste(joined.content, kind, block.len.into());
        }
        if let Landed::Whole(since) = landed
            && let Some(swarm) = self.swarms.get_mut(&joined.content)
        {
            if let Some(picker) = &mut swarm.picker {
                picker.landed(block.piece);
            }
            let len = swarm.layout.piece_len(block.piece).unwrap_or(0);
            let verifying = Verifying {
                len,
                remote,
                kind,
                took: now.since(since),
                sender: Sender::Peer(joined.peer),
                orphaned: false,
            };
            self.verifying
                .insert((conn, joined.content, block.piece), verifying);
        }
        self.ask(conn);
        self.grow_hungry(conn);
    }

    pub(super) fn piece_done(
        &mut self,
        conn: ConnId,
        content: ContentId,
        piece: u32,
        outcome: PieceOutcome,
    ) {
        let Some(verified) = self.verifying.remove(&(conn, content, piece)) else {
            self.counters.stale_inputs += 1;
            return;
        };
        self.budget.release(content, verified.len.into());
        let counted = outcome == PieceOutcome::Good && !verified.orphaned;
        if !counted {
            self.waste(content, verified.kind, verified.len.into());
        }
        match outcome {
            PieceOutcome::Good if !verified.orphaned => {
                self.stored(conn, content, piece, &verified)
            }
            PieceOutcome::Bad => self.bad(conn, content, piece, &verified),
            PieceOutcome::StoreFailed if !verified.orphaned => {
                self.store_failed(conn, content, piece)
            }
            PieceOutcome::Good | PieceOutcome::StoreFailed => {}
        }
    }

    fn stored(&mut self, conn: ConnId, content: ContentId, piece: u32, by: &Verifying) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.useful = true;
        }
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        if !swarm.have.insert(piece) {
            return self.waste(content, by.kind, by.len.into());
        }
        swarm.traffic.down.add(by.kind, by.len.into());
        let others = swarm
            .picker
            .as_mut()
            .map(|picker| picker.done(piece))
            .unwrap_or_default();
        let (complete, share) = (swarm.have.is_full(), swarm.share);
        let idle = swarm
            .picker
            .as_ref()
            .is_some_and(|picker| picker.flights() == 0);
        let connections = swarm.connections.clone();
        if complete {
            swarm.picker = None;
            swarm.candidates.finish();
            self.roused.insert(content);
            self.hybrids.insert(content);
        }
        self.counters.stored_pieces += 1;
        self.event(Event::PieceStored {
            content,
            piece,
            conn,
            remote: by.remote,
            kind: by.kind,
            took: by.took,
        });
        for other in others {
            self.cancel(other, content, piece);
        }
        for other in connections {
            self.now_here(other, piece, share);
        }
        if complete {
            self.event(Event::Completed { content });
        } else if idle {
            // Who waited for others to bring something waits no more.
            self.rouse_idle(content);
        }
    }

    /// A piece is here now: tells a peer, and wants it no longer of it.
    fn now_here(&mut self, conn: ConnId, piece: u32, share: bool) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        if !connection.is_joined() {
            return;
        }
        let mut sated = false;
        if let Some(exchange) = connection
            .exchange_mut()
            .filter(|x| x.theirs.contains(piece))
        {
            exchange.wanted -= 1;
            sated = exchange.wanted == 0;
        }
        if share {
            self.send(conn, Head::Have(piece));
        }
        if sated {
            self.refresh_interest(conn);
        }
    }

    fn bad(&mut self, conn: ConnId, content: ContentId, piece: u32, by: &Verifying) {
        self.counters.bad_pieces += 1;
        let banned = match by.sender {
            Sender::Peer(peer) => {
                let banned = self.bans.strike(self.now, peer, by.remote.ip());
                self.counters.bans += u64::from(banned);
                banned
            }
            Sender::Source(source) => self.source_sent_bad(content, source),
        };
        let picker = self
            .swarms
            .get_mut(&content)
            .and_then(|swarm| swarm.picker.as_mut());
        if let Some(picker) = picker.filter(|_| !by.orphaned) {
            picker.lost(piece, conn, true);
        }
        self.event(Event::PieceBad {
            content,
            piece,
            conn,
            remote: by.remote,
            kind: by.kind,
            banned,
        });
        if banned && !conn.is_fetch() {
            self.close_banned();
        }
        self.rouse_idle(content);
    }

    fn close_banned(&mut self) {
        let banned = self.connections.iter().filter(|(_, connection)| {
            let peer = connection.session.joined().map(|joined| joined.peer);
            self.bans
                .address(self.now, connection.remote.ip())
                .is_some()
                || peer.is_some_and(|peer| self.bans.peer(self.now, peer).is_some())
        });
        let banned: Vec<ConnId> = banned.map(|(conn, _)| conn).collect();
        for conn in banned {
            self.close(conn, CloseReason::Banned);
        }
    }

    fn store_failed(&mut self, conn: ConnId, content: ContentId, piece: u32) {
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        if let Some(picker) = &mut swarm.picker {
            picker.lost(piece, conn, true);
        }
        if swarm.failed || swarm.picker.is_none() {
            return;
        }
        self.fail(content);
        self.event(Event::Failed { content, piece });
    }

    /// Nothing more is fetched of a content.
    pub(super) fn fail(&mut self, content: ContentId) {
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        swarm.failed = true;
        swarm.candidates.finish();
        self.roused.insert(content);
        self.hybrids.insert(content);
        for conn in swarm.connections.clone() {
            self.stop_fetching(conn, content);
        }
        self.end_fetches(content);
    }

    fn stop_fetching(&mut self, conn: ConnId, content: ContentId) {
        let exchange = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut());
        let Some(pipeline) = exchange.and_then(|exchange| exchange.pipeline_mut()) else {
            return self.refresh_interest(conn);
        };
        let lost = pipeline.give_up_all();
        for lost in &lost {
            self.withdraw(conn, content, lost, true);
        }
        let kind = self.kind(conn);
        self.reopen(conn, kind, content, &lost);
        self.refresh_interest(conn);
    }
}

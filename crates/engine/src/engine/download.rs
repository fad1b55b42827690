//! From wanting a piece to having asked for it, or having to give it up.

use dolab_content::ContentId;
use dolab_wire::{PeerType, swarm::Head};

use super::Engine;
use crate::{
    ConnId, Output, Reason, cap::is_bound, pipeline::Lost, session::Download, timers::Timer,
};

/// What came of trying to ask a peer for one more piece.
enum Fed {
    /// It was asked.
    Piece,
    /// It has nothing more for us now, or enough to do.
    Enough,
    /// It would be asked if the budget allowed it.
    OutOfBudget,
}

impl Engine {
    /// Says whether the peer has something for us, when that changed.
    pub(super) fn refresh_interest(&mut self, conn: ConnId) {
        let now = self.now;
        let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
        else {
            return;
        };
        let fetches = self
            .swarms
            .get(&exchange.joined.content)
            .is_some_and(|s| s.fetches());
        let interested = fetches && exchange.wanted > 0;
        if interested == exchange.interested {
            return;
        }
        exchange.interested = interested;
        let content = exchange.joined.content;
        if let Some(swarm) = self.swarms.get_mut(&content) {
            if interested {
                swarm.deliverers += 1;
            } else {
                swarm.deliverers -= 1;
            }
        }
        if let Download::Choked { since } = &mut exchange.download {
            *since = now;
        }
        self.rouse_http(content);
        self.send(
            conn,
            if interested {
                Head::Interested
            } else {
                Head::NotInterested
            },
        );
    }

    /// Queues a connection for a part of the budget.
    pub(super) fn grow_hungry(&mut self, conn: ConnId) {
        let exchange = self.connections.get(&conn).and_then(|c| c.exchange());
        let Some(exchange) = exchange.filter(|exchange| exchange.interested) else {
            return;
        };
        let Some(pipeline) = exchange.pipeline() else {
            return;
        };
        let content = exchange.joined.content;
        self.budget.wait(content, conn, pipeline.pieces());
    }

    /// Asks for pieces, as far as the budget reaches.
    pub(super) fn serve(&mut self) {
        while let Some(conn) = self.budget.next() {
            match self.feed(conn) {
                Fed::OutOfBudget => break,
                Fed::Enough => self.budget.stop_waiting(conn),
                Fed::Piece => {
                    self.budget.stop_waiting(conn);
                    self.grow_hungry(conn);
                }
            }
        }
    }

    fn feed(&mut self, conn: ConnId) -> Fed {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&conn) else {
            return Fed::Enough;
        };
        let (bytes_down, kind) = (connection.bytes_down, connection.kind);
        let Some(exchange) = connection.exchange_mut() else {
            return Fed::Enough;
        };
        let content = exchange.joined.content;
        let target = exchange
            .depth
            .target()
            .min(self.config.max_outstanding_per_connection);
        let (interested, counted) = (exchange.interested, exchange.counted);
        let Download::Unchoked(pipeline) = &mut exchange.download else {
            return Fed::Enough;
        };
        let Some(swarm) = self.swarms.get_mut(&content).filter(|_| interested) else {
            return Fed::Enough;
        };
        let Some(picker) = &mut swarm.picker else {
            return Fed::Enough;
        };
        let idle = pipeline.pieces() == 0;
        let piece_size = u64::from(swarm.layout.piece_size());
        let crowded = picker.sharers() > 1;
        let full = pipeline.is_asking()
            || crowded && exchange.depth.is_slow(now, piece_size)
            || !exchange.depth.wants_more(pipeline.bytes(), target)
            || pipeline.bytes() + piece_size > self.config.max_outstanding_per_connection
            || pipeline.requests() >= self.config.max_requests_per_connection;
        if full && !idle {
            return Fed::Enough;
        }
        if !self.budget.allows(content, piece_size) {
            return Fed::OutOfBudget;
        }
        let priority = swarm.rules.priority;
        if is_bound(kind) {
            let cap = self.caps.download(priority);
            if let Err(at) = cap.ready(now) {
                cap.wait(conn);
                let at = at.map(|at| (at, Reason::Rate));
                self.timers.set(Timer::Download(priority), at);
                return Fed::Enough;
            }
        }
        let was_exhausted = picker.is_exhausted();
        let again = |picker: &crate::picker::Picker| {
            picker.pick_again(&exchange.theirs, conn, self.config.endgame_copies)
        };
        // A seeder that gave this device no more than its part is scarce: what is not of our own
        // share will come from those whose share it is.
        let have = u64::from(swarm.have.count()) * piece_size;
        let scarce = u64::from(2 * picker.sharers()) * bytes_down < 3 * have;
        let own = crowded && !counted && scarce && picker.flights() > 0;
        let picked = picker.pick(&exchange.theirs, counted, own);
        let picked = picked.or_else(|| idle.then(|| again(picker)).flatten());
        let Some(piece) = picked else {
            return Fed::Enough;
        };
        let Some(len) = swarm.layout.piece_len(piece) else {
            return Fed::Enough;
        };
        picker.begin(piece, conn);
        pipeline.begin(piece, len, now);
        if is_bound(kind) {
            self.caps.download(priority).take(now, len.into());
        }
        let endgame = !was_exhausted && picker.is_exhausted();
        self.budget.take(content, len.into());
        self.ask(conn);
        if endgame {
            self.rouse_idle(content);
        }
        Fed::Piece
    }

    /// Sends the requests of the piece that was begun last, as far as the depth allows.
    pub(super) fn ask(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let receiving = connection.body.is_some();
        let Some(exchange) = connection.exchange_mut() else {
            return;
        };
        let target = exchange
            .depth
            .target()
            .min(self.config.max_outstanding_per_connection);
        let Download::Unchoked(pipeline) = &mut exchange.download else {
            return;
        };
        let mut heads = Vec::new();
        let was_idle = pipeline.requests() == 0 && !receiving;
        while pipeline.requests() == 0
            || pipeline.bytes() < target
                && pipeline.requests() < self.config.max_requests_per_connection
        {
            let Some(block) = pipeline.ask(self.config.request_size) else {
                break;
            };
            if was_idle && heads.is_empty() {
                exchange.depth.asked_first(self.now, block);
            }
            heads.push(Head::Request(block));
        }
        if was_idle && !heads.is_empty() {
            connection.clock.progress = self.now;
        }
        for head in heads {
            self.send(conn, head);
        }
    }

    /// Lets those peers of a content that have nothing to do look again.
    pub(super) fn rouse_idle(&mut self, content: ContentId) {
        self.rouse_http(content);
        let Some(swarm) = self.swarms.get(&content).filter(|swarm| swarm.fetches()) else {
            return;
        };
        for conn in swarm.connections.clone() {
            self.grow_hungry(conn);
        }
    }

    /// Gives up a piece that came over another connection.
    pub(super) fn cancel(&mut self, conn: ConnId, content: ContentId, piece: u32) {
        if conn.is_fetch() {
            return self.skip(conn, content, piece);
        }
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let kind = connection.kind;
        let exchange = connection.exchange_mut();
        let pipeline = exchange.and_then(|exchange| exchange.pipeline_mut());
        if let Some(lost) = pipeline.and_then(|pipeline| pipeline.give_up(piece)) {
            self.budget.release(content, lost.len.into());
            self.waste(content, kind, lost.landed.into());
            self.withdraw(conn, content, &lost, true);
            self.grow_hungry(conn);
        }
    }

    /// Gives up everything that is under way over a connection which stays.
    pub(super) fn give_up_all(&mut self, conn: ConnId) {
        let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
        else {
            return;
        };
        let content = exchange.joined.content;
        let Some(pipeline) = exchange.pipeline_mut() else {
            return;
        };
        let lost = pipeline.give_up_all();
        for lost in &lost {
            self.withdraw(conn, content, lost, false);
        }
        let kind = self.kind(conn);
        self.reopen(conn, kind, content, &lost);
    }

    /// Tells the driver, and with `cancel` the peer, that a piece is not awaited any more.
    pub(super) fn withdraw(&mut self, conn: ConnId, content: ContentId, lost: &Lost, cancel: bool) {
        if cancel {
            for &block in &lost.unanswered {
                self.send(conn, Head::Cancel(block));
            }
        }
        let most = 2 * self.config.max_requests_per_connection;
        if let Some(connection) = self.connections.get_mut(&conn)
            && let Some(exchange) = connection.exchange_mut()
        {
            exchange.late.expect(lost.unanswered.clone(), most);
            if exchange
                .pipeline()
                .is_some_and(|pipeline| pipeline.pieces() == 0)
            {
                exchange.depth.idle(self.now);
            }
        }
        if lost.begun {
            self.outputs.push_back(Output::Abandon {
                conn,
                content,
                piece: lost.piece,
            });
        }
    }

    /// Pieces that were under way over a connection are not any more: others may take them.
    pub(super) fn reopen(
        &mut self,
        conn: ConnId,
        kind: PeerType,
        content: ContentId,
        lost: &[Lost],
    ) {
        if lost.is_empty() {
            return;
        }
        let len = lost.iter().map(|lost| u64::from(lost.len)).sum();
        self.budget.release(content, len);
        let landed = lost.iter().map(|lost| u64::from(lost.landed)).sum();
        self.waste(content, kind, landed);
        if let Some(picker) = self
            .swarms
            .get_mut(&content)
            .and_then(|s| s.picker.as_mut())
        {
            for lost in lost {
                picker.lost(lost.piece, conn, false);
            }
        }
        self.rouse_idle(content);
    }
}

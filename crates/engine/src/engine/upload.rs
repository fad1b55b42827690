//! From a peer's wish to bytes that leave.

use std::collections::{BTreeSet, VecDeque};

use dolab_content::{ContentId, PieceRange};
use dolab_wire::swarm::{Block, Head};

use super::Engine;
use crate::{
    CloseReason, ConnId, Output, PeerViolation, Reason,
    cap::is_bound,
    connection::Unsent,
    lanes::Pace,
    session::{Upload, Use},
    timers::Timer,
};

/// For how many rotations a peer may keep its slot until it has got a whole piece.
const PATIENT_ROTATIONS: u32 = 4;

impl Engine {
    /// The peer said whether it wants pieces.
    pub(super) fn wants(&mut self, conn: ConnId, wants: bool) {
        let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
        else {
            return;
        };
        if exchange.wants == wants {
            return;
        }
        exchange.wants = wants;
        let content = exchange.joined.content;
        if !wants {
            return self.rest(conn, content);
        }
        self.admit(conn, content);
    }

    /// Lets a peer that wants pieces stand in line for a slot.
    pub(super) fn admit(&mut self, conn: ConnId, content: ContentId) {
        let (ticket, content_ticket) = (self.ticket(), self.ticket());
        if !self.caps.may_serve(self.kind(conn)) {
            return self.choke(conn);
        }
        let Some(swarm) = self.swarms.get_mut(&content).filter(|swarm| swarm.share) else {
            return;
        };
        let granted = swarm.uploads.join(conn, ticket);
        let active = self.slots.join(content, content_ticket);
        if granted && active {
            self.unchoke(conn);
        } else {
            self.choke(conn);
            self.displace_idlers();
        }
    }

    /// A connection is not to be served any more. Its slot goes to the next.
    pub(super) fn leave_uploads(&mut self, conn: ConnId, content: ContentId) {
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        let successor = swarm.uploads.leave(conn);
        if swarm.uploads.is_empty() {
            if let Some(next) = self.slots.leave(content) {
                self.unchoke_holders(next);
            }
        } else if let Some(next) = successor.filter(|_| self.slots.holds(content)) {
            self.unchoke(next);
        }
    }

    /// Hands slots on (documented: they rotate): first among the peers of each content that has
    /// one, then among the contents.
    fn rotate(&mut self) {
        let active: Vec<ContentId> = self.slots.holders().collect();
        for content in active {
            let holders = self.holders(content);
            let keep: BTreeSet<_> = holders
                .into_iter()
                .filter(|&c| self.is_mid_piece(c))
                .collect();
            let Some(swarm) = self.swarms.get_mut(&content) else {
                continue;
            };
            let turn = swarm.uploads.turn(|conn| keep.contains(&conn));
            turn.out.into_iter().for_each(|conn| self.choke(conn));
            turn.into.into_iter().for_each(|conn| self.unchoke(conn));
        }
        let mid_piece = |content: &ContentId| {
            self.holders(*content)
                .into_iter()
                .any(|conn| self.is_mid_piece(conn))
        };
        let keep: BTreeSet<ContentId> = self.slots.holders().filter(mid_piece).collect();
        let turn = self.slots.turn(|content| keep.contains(&content));
        for content in turn.out {
            self.choke_holders(content);
        }
        for content in turn.into {
            self.unchoke_holders(content);
        }
    }

    /// Takes slots from those who take nothing, when others wait: a peer that asks and never reads
    /// must not keep others from being served.
    fn displace_idlers(&mut self) {
        let active: Vec<ContentId> = self.slots.holders().collect();
        for content in active {
            let holders = self.holders(content);
            let idlers: Vec<_> = holders
                .iter()
                .copied()
                .filter(|&c| self.is_idle(c))
                .collect();
            if idlers.len() == holders.len()
                && let Some(next) = self.slots.displace(content)
            {
                self.choke_holders(content);
                self.unchoke_holders(next);
            }
            for idler in idlers {
                let swarm = self.swarms.get_mut(&content);
                if let Some(next) = swarm.and_then(|swarm| swarm.uploads.displace(idler)) {
                    self.choke(idler);
                    if self.slots.holds(content) {
                        self.unchoke(next);
                    }
                }
            }
        }
    }

    /// Looks at who has slots, while anybody waits for one.
    pub(super) fn review_slots(&mut self) {
        self.displace_idlers();
        if self.now >= self.next_rotation {
            self.rotate();
            self.next_rotation = self.now + self.config.rotation_interval;
        }
    }

    /// Keeps the timer of the slots running while anybody waits for one.
    pub(super) fn time_slots(&mut self) {
        let crowded = !self.stopped && self.is_crowded();
        if !crowded {
            self.timers.set(Timer::Rotation, None);
        } else if !self.timers.is_set(Timer::Rotation) {
            if self.next_rotation <= self.now {
                self.next_rotation = self.now + self.config.rotation_interval;
            }
            let review = self.now + self.config.slot_patience / 2;
            let at = review.min(self.next_rotation);
            self.timers
                .set(Timer::Rotation, Some((at, Reason::Rotation)));
        }
    }

    fn use_made(&self, conn: ConnId) -> Option<(Use, u64)> {
        let exchange = self.connections.get(&conn)?.exchange()?;
        let swarm = self.swarms.get(&exchange.joined.content)?;
        match exchange.upload {
            Upload::Choked { .. } => None,
            Upload::Unchoked { use_made, .. } => Some((use_made, swarm.layout.piece_size().into())),
        }
    }

    /// Whether a peer has a slot and takes nothing.
    fn is_idle(&self, conn: ConnId) -> bool {
        let patience = self.config.slot_patience;
        !self.lanes.is_waiting(conn)
            && self
                .use_made(conn)
                .is_some_and(|(made, _)| self.now.since(made.taken) >= patience)
    }

    /// Whether a peer with a slot has not got a whole piece yet: what it got would be lost with
    /// the slot, and if it were so each time, it would never get any.
    fn is_mid_piece(&self, conn: ConnId) -> bool {
        let most = self.config.rotation_interval * PATIENT_ROTATIONS;
        self.use_made(conn).is_some_and(|(made, piece_size)| {
            made.bytes < piece_size && self.now.since(made.since) < most
        })
    }

    /// Whether anyone waits for a slot.
    pub(super) fn is_crowded(&self) -> bool {
        let crowded = |content| {
            self.swarms
                .get(&content)
                .is_some_and(|s| s.uploads.is_crowded())
        };
        self.slots.is_crowded() || self.slots.holders().any(crowded)
    }

    fn choke_holders(&mut self, content: ContentId) {
        let holders = self.holders(content);
        holders.into_iter().for_each(|conn| self.choke(conn));
    }

    fn unchoke_holders(&mut self, content: ContentId) {
        let holders = self.holders(content);
        holders.into_iter().for_each(|conn| self.unchoke(conn));
    }

    pub(super) fn holders(&self, content: ContentId) -> Vec<ConnId> {
        let swarm = self.swarms.get(&content);
        swarm
            .map(|swarm| swarm.uploads.holders().collect())
            .unwrap_or_default()
    }

    fn unchoke(&mut self, conn: ConnId) {
        let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
        else {
            return;
        };
        let content = exchange.joined.content;
        let fresh = Use {
            since: self.now,
            taken: self.now,
            bytes: 0,
        };
        match &mut exchange.upload {
            Upload::Unchoked { use_made, .. } => {
                if self.resting.remove(&(content, conn)) {
                    *use_made = fresh;
                }
            }
            choked @ Upload::Choked { .. } => {
                *choked = Upload::Unchoked {
                    queue: VecDeque::new(),
                    use_made: fresh,
                };
                self.send(conn, Head::Unchoke);
            }
        }
        self.end_rests(content);
    }

    pub(super) fn choke(&mut self, conn: ConnId) {
        if let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
            && let Upload::Unchoked { .. } = exchange.upload
        {
            exchange.upload = Upload::Choked {
                crossing: self.config.max_requests_per_connection,
            };
            self.resting.remove(&(exchange.joined.content, conn));
            self.send(conn, Head::Choke);
        }
    }

    pub(super) fn request(&mut self, conn: ConnId, block: Block) -> Result<(), PeerViolation> {
        let most = self.config.max_requests_per_connection;
        let exchange = self.connections.get(&conn).and_then(|c| c.exchange());
        if exchange.is_some_and(|exchange| !exchange.wants) {
            // It rests: whoever asks has to want first.
            self.choke(conn);
        }
        let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
        else {
            return Ok(());
        };
        let Some(swarm) = self.swarms.get(&exchange.joined.content) else {
            return Ok(());
        };
        let end = u64::from(block.offset) + u64::from(block.len);
        let len = swarm.layout.piece_len(block.piece);
        if block.len == 0 || len.is_none_or(|len| end > len.into()) {
            return Err(PeerViolation::RequestOutOfRange(block));
        }
        if !swarm.offers(block.piece) {
            return Err(PeerViolation::RequestNotOffered(block.piece));
        }
        match &mut exchange.upload {
            Upload::Choked { crossing: 0 } => {
                return Err(PeerViolation::RequestWhileChoked(block.piece));
            }
            Upload::Choked { crossing } => {
                *crossing -= 1;
                self.counters.crossed_requests += 1;
            }
            Upload::Unchoked { .. } if swarm.withdrawn.contains(&block.piece) => {
                // It was offered to this peer, which can not be told otherwise: the next
                // connection's bitfield can.
                self.close(conn, CloseReason::SourceFailed);
            }
            Upload::Unchoked { queue, .. } if queue.len() >= most => {
                return Err(PeerViolation::TooManyRequests(most));
            }
            Upload::Unchoked { queue, .. } => {
                queue.push_back(block);
                self.hand_over(conn);
            }
        }
        Ok(())
    }

    pub(super) fn cancelled(&mut self, conn: ConnId, block: Block) {
        if let Some(exchange) = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.exchange_mut())
            && let Upload::Unchoked { queue, .. } = &mut exchange.upload
            && let Some(at) = queue.iter().position(|queued| *queued == block)
        {
            queue.remove(at);
        }
    }

    pub(super) fn body_sent(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let Some(body) = connection.unsent.pop_front() else {
            return;
        };
        let sent = body.len;
        self.counters.bytes_up += u64::from(sent);
        if let Some(next) = connection.unsent.front_mut() {
            next.before = self.counters.bytes_up;
        }
        let done = connection.unsent.is_empty();
        let is_behind = self.is_behind(&body);
        self.senders -= usize::from(done);
        self.set_pace(conn, Pace::of(self.now.since(body.since), is_behind));
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        if self.lanes.is_busy(conn) {
            self.lanes.sent(self.now, sent);
        }
        if done {
            self.lanes.leave(conn);
        }
        connection.bytes_up += u64::from(sent);
        let content = connection.session.content();
        if let Some(swarm) = content.and_then(|content| self.swarms.get_mut(&content)) {
            swarm.traffic.up.add(connection.kind, sent.into());
        }
        self.takes(conn, sent);
        // Behind those who wait already.
        let connection = self.connections.get(&conn);
        let asks = connection
            .and_then(|it| it.exchange())
            .is_some_and(|x| x.queued() > 0);
        if asks && self.needs_lane(conn) {
            self.lanes.wait(conn, self.now);
        } else {
            self.hand_over(conn);
        }
    }

    pub(super) fn send_progress(&mut self, conn: ConnId) {
        self.takes(conn, 0);
    }

    /// The peer takes what it asked for, and now has a body of so many bytes more.
    fn takes(&mut self, conn: ConnId, bytes: u32) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection.clock.taken = self.now;
        connection.clock.sent = self.now;
        let Some(exchange) = connection.exchange_mut() else {
            return;
        };
        let Upload::Unchoked { use_made, .. } = &mut exchange.upload else {
            return;
        };
        use_made.taken = self.now;
        use_made.bytes += u64::from(bytes);
        if let Some(swarm) = self.swarms.get_mut(&exchange.joined.content)
            && use_made.bytes >= u64::from(swarm.layout.piece_size())
        {
            swarm.uploads.forgive(conn);
            self.slots.forgive(exchange.joined.content);
        }
    }

    /// Hands bodies to the driver, as many as it may have.
    pub(super) fn hand_over(&mut self, conn: ConnId) {
        let (now, needs_lane) = (self.now, self.needs_lane(conn));
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let kind = connection.kind;
        let most = match connection.pace {
            Pace::Brisk => self.config.max_unsent_bodies,
            Pace::Fair if needs_lane => 1,
            Pace::Fair | Pace::Late => (self.config.max_unsent_bodies / 2).max(1),
        };
        let mut room = most.saturating_sub(connection.unsent.len());
        while room > 0 {
            let Some(exchange) = connection.exchange_mut() else {
                return;
            };
            let content = exchange.joined.content;
            let Upload::Unchoked { queue, use_made } = &mut exchange.upload else {
                return;
            };
            let Some(&block) = queue.front() else {
                return;
            };
            if is_bound(kind)
                && let Err(at) = self.caps.upload.ready(now)
            {
                self.caps.upload.wait(conn);
                let at = at.map(|at| (at, Reason::Rate));
                return self.timers.set(Timer::Upload, at);
            }
            if needs_lane {
                if !self.lanes.enter(conn, now) {
                    return;
                }
                // It took nothing while it waited for us.
                use_made.taken = now;
            }
            if is_bound(kind) {
                if !self.caps.spend(kind, block.len.into()) {
                    self.lanes.leave(conn);
                    return self.end_internet_uploads();
                }
                self.caps.upload.take(now, block.len.into());
            }
            queue.pop_front();
            if connection.unsent.is_empty() {
                connection.clock.taken = self.now;
                self.senders += 1;
            }
            connection.unsent.push_back(Unsent {
                len: block.len,
                since: now,
                before: self.counters.bytes_up,
            });
            let Block { piece, offset, len } = block;
            if let Some(swarm) = self.swarms.get_mut(&content) {
                swarm.hands_over(piece);
            }
            let body = Some(PieceRange {
                content,
                piece,
                offset,
                len,
            });
            self.outputs.push_back(Output::Send {
                conn,
                head: Head::Piece(block),
                body,
            });
            room -= 1;
        }
    }

    /// This host could not read what it offered; the driver has closed the connection.
    pub(super) fn source_failed(&mut self, conn: ConnId, range: PieceRange) {
        if let Some(swarm) = self.swarms.get_mut(&range.content) {
            swarm.withdrawn.insert(range.piece);
        }
        self.gone(conn, CloseReason::SourceFailed);
    }
}

//! The end of a connection.

use super::Engine;
use crate::{
    CloseReason, ConnId, Event, Output, Reason,
    candidates::Tried,
    connection::Connection,
    session::{Download, Session},
    timers::Timer,
};
use rand::Rng;

impl Engine {
    /// Closes a connection.
    pub(super) fn close(&mut self, conn: ConnId, why: CloseReason) {
        if self.connections.contains_key(&conn) {
            self.outputs.push_back(Output::Close {
                conn,
                why: why.clone(),
            });
            self.gone(conn, why);
        }
    }

    /// Clears up after a connection that the driver has no longer.
    pub(super) fn gone(&mut self, conn: ConnId, why: CloseReason) {
        self.budget.stop_waiting(conn);
        let Some(connection) = self.connections.remove(&conn) else {
            return;
        };
        self.timers.set(Timer::Connection(conn), None);
        self.lanes.forget(conn);
        self.senders -= usize::from(connection.is_sending());
        self.addresses.remove(connection.remote);
        self.count(&why);
        self.event(Event::PeerLeft {
            conn,
            content: connection.session.content(),
            remote: connection.remote,
            bytes_down: connection.bytes_down,
            bytes_up: connection.bytes_up,
            why: why.clone(),
        });
        self.leave_swarm(conn, connection, &why);
        self.roused.append(&mut self.waiting_for_room);
    }

    fn leave_swarm(&mut self, conn: ConnId, connection: Connection, why: &CloseReason) {
        let Some(content) = connection.session.content() else {
            return;
        };
        self.resting.remove(&(content, conn));
        let jitter = self.rng.next_u32();
        let banned = self.bans.address(self.now, connection.remote.ip());
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        swarm.connections.remove(&conn);
        if let Some(joined) = connection.session.joined() {
            swarm.peers.remove(&(joined.peer, conn));
        }
        if connection.candidate {
            let tried = match (why, banned) {
                (CloseReason::SelfConnection, _) => Tried::Myself,
                (CloseReason::Banned, Some(until)) => Tried::Banned(until),
                _ if connection.useful => Tried::Useful,
                _ => Tried::Useless,
            };
            let (now, addr) = (self.now, connection.remote);
            swarm
                .candidates
                .ended(now, addr, tried, why, jitter, &self.config);
        }
        self.roused.insert(content);
        let Session::Exchanging(exchange) = connection.session else {
            return;
        };
        if let Some(picker) = swarm.picker.as_mut().filter(|_| exchange.counted) {
            picker.left(&exchange.theirs, exchange.joined.peer < self.me);
        }
        swarm.deliverers -= usize::from(exchange.interested);
        self.rouse_http(content);
        self.leave_uploads(conn, content);
        if let Download::Unchoked(mut pipeline) = exchange.download {
            let kind = connection.kind;
            self.reopen(conn, kind, content, &pipeline.give_up_all());
        }
    }

    fn count(&mut self, why: &CloseReason) {
        let counters = &mut self.counters;
        match why {
            CloseReason::Violation(_) => counters.violations += 1,
            CloseReason::Wire(_) => counters.malformed += 1,
            CloseReason::UnknownSwarm => counters.unknown_swarms += 1,
            CloseReason::TimedOut(Reason::Dial) | CloseReason::DialFailed(_) => {
                counters.dial_failures += 1;
            }
            CloseReason::TimedOut(_) => counters.timeouts += 1,
            CloseReason::Banned => counters.banned += 1,
            CloseReason::PieceSize { .. }
            | CloseReason::SelfConnection
            | CloseReason::Duplicate
            | CloseReason::TooManyConnections
            | CloseReason::NothingToDo
            | CloseReason::NoPeers
            | CloseReason::Stopped
            | CloseReason::Closed
            | CloseReason::Reset
            | CloseReason::SourceFailed => {}
        }
    }
}

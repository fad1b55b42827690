//! Who is sent to next, where not all can be at a time.

use std::time::Duration;

use super::Engine;
use crate::{
    Config, ConnId, Reason, connection::Unsent, lanes::Pace, session::Upload, timers::Timer,
};

/// Who waited so long is next whatever it asked for.
const PATIENCE: Duration = Duration::from_secs(1);

impl Engine {
    /// Whether a connection has to stand in line.
    pub(super) fn needs_lane(&self, conn: ConnId) -> bool {
        let connection = self.connections.get(&conn);
        connection.is_some_and(|connection| connection.pace == Pace::Fair)
    }

    /// Hands out the lanes that are free. A piece that left here less often goes before others: its
    /// receiver can pass it on, and who asks for the others may get them elsewhere meanwhile.
    pub(super) fn fill_lanes(&mut self) {
        let now = self.now;
        loop {
            let (connections, swarms) = (&self.connections, &self.swarms);
            let next = self.lanes.next(|conn, since| {
                let exchange = connections.get(&conn)?.exchange()?;
                let Upload::Unchoked { queue, .. } = &exchange.upload else {
                    return None;
                };
                let piece = queue.front()?.piece;
                let swarm = swarms.get(&exchange.joined.content)?;
                let copies = swarm.copies_sent.get(piece as usize).copied();
                let patient = now.since(since) < PATIENCE;
                Some((patient, copies.unwrap_or_default()))
            });
            let Some(next) = next else { break };
            self.hand_over(next);
        }
        let review = self.lanes.review(Config::LATE);
        let review = review.map(|at| (at, Reason::Lane));
        self.timers.set(Timer::Lane, review);
    }

    /// Takes their lanes from those whose bodies take too long: it is not our way out that they
    /// wait for.
    pub(super) fn clear_lanes(&mut self) {
        for (conn, since) in self.lanes.look(self.now) {
            let Some(connection) = self.connections.get(&conn) else {
                continue;
            };
            let is_stuck = self.now.since(connection.clock.taken) >= Config::LATE;
            let body = connection.unsent.front();
            let is_late = is_stuck || body.is_some_and(|body| self.is_behind(body));
            if is_late && self.now.since(since) >= Config::LATE {
                self.lanes.leave(conn);
                self.set_pace(conn, Pace::Late);
                self.hand_over(conn);
            }
        }
    }

    /// Whether others got more than twice the part of what left since a body's turn came that would
    /// have been its own. Where our way out is what all wait for, nobody is behind.
    pub(super) fn is_behind(&self, body: &Unsent) -> bool {
        let meanwhile = self.counters.bytes_up - body.before;
        meanwhile > 2 * self.senders as u64 * u64::from(body.len)
    }

    pub(super) fn set_pace(&mut self, conn: ConnId, pace: Pace) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.pace = pace;
        }
    }
}

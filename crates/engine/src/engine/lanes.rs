//! Who is sent to next, where not all can be at a time.

use std::time::Duration;

use super::Engine;
use crate::{Config, ConnId, Reason, lanes::Pace, session::Upload, timers::Timer};

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
        let held = self.lanes.held_since();
        let review = held.map(|since| (since + Config::LATE, Reason::Lane));
        self.timers.set(Timer::Lane, review);
    }

    /// Takes their lanes from those whose bodies take too long: it is not our way out that they
    /// wait for.
    pub(super) fn clear_lanes(&mut self) {
        for conn in self.lanes.clear(self.now, Config::LATE) {
            self.set_pace(conn, Pace::Late);
            self.hand_over(conn);
        }
    }

    pub(super) fn set_pace(&mut self, conn: ConnId, pace: Pace) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.pace = pace;
        }
    }
}

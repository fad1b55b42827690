//! Peers that gave their upload slot back and are not choked for it.
//!
//! In a swarm a device wants something of another whenever that got a piece, and nothing as soon as
//! it has the piece itself. Were it choked in between, its next request would cross the choke, be
//! answered behind the unchoke, and be sent a second time by a device that takes a choke for the
//! end of all its requests. So a tenth of all pieces went twice (seen on the virtual clock, and
//! measured: docs/performance.md, "Swarm").

use dolab_content::ContentId;

use super::Engine;
use crate::{ConnId, session::Upload};

impl Engine {
    /// The peer wants nothing for now. It is choked where others wait for slots, or where it must
    /// be told that what it asked for will not come; otherwise it rests.
    pub(super) fn rest(&mut self, conn: ConnId, content: ContentId) {
        let contended = self.is_crowded();
        self.leave_uploads(conn, content);
        let exchange = self.connections.get(&conn).and_then(|c| c.exchange());
        match exchange.map(|exchange| &exchange.upload) {
            Some(Upload::Unchoked { queue, .. }) if queue.is_empty() && !contended => {
                self.resting.insert((content, conn));
            }
            _ => self.choke(conn),
        }
    }

    /// Chokes those that rest, as far as their places are wanted: with them no more peers of a
    /// content, and no more contents, may be open than there are slots.
    pub(super) fn end_rests(&mut self, content: ContentId) {
        let (mut here, mut others) = (Vec::new(), Vec::new());
        for &(of, conn) in &self.resting {
            if of == content {
                here.push(conn);
            } else if !self.slots.holds(of) {
                others.push((of, conn));
            }
        }
        let most = self.config.unchoked_per_content;
        let open = self.holders(content).len() + here.len();
        here.truncate(open.saturating_sub(most));
        here.into_iter().for_each(|conn| self.choke(conn));
        let mut contents: Vec<_> = others.iter().map(|&(of, _)| of).collect();
        contents.dedup();
        if self.slots.holders().count() + contents.len() > self.config.upload_contents {
            others.into_iter().for_each(|(_, conn)| self.choke(conn));
        }
    }
}

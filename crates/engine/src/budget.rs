use std::collections::{BTreeMap, BTreeSet};

use dolab_content::ContentId;

use crate::ConnId;

/// Who may begin to fetch one more piece: bounds the bytes of all pieces that are being received
/// or verified, and shares the bound out.
///
/// Contents take turns by what they hold, the peers of a content by what they were asked for. A
/// content may go on while what it holds is less than twice what is free, the rule by which
/// switches share their buffers: one content alone gets two thirds, and one whose disk hangs
/// leaves room for the others.
#[derive(Debug)]
pub(crate) struct Budget {
    max: u64,
    used: u64,
    held: BTreeMap<ContentId, u64>,
    /// Peers that could be asked for more, by pieces in flight and the order in which they came.
    queues: BTreeMap<ContentId, BTreeSet<(usize, u64, ConnId)>>,
    /// Contents with a queue, by what they hold.
    order: BTreeSet<(u64, ContentId)>,
    places: BTreeMap<ConnId, (ContentId, usize, u64)>,
    turns: u64,
    released: bool,
}

impl Budget {
    pub(crate) fn new(max: u64) -> Self {
        Self {
            max,
            used: 0,
            held: BTreeMap::new(),
            queues: BTreeMap::new(),
            order: BTreeSet::new(),
            places: BTreeMap::new(),
            turns: 0,
            released: false,
        }
    }

    /// Bytes of all pieces that are being received or verified.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Whether a content may begin a piece of so many bytes.
    pub(crate) fn allows(&self, content: ContentId, len: u64) -> bool {
        let held = self.held(content);
        let free = self.max.saturating_sub(self.used + len);
        self.used + len <= self.max && (held == 0 || held + len <= 2 * free)
    }

    pub(crate) fn take(&mut self, content: ContentId, len: u64) {
        self.used += len;
        self.hold(content, self.held(content) + len);
    }

    pub(crate) fn release(&mut self, content: ContentId, len: u64) {
        self.used -= len;
        self.released = true;
        self.hold(content, self.held(content) - len);
    }

    /// Whether anything was released since this was last asked.
    pub(crate) fn take_released(&mut self) -> bool {
        std::mem::take(&mut self.released)
    }

    /// Queues a peer that has `pieces` in flight, unless it is queued already.
    pub(crate) fn wait(&mut self, content: ContentId, conn: ConnId, pieces: usize) {
        if self.places.contains_key(&conn) {
            return;
        }
        self.places.insert(conn, (content, pieces, self.turns));
        self.queues
            .entry(content)
            .or_default()
            .insert((pieces, self.turns, conn));
        self.order.insert((self.held(content), content));
        self.turns += 1;
    }

    pub(crate) fn stop_waiting(&mut self, conn: ConnId) {
        let Some((content, pieces, turn)) = self.places.remove(&conn) else {
            return;
        };
        if let Some(queue) = self.queues.get_mut(&content) {
            queue.remove(&(pieces, turn, conn));
            if queue.is_empty() {
                self.queues.remove(&content);
                self.order.remove(&(self.held(content), content));
            }
        }
    }

    /// Who comes next: of the content that holds least, the peer with the least in flight.
    pub(crate) fn next(&self) -> Option<ConnId> {
        let (_, content) = self.order.first()?;
        let (_, _, conn) = self.queues.get(content)?.first()?;
        Some(*conn)
    }

    fn held(&self, content: ContentId) -> u64 {
        self.held.get(&content).copied().unwrap_or(0)
    }

    fn hold(&mut self, content: ContentId, bytes: u64) {
        let was = (self.held(content), content);
        if self.order.remove(&was) {
            self.order.insert((bytes, content));
        }
        if bytes == 0 {
            self.held.remove(&content);
        } else {
            self.held.insert(content, bytes);
        }
    }
}

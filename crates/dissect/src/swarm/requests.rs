use std::collections::{BTreeMap, BTreeSet};

use dolab_wire::swarm::Block;

use crate::event::Moment;

/// Requests without an answer that are remembered, for each direction of a connection.
const MAX_OUTSTANDING: usize = 4096;
/// Blocks that were asked for before, likewise. Those of 64 GiB in whole pieces.
const MAX_ASKED: usize = 65_536;

/// What one side has asked for.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// By piece and offset: length.
    outstanding: BTreeMap<(u32, u32), u32>,
    asked: BTreeSet<(u32, u32)>,
    /// When something came last, or when they began to wait.
    since: Moment,
}

impl Requests {
    pub(super) fn len(&self) -> u64 {
        self.outstanding.len() as u64
    }

    /// A request; whether its block was asked for before.
    pub(super) fn add(&mut self, now: Moment, block: Block) -> bool {
        if self.outstanding.is_empty() {
            self.since = now;
        }
        let key = (block.piece, block.offset);
        if self.outstanding.len() < MAX_OUTSTANDING {
            self.outstanding.insert(key, block.len);
        }
        if self.asked.len() < MAX_ASKED {
            return !self.asked.insert(key);
        }
        self.asked.contains(&key)
    }

    pub(super) fn cancel(&mut self, block: &Block) {
        let key = (block.piece, block.offset);
        self.outstanding.remove(&key);
        // A block that was given back may be asked for again.
        self.asked.remove(&key);
    }

    /// Whether a piece is one of those asked for.
    pub(super) fn expects(&self, block: &Block) -> bool {
        self.outstanding.get(&(block.piece, block.offset)) == Some(&block.len)
    }

    /// A piece came; whether it was asked for, as far as that is remembered.
    pub(super) fn answer(&mut self, block: &Block) -> bool {
        let key = (block.piece, block.offset);
        self.outstanding.remove(&key).is_some() || self.asked.len() == MAX_ASKED
    }

    /// Bytes came: since when they had been waited for, and how many requests waited.
    pub(super) fn progress(&mut self, now: Moment) -> Option<(Moment, u64)> {
        let waited = self.waiting();
        self.since = now;
        waited
    }

    /// Since when requests wait, and how many.
    pub(super) fn waiting(&self) -> Option<(Moment, u64)> {
        (!self.outstanding.is_empty()).then_some((self.since, self.len()))
    }
}

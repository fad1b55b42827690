use crate::{
    arena::Arena,
    entry::{Entry, NONE},
};

/// The registrations in the order in which they end: a list through the entries themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    oldest: u32,
    newest: u32,
}

impl Ages {
    pub(crate) const EMPTY: Self = Self {
        oldest: NONE,
        newest: NONE,
    };

    pub(crate) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Adds one that ends no sooner than all others.
    pub(crate) fn push(&mut self, entries: &mut Arena<Entry>, slot: u32) {
        entries[slot].older = self.newest;
        entries[slot].newer = NONE;
        if self.newest == NONE {
            self.oldest = slot;
        } else {
            entries[self.newest].newer = slot;
        }
        self.newest = slot;
    }

    pub(crate) fn remove(&mut self, entries: &mut Arena<Entry>, slot: u32) {
        let Entry { older, newer, .. } = entries[slot];
        if older == NONE {
            self.oldest = newer;
        } else {
            entries[older].newer = newer;
        }
        if newer == NONE {
            self.newest = older;
        } else {
            entries[newer].older = older;
        }
    }

    /// All of them, the oldest first.
    pub(crate) fn iter<'a>(&self, entries: &'a Arena<Entry>) -> impl Iterator<Item = &'a Entry> {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let entry = (next != NONE).then(|| &entries[next])?;
            next = entry.newer;
            Some(entry)
        })
    }
}

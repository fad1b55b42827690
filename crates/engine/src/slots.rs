use std::collections::{BTreeMap, BTreeSet};

/// Slots that go round among those who want one, in the order of tickets that were drawn for them.
///
/// Upload slots rotate in two such rounds: contents (documented: 4 at a time), and the peers of
/// each content.
#[derive(Debug)]
pub(crate) struct Round<T> {
    slots: usize,
    order: BTreeSet<(u64, T)>,
    tickets: BTreeMap<T, u64>,
    holders: BTreeSet<T>,
    /// Who got a slot last: the next goes to whoever comes behind.
    last: Option<(u64, T)>,
}

/// Who lost and who got a slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Turn<T> {
    pub(crate) out: Vec<T>,
    pub(crate) into: Vec<T>,
}

impl<T: Copy + Ord> Round<T> {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots,
            order: BTreeSet::new(),
            tickets: BTreeMap::new(),
            holders: BTreeSet::new(),
            last: None,
        }
    }

    /// Someone wants a slot. Returns whether there is one for it at once.
    pub(crate) fn join(&mut self, who: T, ticket: u64) -> bool {
        if self.tickets.contains_key(&who) {
            return self.holds(who);
        }
        self.tickets.insert(who, ticket);
        self.order.insert((ticket, who));
        if self.holders.len() == self.slots {
            return false;
        }
        self.holders.insert(who);
        self.last = Some((ticket, who));
        true
    }

    /// Someone wants no slot any more. Returns who gets the one that it had.
    pub(crate) fn leave(&mut self, who: T) -> Option<T> {
        let ticket = self.tickets.remove(&who)?;
        self.order.remove(&(ticket, who));
        if !self.holders.remove(&who) {
            return None;
        }
        let next = self
            .following()
            .find(|&(_, next)| !self.holders.contains(&next))?;
        self.holders.insert(next.1);
        self.last = Some(next);
        Some(next.1)
    }

    /// Hands the slots on to those who wait, for as many as there are.
    pub(crate) fn turn(&mut self) -> Turn<T> {
        if !self.is_crowded() {
            return Turn {
                out: Vec::new(),
                into: Vec::new(),
            };
        }
        let next: Vec<_> = self.following().take(self.slots).collect();
        self.last = next.last().copied();
        let next: BTreeSet<T> = next.into_iter().map(|(_, who)| who).collect();
        let turn = Turn {
            out: self.holders.difference(&next).copied().collect(),
            into: next.difference(&self.holders).copied().collect(),
        };
        self.holders = next;
        turn
    }

    /// Whether more want a slot than there are.
    pub(crate) fn is_crowded(&self) -> bool {
        self.order.len() > self.slots
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(crate) fn holds(&self, who: T) -> bool {
        self.holders.contains(&who)
    }

    pub(crate) fn holders(&self) -> impl Iterator<Item = T> + '_ {
        self.holders.iter().copied()
    }

    /// Everyone once, beginning behind the one who got a slot last.
    fn following(&self) -> impl Iterator<Item = (u64, T)> + '_ {
        let behind = self.order.iter().filter(|&&entry| Some(entry) > self.last);
        let before = self
            .order
            .iter()
            .take_while(|&&entry| Some(entry) <= self.last);
        behind.chain(before).copied()
    }
}

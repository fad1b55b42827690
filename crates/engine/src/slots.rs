use std::collections::{BTreeMap, BTreeSet};

/// Slots that go round among those who want one: whoever had the fewest turns is next, and among
/// equals whose ticket, drawn at random, is lowest. Those who let a slot go to waste come last.
///
/// Upload slots rotate in two such rounds: contents (documented: 4 at a time), and the peers of
/// each content.
#[derive(Debug)]
pub(crate) struct Round<T> {
    slots: usize,
    members: BTreeMap<T, Member>,
    /// Who has no slot, the next one first.
    waiting: BTreeSet<(Member, T)>,
    /// Who has one, since which grant.
    holders: BTreeMap<T, u64>,
    grants: u64,
    /// Turns that those had who were last served: a newcomer counts as if it had had as many, or
    /// else it would be ahead of the others for as long as they were there before it.
    turns: u64,
}

/// A claim to a slot: the lowest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    wasted: u32,
    turns: u64,
    ticket: u64,
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
            members: BTreeMap::new(),
            waiting: BTreeSet::new(),
            holders: BTreeMap::new(),
            grants: 0,
            turns: 0,
        }
    }

    /// Someone wants a slot. Returns whether there is one for it at once.
    pub(crate) fn join(&mut self, who: T, ticket: u64) -> bool {
        if !self.members.contains_key(&who) {
            self.wait(
                who,
                Member {
                    wasted: 0,
                    turns: self.turns,
                    ticket,
                },
            );
            if self.holders.len() < self.slots {
                self.grant(who);
            }
        }
        self.holds(who)
    }

    /// Someone wants no slot any more. Returns who gets the one that it had.
    pub(crate) fn leave(&mut self, who: T) -> Option<T> {
        let member = self.members.remove(&who)?;
        self.waiting.remove(&(member, who));
        self.holders.remove(&who)?;
        let &(_, next) = self.waiting.first()?;
        self.grant(next);
        Some(next)
    }

    /// Someone makes no use of its slot. Returns who gets it, if anybody has a better claim now.
    pub(crate) fn displace(&mut self, who: T) -> Option<T> {
        let mut member = *self.members.get(&who).filter(|_| self.holds(who))?;
        let &(claim, next) = self.waiting.first()?;
        member.wasted = member.wasted.saturating_add(1);
        if claim > member {
            return None;
        }
        self.holders.remove(&who);
        self.wait(who, member);
        self.grant(next);
        Some(next)
    }

    /// Someone made good use of its slot.
    pub(crate) fn forgive(&mut self, who: T) {
        if let Some(member) = self
            .members
            .get_mut(&who)
            .filter(|member| member.wasted > 0)
        {
            self.waiting.remove(&(*member, who));
            member.wasted = 0;
            let member = *member;
            if !self.holds(who) {
                self.waiting.insert((member, who));
            }
        }
    }

    /// Hands the slots on to those who wait, as far as their claims are as good; those who are to
    /// `keep` theirs do.
    pub(crate) fn turn(&mut self, keep: impl Fn(T) -> bool) -> Turn<T> {
        let mut leavers: Vec<_> = self
            .holders
            .iter()
            .map(|(&who, &since)| (since, who))
            .collect();
        leavers.sort_unstable();
        let mut turn = Turn {
            out: Vec::new(),
            into: Vec::new(),
        };
        for (_, who) in leavers.into_iter().filter(|&(_, who)| !keep(who)) {
            let Some((&(claim, next), &member)) = self.waiting.first().zip(self.members.get(&who))
            else {
                break;
            };
            if claim.wasted <= member.wasted {
                self.holders.remove(&who);
                self.grant(next);
                turn.out.push(who);
                turn.into.push(next);
            }
        }
        // Only now, so that nobody gets back at once what it just gave.
        for &who in &turn.out {
            if let Some(&member) = self.members.get(&who) {
                self.waiting.insert((member, who));
            }
        }
        turn
    }

    /// Whether more want a slot than there are.
    pub(crate) fn is_crowded(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn holds(&self, who: T) -> bool {
        self.holders.contains_key(&who)
    }

    pub(crate) fn holders(&self) -> impl Iterator<Item = T> + '_ {
        self.holders.keys().copied()
    }

    fn wait(&mut self, who: T, member: Member) {
        self.members.insert(who, member);
        self.waiting.insert((member, who));
    }

    fn grant(&mut self, who: T) {
        if let Some(member) = self.members.get_mut(&who) {
            self.waiting.remove(&(*member, who));
            self.turns = self.turns.max(member.turns);
            member.turns += 1;
            self.holders.insert(who, self.grants);
            self.grants += 1;
        }
    }
}

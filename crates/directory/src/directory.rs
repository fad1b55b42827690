use std::{net::IpAddr, time::Duration};

use dolab_wire::{
    DownloadMode,
    cloud::{Join, Joined, Leave, MAX_ID_LEN},
    swarm::PeerId,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    Config, Instant, JoinError,
    age::Ages,
    arena::Arena,
    circle::Circle,
    crowd::Crowds,
    draw::draw,
    entry::{Entry, NONE, UNNAMED},
    index::Index,
    names::Names,
};

/// Who joined which content, and who may meet whom.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(crate) config: Config,
    /// The latest moment that anyone told.
    pub(crate) now: Instant,
    chance: ChaCha8Rng,
    pub(crate) entries: Arena<Entry>,
    pub(crate) ages: Ages,
    pub(crate) contents: Names,
    pub(crate) groups: Names,
    index: Index,
    crowds: Crowds,
}

/// What a directory holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Registrations: a device counts once for each content.
    pub registrations: usize,
    /// Contents with a registration.
    pub contents: usize,
    /// Group ids with a registration.
    pub groups: usize,
    /// Sets of registrations that may meet, which is what most of the memory beside the
    /// registrations goes to.
    pub circles: usize,
    /// Memory, in bytes as allocated.
    pub bytes: usize,
}

impl Directory {
    /// An empty directory. The seed decides every random choice.
    pub fn new(config: Config, seed: u64) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut secret = || chance.next_u64();
        Self {
            contents: Names::new(secret()),
            groups: Names::new(secret()),
            index: Index::new(secret()),
            crowds: Crowds::new(secret()),
            config,
            now: Instant(0),
            chance,
            entries: Arena::new(),
            ages: Ages::EMPTY,
        }
    }

    /// Registers a device for a content, or renews its registration, and tells it of others.
    ///
    /// `external` is the address that the join came from. The content is what [`Join::content`]
    /// says. A peer id that joins again replaces its former registration, from whatever address.
    /// A device that may meet nobody, or may not send, is not registered.
    ///
    /// # Errors
    /// When the content has no name or a name is too long, or when a new registration does not
    /// fit any more. A registration whose device moved ends then.
    pub fn join(
        &mut self,
        now: Instant,
        external: IpAddr,
        join: &Join,
    ) -> Result<Joined, JoinError> {
        self.expire(now);
        let content = join.content();
        check("ContentId", content, 1)?;
        let group = join.group_id.as_deref().unwrap_or_default();
        check("GroupId", group, 0)?;
        let group =
            Some(group).filter(|group| !group.is_empty() && join.scope == DownloadMode::Group);

        let ends = self.now + self.config.lifetime;
        let me = Entry::new(
            self.contents.find(content).unwrap_or(UNNAMED),
            group.map(|group| self.groups.find(group).unwrap_or(UNNAMED)),
            external,
            join,
            ends,
        );
        let wanted = (join.peers_wanted as usize).min(self.config.max_peers);
        let peers = draw(&self.entries, &self.crowds, &mut self.chance, &me, wanted);

        let may_be_met = !Circle::of(&me.place).is_empty() && !join.restricted_upload;
        self.register(me, may_be_met, content, group)?;
        Ok(Joined {
            interval: self.config.interval,
            peers,
        })
    }

    /// Ends a registration. Says whether there was one.
    pub fn leave(&mut self, now: Instant, leave: &Leave) -> bool {
        self.expire(now);
        let content = self.contents.find(leave.content());
        let slot = content.and_then(|content| self.find(content, leave.peer_id));
        slot.inspect(|&slot| self.remove(slot)).is_some()
    }

    /// Ends every registration that was not renewed in time. Says how many.
    ///
    /// [`Self::join`] and [`Self::leave`] do so first; to call this now and then gives memory
    /// back sooner.
    pub fn expire(&mut self, now: Instant) -> usize {
        self.now = self.now.max(now);
        let mut ended = 0;
        while let Some(slot) = self.ages.oldest() {
            if self.entries[slot].ends > self.now {
                break;
            }
            self.remove(slot);
            ended += 1;
        }
        ended
    }

    /// When the next registration ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ages.oldest().map(|slot| self.entries[slot].ends)
    }

    /// What it holds.
    pub fn counts(&self) -> Counts {
        Counts {
            registrations: self.entries.len(),
            contents: self.contents.len(),
            groups: self.groups.len(),
            circles: self.crowds.len(),
            bytes: self.bytes(),
        }
    }

    /// How long a registration lasts.
    pub fn lifetime(&self) -> Duration {
        self.config.lifetime
    }

    /// Puts a registration in the place of the one that the same peer has, if any.
    pub(crate) fn register(
        &mut self,
        mut me: Entry,
        may_be_met: bool,
        content: &str,
        group: Option<&str>,
    ) -> Result<(), JoinError> {
        if let Some(slot) = self.find(me.place.content, me.peer) {
            let old = &mut self.entries[slot];
            if old.place == me.place && may_be_met {
                (old.port, old.ipv6, old.ends) = (me.port, me.ipv6, me.ends);
                self.ages.remove(&mut self.entries, slot);
                self.ages.push(&mut self.entries, slot);
                return Ok(());
            }
            self.remove(slot);
        }
        if !may_be_met {
            return Ok(());
        }
        let bytes = self.bytes();
        if bytes + self.growth(&me, content, group) > self.config.max_bytes {
            return Err(JoinError::Full {
                registrations: self.entries.len(),
                bytes,
            });
        }
        me.place.content = self.contents.take(content);
        me.place.group = group.map_or(NONE, |group| self.groups.take(group));
        let slot = self.entries.insert(me);
        let (entries, keyed) = (&self.entries, self.index.keyed);
        let rehash = |slot| keyed.hash(&key(&entries[slot]));
        self.index.insert(rehash(slot), slot, rehash);
        self.crowds.seat(&mut self.entries, slot);
        self.ages.push(&mut self.entries, slot);
        Ok(())
    }

    fn remove(&mut self, slot: u32) {
        self.ages.remove(&mut self.entries, slot);
        self.crowds.unseat(&mut self.entries, slot);
        let entry = self.entries[slot];
        self.index.remove(self.index.keyed.hash(&key(&entry)), slot);
        self.entries.remove(slot);
        self.contents.release(entry.place.content);
        if entry.place.group != NONE {
            self.groups.release(entry.place.group);
        }
    }

    fn find(&self, content: u32, peer: PeerId) -> Option<u32> {
        let wanted = (content, peer);
        let hash = self.index.keyed.hash(&wanted);
        self.index
            .find(hash, |slot| key(&self.entries[slot]) == wanted)
    }

    fn bytes(&self) -> usize {
        self.entries.bytes()
            + self.index.bytes()
            + self.crowds.bytes()
            + self.contents.bytes()
            + self.groups.bytes()
    }

    /// Bytes that a new registration would allocate, at most.
    fn growth(&self, me: &Entry, content: &str, group: Option<&str>) -> usize {
        self.entries.growth(1)
            + self.index.growth(self.index.keyed.hash(&key(me)))
            + self.crowds.growth(&self.entries, me)
            + self.contents.growth(content)
            + group.map_or(0, |group| self.groups.growth(group))
    }
}

/// What tells two registrations apart.
fn key(entry: &Entry) -> (u32, PeerId) {
    (entry.place.content, entry.peer)
}

fn check(field: &'static str, name: &str, least: usize) -> Result<(), JoinError> {
    let len = name.len();
    if (least..=MAX_ID_LEN).contains(&len) {
        Ok(())
    } else {
        Err(JoinError::Name { field, len })
    }
}

use smallvec::SmallVec;

use crate::{
    arena::Arena,
    circle::Circle,
    entry::{Entry, NONE, Seat},
    index::Index,
};

/// Who sits in which circle: for each circle that somebody sits in, its crowd.
#[derive(Clone, Debug)]
pub(crate) struct Crowds {
    crowds: Arena<Crowd>,
    index: Index,
    /// Bytes allocated by the lists of members.
    list_bytes: usize,
}

/// The members of one circle, those that have all of the content first. Never empty while it is
/// in the index: what tells it apart is asked of a member.
#[derive(Clone, Debug)]
struct Crowd {
    circle: Circle,
    members: Members,
    seeds: u32,
}

type Members = SmallVec<[u32; 4]>;

impl Default for Crowd {
    /// What stands in a free slot.
    fn default() -> Self {
        Self {
            circle: Circle::Everyone,
            members: Members::new(),
            seeds: 0,
        }
    }
}

impl Crowds {
    pub(crate) fn new(secret: u64) -> Self {
        Self {
            crowds: Arena::new(),
            index: Index::new(secret),
            list_bytes: 0,
        }
    }

    /// Those in a circle of `entry` that it may be interested in: for one that has all of the
    /// content, those that have not.
    pub(crate) fn members(&self, entries: &Arena<Entry>, circle: Circle, entry: &Entry) -> &[u32] {
        let Some(crowd) = self.find(entries, circle, entry) else {
            return &[];
        };
        let crowd = &self.crowds[crowd];
        let from = if entry.place.is_seed {
            crowd.seeds as usize
        } else {
            0
        };
        &crowd.members[from..]
    }

    /// Seats a registration in all its circles.
    pub(crate) fn seat(&mut self, entries: &mut Arena<Entry>, slot: u32) {
        let entry = entries[slot];
        for (n, circle) in Circle::of(&entry.place).into_iter().enumerate() {
            let crowd = self
                .find(entries, circle, &entry)
                .unwrap_or_else(|| self.open(entries, circle, slot));
            entries[slot].seats[n].crowd = crowd;
            let Crowd { members, seeds, .. } = &mut self.crowds[crowd];
            let before = heap(members);
            members.push(slot);
            self.list_bytes += heap(members) - before;
            let last = members.len() - 1;
            let at = if entry.place.is_seed {
                let border = *seeds as usize;
                *seeds += 1;
                members.swap(border, last);
                move_seat(entries, members[last], crowd, last);
                border
            } else {
                last
            };
            move_seat(entries, slot, crowd, at);
        }
    }

    /// Takes a registration out of all its circles.
    pub(crate) fn unseat(&mut self, entries: &mut Arena<Entry>, slot: u32) {
        let Entry { seats, place, .. } = entries[slot];
        for (n, seat) in seats.into_iter().enumerate() {
            if seat.crowd == NONE {
                continue;
            }
            entries[slot].seats[n] = Seat::default();
            let crowd = &mut self.crowds[seat.crowd];
            if crowd.members.len() == 1 {
                let hash = self.index.keyed.hash(&crowd.circle.key(&place));
                self.index.remove(hash, seat.crowd);
                self.list_bytes -= heap(&self.crowds.remove(seat.crowd).members);
                continue;
            }
            let mut hole = seat.at as usize;
            if place.is_seed {
                crowd.seeds -= 1;
                let border = crowd.seeds as usize;
                crowd.members.swap(hole, border);
                if hole != border {
                    move_seat(entries, crowd.members[hole], seat.crowd, hole);
                }
                hole = border;
            }
            crowd.members.swap_remove(hole);
            if let Some(&moved) = crowd.members.get(hole) {
                move_seat(entries, moved, seat.crowd, hole);
            }
            // A list that has become much too long gives back what it does not need.
            let before = heap(&crowd.members);
            if crowd.members.len() < crowd.members.capacity() / 4 {
                let room = crowd.members.len() * 2;
                crowd.members.shrink_to_fit();
                crowd.members.reserve_exact(room - crowd.members.len());
            }
            self.list_bytes = self.list_bytes + heap(&crowd.members) - before;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.crowds.len()
    }

    /// Bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.crowds.bytes() + self.index.bytes() + self.list_bytes
    }

    /// Bytes that seating this registration would allocate, at most.
    pub(crate) fn growth(&self, entries: &Arena<Entry>, entry: &Entry) -> usize {
        let mut opened = 0;
        let mut bytes = 0;
        for circle in Circle::of(&entry.place) {
            if let Some(crowd) = self.find(entries, circle, entry) {
                let members = &self.crowds[crowd].members;
                if members.len() == members.capacity() {
                    // Twice the list, while the old one is still there.
                    bytes += 2 * size_of::<u32>() * members.capacity();
                }
            } else {
                opened += 1;
                let hash = self.index.keyed.hash(&circle.key(&entry.place));
                bytes += self.index.growth(hash);
            }
        }
        bytes + self.crowds.growth(opened)
    }

    fn find(&self, entries: &Arena<Entry>, circle: Circle, entry: &Entry) -> Option<u32> {
        let key = circle.key(&entry.place);
        self.index.find(self.index.keyed.hash(&key), |crowd| {
            let crowd = &self.crowds[crowd];
            crowd.circle == circle && circle.key(&entries[crowd.members[0]].place) == key
        })
    }

    /// A crowd with nobody in it yet; `first` is about to be.
    fn open(&mut self, entries: &Arena<Entry>, circle: Circle, first: u32) -> u32 {
        let Self { crowds, index, .. } = self;
        let crowd = crowds.insert(Crowd {
            circle,
            ..Crowd::default()
        });
        let keyed = index.keyed;
        let key_of = |slot: u32| keyed.hash(&circle.key(&entries[slot].place));
        index.insert(key_of(first), crowd, |other| {
            let other = &crowds[other];
            let slot = other.members.first().copied().unwrap_or(first);
            keyed.hash(&other.circle.key(&entries[slot].place))
        });
        crowd
    }
}

/// Notes where a member sits now.
fn move_seat(entries: &mut Arena<Entry>, member: u32, crowd: u32, at: usize) {
    let seats = &mut entries[member].seats;
    if let Some(seat) = seats.iter_mut().find(|seat| seat.crowd == crowd) {
        seat.at = at as u32;
    }
}

fn heap(members: &Members) -> usize {
    if members.spilled() {
        members.capacity() * size_of::<u32>()
    } else {
        0
    }
}

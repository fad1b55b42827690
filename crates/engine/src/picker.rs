use std::{collections::BTreeMap, ops::Range};

use dolab_content::PieceMap;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{ConnId, rarity::Rarity};

/// Which piece to ask for next: the one that the fewest peers have, and of several that are equally
/// rare one of this device's own share.
///
/// Assumed: the order that Delivery Optimization picks in is not published.
#[derive(Debug)]
pub(crate) struct Picker {
    /// Pieces that are missing and not in flight.
    open: PieceMap,
    /// The open pieces, by how many peers have each. Peers that had everything when they came do
    /// not count: they make no piece rarer than another.
    rarity: Rarity,
    /// Pieces that are being fetched.
    flights: BTreeMap<u32, Flight>,
    share: Share,
    /// Where the next look at the rarest begins. Those of the share are taken first, so that none
    /// of them may be left among the first of many pieces.
    look_from: usize,
    /// Where the next scan of a peer's map begins.
    scan_from: usize,
}

#[derive(Debug, Default)]
struct Flight {
    /// Drawn by lot: which of several in flight comes first.
    ticket: u32,
    /// Over which connections.
    over: Vec<ConnId>,
    /// How many of them have brought all of it, so that it is only being verified.
    verifying: usize,
}

/// A device's place among those that fetch the same content, by their ids. Where all know each
/// other, all come to the same places, and each begins with pieces that no other begins with: so a
/// seeder sends hardly any of them twice (measured: docs/performance.md, "Swarm").
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// Devices whose ids are lower.
    below: u32,
    /// Devices whose ids are higher.
    above: u32,
}

impl Share {
    fn side(&mut self, is_below: bool) -> &mut u32 {
        if is_below {
            &mut self.below
        } else {
            &mut self.above
        }
    }

    fn has(self, piece: u32) -> bool {
        piece % (self.below + 1 + self.above) == self.below
    }
}

/// How many of the rarest pieces are tried before the peer's own map is searched instead: bounds
/// the work when a peer has only common pieces.
const RAREST_TRIED: usize = 64;

/// The same where only this device's own share will do, of which there is one among as many as
/// devices fetch the content.
const OWN_TRIED: usize = 1024;

impl Picker {
    /// A picker for what `have` misses.
    pub(crate) fn new(have: &PieceMap, rng: &mut impl Rng) -> Self {
        let pieces = have.pieces();
        let mut open = PieceMap::empty(pieces);
        let mut rarity = Rarity::new(pieces, ChaCha8Rng::seed_from_u64(rng.next_u64()));
        for piece in (0..pieces).filter(|&piece| !have.contains(piece)) {
            open.insert(piece);
            rarity.insert(piece);
        }
        Self {
            open,
            rarity,
            flights: BTreeMap::new(),
            share: Share::default(),
            look_from: 0,
            scan_from: 0,
        }
    }

    /// A peer that is not complete came, with this map; `is_below` when its id is lower than ours.
    pub(crate) fn joined(&mut self, theirs: &PieceMap, is_below: bool) {
        *self.share.side(is_below) += 1;
        theirs.iter().for_each(|piece| self.rarity.gained(piece));
    }

    /// A peer that was announced with [`joined`](Self::joined) went, with this map.
    pub(crate) fn left(&mut self, theirs: &PieceMap, is_below: bool) {
        *self.share.side(is_below) -= 1;
        theirs.iter().for_each(|piece| self.rarity.lost(piece));
    }

    /// Such a peer got a piece.
    pub(crate) fn has(&mut self, piece: u32) {
        self.rarity.gained(piece);
    }

    /// The next piece to fetch from a peer with this map; `counted` unless it is one that was
    /// complete when it came.
    ///
    /// With `own`, only one of this device's share of the rarest.
    pub(crate) fn pick(&mut self, theirs: &PieceMap, counted: bool, own: bool) -> Option<u32> {
        if self.is_exhausted() {
            return None;
        }
        let share = self.share;
        // What a counted peer has, has at least its own copy.
        let tried = if own { OWN_TRIED } else { RAREST_TRIED };
        let rarest = self.rarity.rarest(counted.into(), self.look_from);
        let mut there = rarest
            .take(tried)
            .filter(|&(_, piece)| theirs.contains(piece));
        let first = there.next();
        let ours = first.and_then(|(copies, _)| {
            let equal = there.take_while(|&(others, _)| others == copies);
            first
                .into_iter()
                .chain(equal)
                .find(|&(_, it)| share.has(it))
        });
        if own && ours.is_none() {
            self.look_from = self.look_from.wrapping_add(OWN_TRIED);
        }
        match ours.or_else(|| first.filter(|_| !own)) {
            Some((_, piece)) => Some(piece),
            None if own => None,
            None => self.scan(theirs),
        }
    }

    /// A piece that is in flight already, for a peer that would be idle otherwise: only once no
    /// piece is open. Prefers the one with the fewest flights.
    pub(crate) fn pick_again(&self, theirs: &PieceMap, conn: ConnId, most: usize) -> Option<u32> {
        if !self.is_exhausted() {
            return None;
        }
        let eligible = self.flights.iter().filter(|(piece, flight)| {
            flight.verifying == 0
                && flight.over.len() < most
                && theirs.contains(**piece)
                && !flight.over.contains(&conn)
        });
        let best = eligible.min_by_key(|(_, flight)| (flight.over.len(), flight.ticket));
        best.map(|(&piece, _)| piece)
    }

    /// Open pieces for a source that has all: the first run of them at or behind `from`, beginning
    /// again at the front, and at most so many.
    pub(crate) fn pick_run(&self, from: u32, most: u32) -> Option<Range<u32>> {
        let first = self.next_open(from).or_else(|| self.next_open(0))?;
        let run = (first..self.open.pieces()).take(most as usize);
        let len = run.take_while(|&piece| self.open.contains(piece)).count();
        Some(first..first + len as u32)
    }

    /// A piece that peers have had in flight for a while, for a source that would be idle otherwise
    /// and has all: only once no piece is open.
    pub(crate) fn rescue(&self, most: usize) -> Option<u32> {
        if !self.is_exhausted() {
            return None;
        }
        let eligible = self.flights.iter().filter(|(_, flight)| {
            flight.verifying == 0
                && flight.over.len() < most
                && !flight.over.iter().any(|over| over.is_fetch())
        });
        let best = eligible.min_by_key(|(_, flight)| (flight.over.len(), flight.ticket));
        best.map(|(&piece, _)| piece)
    }

    /// Whether a piece is open, or in flight and not yet there.
    pub(crate) fn may_still_take(&self, piece: u32) -> bool {
        self.open.contains(piece)
            || self
                .flights
                .get(&piece)
                .is_some_and(|flight| flight.verifying == 0)
    }

    /// A piece is being fetched over a connection.
    pub(crate) fn begin(&mut self, piece: u32, conn: ConnId) {
        let ticket = self.rarity.draw();
        self.close(piece);
        let flight = self.flights.entry(piece).or_insert_with(|| Flight {
            ticket,
            ..Flight::default()
        });
        flight.over.push(conn);
    }

    /// All of a piece came over a connection.
    pub(crate) fn landed(&mut self, piece: u32) {
        if let Some(flight) = self.flights.get_mut(&piece) {
            flight.verifying += 1;
        }
    }

    /// A piece does not come over this connection after all, or came bad; `verifying` when all of
    /// it had come. Returns whether it is open again.
    pub(crate) fn lost(&mut self, piece: u32, conn: ConnId, verifying: bool) -> bool {
        let Some(flight) = self.flights.get_mut(&piece) else {
            return false;
        };
        flight.over.retain(|&over| over != conn);
        flight.verifying -= usize::from(verifying);
        if !flight.over.is_empty() {
            return false;
        }
        self.flights.remove(&piece);
        self.open.insert(piece);
        self.rarity.insert(piece);
        true
    }

    /// A piece is there. Returns the connections over which it was being fetched.
    pub(crate) fn done(&mut self, piece: u32) -> Vec<ConnId> {
        self.close(piece);
        self.flights
            .remove(&piece)
            .map(|flight| flight.over)
            .unwrap_or_default()
    }

    /// How many devices fetch the content, as far as is known, this one among them.
    pub(crate) fn sharers(&self) -> u32 {
        self.share.below + 1 + self.share.above
    }

    /// Whether every missing piece is in flight.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.rarity.is_empty()
    }

    /// Pieces in flight.
    pub(crate) fn flights(&self) -> u32 {
        self.flights.len() as u32
    }

    /// Compares what is kept up to date step by step with a count from scratch.
    #[cfg(test)]
    pub(crate) fn assert_consistent(&self, copies: &[u32], have: &PieceMap) {
        self.rarity
            .assert_consistent(copies, |piece| self.open.contains(piece));
        for piece in 0..have.pieces() {
            let states = [
                have.contains(piece),
                self.open.contains(piece),
                self.flights.contains_key(&piece),
            ];
            let states = states.into_iter().filter(|&state| state).count();
            assert_eq!(states, 1, "piece {piece} is there, open or in flight");
        }
    }

    /// The first open piece that is not before `from`.
    fn next_open(&self, from: u32) -> Option<u32> {
        let open = self.open.as_bytes();
        let first = from as usize / 64;
        (first..open.len().div_ceil(8)).find_map(|word| {
            let before = if word == first { from % 64 } else { 0 };
            let set = word_at(open, word) & (u64::MAX >> before);
            (set != 0).then(|| word as u32 * 64 + set.leading_zeros())
        })
    }

    fn close(&mut self, piece: u32) {
        self.open.remove(piece);
        self.rarity.remove(piece);
    }

    /// Any open piece that the peer has, found eight bytes of the maps at a time.
    fn scan(&mut self, theirs: &PieceMap) -> Option<u32> {
        let (open, theirs) = (self.open.as_bytes(), theirs.as_bytes());
        let words = open.len().div_ceil(8);
        for step in 0..words {
            let word = (self.scan_from + step) % words;
            let both = word_at(open, word) & word_at(theirs, word);
            if both != 0 {
                self.scan_from = word;
                return Some(word as u32 * 64 + both.leading_zeros());
            }
        }
        None
    }
}

fn word_at(bytes: &[u8], word: usize) -> u64 {
    let rest = &bytes[word * 8..];
    let mut eight = [0; 8];
    let len = rest.len().min(8);
    eight[..len].copy_from_slice(&rest[..len]);
    u64::from_be_bytes(eight)
}

/// How many pieces `theirs` has that `have` misses.
pub(crate) fn count_missing(theirs: &PieceMap, have: &PieceMap) -> u32 {
    let pairs = theirs.as_bytes().iter().zip(have.as_bytes());
    pairs
        .map(|(theirs, have)| (theirs & !have).count_ones())
        .sum()
}

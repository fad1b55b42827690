use std::collections::{BTreeMap, BTreeSet};

use dolab_content::PieceMap;
use rand::Rng;

use crate::ConnId;

/// Which piece to ask for next: the one that the fewest peers have, ties broken by a number drawn
/// for each piece, so that devices which start together ask for different pieces.
///
/// Assumed: the order that Delivery Optimization picks in is not published.
#[derive(Debug)]
pub(crate) struct Picker {
    /// Pieces that are missing and not in flight.
    open: PieceMap,
    /// The open pieces by `(copies, tie, piece)`.
    order: BTreeSet<(u32, u32, u32)>,
    /// Pieces that are being fetched.
    flights: BTreeMap<u32, Flight>,
    /// For each piece, how many peers have it. Peers that had everything when they came are not
    /// in here: they make no piece rarer than another.
    copies: Vec<u32>,
    ties: Vec<u32>,
    /// Where the next scan of a peer's map begins.
    scan_from: usize,
}

#[derive(Debug, Default)]
struct Flight {
    /// Over which connections.
    over: Vec<ConnId>,
    /// How many of them have brought all of it, so that it is only being verified.
    verifying: usize,
}

/// How many of the rarest pieces are tried before the peer's own map is searched instead: bounds
/// the work when a peer has only common pieces.
const RAREST_TRIED: usize = 64;

impl Picker {
    /// A picker for what `have` misses.
    pub(crate) fn new(have: &PieceMap, rng: &mut impl Rng) -> Self {
        let pieces = have.pieces();
        let ties: Vec<u32> = (0..pieces).map(|_| rng.next_u32()).collect();
        let mut open = PieceMap::empty(pieces);
        let mut order = BTreeSet::new();
        for piece in (0..pieces).filter(|&piece| !have.contains(piece)) {
            open.insert(piece);
            order.insert((0, ties[piece as usize], piece));
        }
        Self {
            open,
            order,
            flights: BTreeMap::new(),
            copies: vec![0; pieces as usize],
            ties,
            scan_from: 0,
        }
    }

    /// A peer that is not complete came, with this map.
    pub(crate) fn joined(&mut self, theirs: &PieceMap) {
        theirs.iter().for_each(|piece| self.has(piece));
    }

    /// A peer that was announced with [`joined`](Self::joined) went, with this map.
    pub(crate) fn left(&mut self, theirs: &PieceMap) {
        for piece in theirs.iter() {
            self.recount(piece, |copies| copies.saturating_sub(1));
        }
    }

    /// Such a peer got a piece.
    pub(crate) fn has(&mut self, piece: u32) {
        self.recount(piece, |copies| copies + 1);
    }

    /// The next piece to fetch from a peer with this map; `counted` unless it is one that was
    /// complete when it came.
    pub(crate) fn pick(&mut self, theirs: &PieceMap, counted: bool) -> Option<u32> {
        // What a counted peer has, has at least its own copy.
        let rarest = self
            .order
            .range((u32::from(counted), 0, 0)..)
            .take(RAREST_TRIED);
        let rarest = rarest
            .map(|&(_, _, piece)| piece)
            .find(|&piece| theirs.contains(piece));
        rarest.or_else(|| self.scan(theirs))
    }

    /// A piece that is in flight already, for a peer that would be idle otherwise: only once no
    /// piece is open. Prefers the one with the fewest flights.
    pub(crate) fn pick_again(&self, theirs: &PieceMap, conn: ConnId, most: usize) -> Option<u32> {
        if !self.order.is_empty() {
            return None;
        }
        let eligible = self.flights.iter().filter(|(piece, flight)| {
            flight.verifying == 0
                && flight.over.len() < most
                && theirs.contains(**piece)
                && !flight.over.contains(&conn)
        });
        let tie = |piece: u32| self.ties[piece as usize];
        let best = eligible.min_by_key(|(piece, flight)| (flight.over.len(), tie(**piece)));
        best.map(|(&piece, _)| piece)
    }

    /// A piece is being fetched over a connection.
    pub(crate) fn begin(&mut self, piece: u32, conn: ConnId) {
        if self.open.remove(piece) {
            self.order.remove(&self.key(piece));
        }
        self.flights.entry(piece).or_default().over.push(conn);
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
        self.order.insert(self.key(piece));
        true
    }

    /// A piece is there. Returns the connections over which it was being fetched.
    pub(crate) fn done(&mut self, piece: u32) -> Vec<ConnId> {
        if self.open.remove(piece) {
            self.order.remove(&self.key(piece));
        }
        self.flights
            .remove(&piece)
            .map(|flight| flight.over)
            .unwrap_or_default()
    }

    /// Whether every missing piece is in flight.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.order.is_empty()
    }

    /// Pieces in flight.
    pub(crate) fn flights(&self) -> u32 {
        self.flights.len() as u32
    }

    /// Compares what is kept up to date step by step with a count from scratch.
    #[cfg(test)]
    pub(crate) fn assert_consistent(&self, copies: &[u32], have: &PieceMap) {
        assert_eq!(self.copies, copies, "copies of each piece");
        for piece in 0..have.pieces() {
            let states = [
                have.contains(piece),
                self.open.contains(piece),
                self.flights.contains_key(&piece),
            ];
            let states = states.into_iter().filter(|&state| state).count();
            assert_eq!(states, 1, "piece {piece} is there, open or in flight");
            assert_eq!(
                self.open.contains(piece),
                self.order.contains(&self.key(piece))
            );
        }
        assert_eq!(self.order.len(), self.open.count() as usize);
    }

    fn recount(&mut self, piece: u32, change: impl FnOnce(u32) -> u32) {
        let was = self.key(piece);
        let copies = &mut self.copies[piece as usize];
        *copies = change(*copies);
        if self.order.remove(&was) {
            self.order.insert(self.key(piece));
        }
    }

    fn key(&self, piece: u32) -> (u32, u32, u32) {
        (
            self.copies[piece as usize],
            self.ties[piece as usize],
            piece,
        )
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

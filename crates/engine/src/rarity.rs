use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

/// Pieces ranked by how many peers have them; among equals chance decides, and anew for each that
/// comes to a rank, so that devices which hear the same news ask for different pieces.
///
/// A change of a count, of what is ranked, and a look at the rarest each take constant time.
#[derive(Debug)]
pub(crate) struct Rarity {
    /// For each number of copies, the ranked pieces with so many.
    ranks: Vec<Vec<u32>>,
    /// No ranked piece has fewer copies.
    rarest: usize,
    /// Of each piece, how many peers have it.
    copies: Vec<u32>,
    /// Of each ranked piece, where it stands in its rank.
    places: Vec<u32>,
    ranked: usize,
    chance: ChaCha8Rng,
}

/// In the place of a piece that is not ranked.
const NOWHERE: u32 = u32::MAX;

impl Rarity {
    /// Counts of so many pieces. None is ranked yet.
    pub(crate) fn new(pieces: u32, chance: ChaCha8Rng) -> Self {
        Self {
            ranks: vec![Vec::new()],
            rarest: 0,
            copies: vec![0; pieces as usize],
            places: vec![NOWHERE; pieces as usize],
            ranked: 0,
            chance,
        }
    }

    /// Ranks a piece, unless it is.
    pub(crate) fn insert(&mut self, piece: u32) {
        if self.contains(piece) {
            return;
        }
        let rank = self.copies[piece as usize] as usize;
        if rank >= self.ranks.len() {
            self.ranks.resize_with(rank + 1, Vec::new);
        }
        let pieces = &mut self.ranks[rank];
        pieces.push(piece);
        let (last, place) = (pieces.len() - 1, self.chance.random_range(0..pieces.len()));
        pieces.swap(last, place);
        self.places[pieces[last] as usize] = last as u32;
        self.places[piece as usize] = place as u32;
        self.rarest = self.rarest.min(rank);
        self.ranked += 1;
    }

    /// Takes a piece out of the ranks. Returns whether it was there.
    pub(crate) fn remove(&mut self, piece: u32) -> bool {
        if !self.contains(piece) {
            return false;
        }
        let place = std::mem::replace(&mut self.places[piece as usize], NOWHERE) as usize;
        let pieces = &mut self.ranks[self.copies[piece as usize] as usize];
        pieces.swap_remove(place);
        if let Some(&moved) = pieces.get(place) {
            self.places[moved as usize] = place as u32;
        }
        // Pieces wander through all ranks: each must not keep the memory of those that passed.
        if pieces.len() < pieces.capacity() / 4 {
            pieces.shrink_to(pieces.capacity() / 2);
        }
        self.ranked -= 1;
        true
    }

    /// One more peer has a piece.
    pub(crate) fn gained(&mut self, piece: u32) {
        self.recount(piece, |copies| copies + 1);
    }

    /// A peer that had a piece is gone.
    pub(crate) fn lost(&mut self, piece: u32) {
        self.recount(piece, |copies| copies.saturating_sub(1));
    }

    fn recount(&mut self, piece: u32, change: impl FnOnce(u32) -> u32) {
        let was_ranked = self.remove(piece);
        let copies = &mut self.copies[piece as usize];
        *copies = change(*copies);
        if was_ranked {
            self.insert(piece);
        }
    }

    /// The ranked pieces that have at least so many copies, each behind its number of them, the
    /// rarest first. Those of a rank come round from its place `from` on, which may be any number.
    pub(crate) fn rarest(
        &mut self,
        copies: usize,
        from: usize,
    ) -> impl Iterator<Item = (usize, u32)> + '_ {
        while self.ranks.get(self.rarest).is_some_and(Vec::is_empty) {
            self.rarest += 1;
        }
        let first = self.rarest.max(copies).min(self.ranks.len());
        let ranks = self.ranks[first..].iter().zip(first..);
        ranks.flat_map(move |(pieces, rank)| {
            let (before, behind) = pieces.split_at(from % pieces.len().max(1));
            behind.iter().chain(before).map(move |&piece| (rank, piece))
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranked == 0
    }

    /// A number by which chance decides.
    pub(crate) fn draw(&mut self) -> u32 {
        self.chance.next_u32()
    }

    fn contains(&self, piece: u32) -> bool {
        self.places[piece as usize] != NOWHERE
    }

    /// Compares what is kept up to date step by step with counts from scratch.
    #[cfg(test)]
    pub(crate) fn assert_consistent(&self, copies: &[u32], ranked: impl Fn(u32) -> bool) {
        assert_eq!(self.copies, copies, "copies of each piece");
        let mut seen = 0;
        for (rank, pieces) in self.ranks.iter().enumerate() {
            assert!(pieces.is_empty() || rank >= self.rarest, "rank {rank}");
            for (place, &piece) in pieces.iter().enumerate() {
                assert!(ranked(piece), "piece {piece} is ranked");
                assert_eq!(self.copies[piece as usize] as usize, rank);
                assert_eq!(self.places[piece as usize] as usize, place);
                seen += 1;
            }
        }
        let should = (0..copies.len() as u32).filter(|&piece| ranked(piece));
        assert_eq!((seen, self.ranked), (should.count(), seen));
    }
}

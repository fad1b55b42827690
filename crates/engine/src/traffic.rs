use std::ops::{Add, AddAssign};

use dolab_wire::PeerType;

/// Bytes for each type of source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByKind([u64; PeerType::ALL.len()]);

impl ByKind {
    /// Bytes of one type.
    pub fn of(&self, kind: PeerType) -> u64 {
        self.0[kind.number() as usize]
    }

    /// Counts more.
    pub fn add(&mut self, kind: PeerType, bytes: u64) {
        self.0[kind.number() as usize] += bytes;
    }

    /// Bytes of all types.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Bytes from or to peers.
    pub fn peers(&self) -> u64 {
        self.iter()
            .filter(|(kind, _)| kind.is_peer())
            .map(|(_, bytes)| bytes)
            .sum()
    }

    /// Bytes over HTTP, those of caches among them (documented: so the status counts, too).
    pub fn http(&self) -> u64 {
        self.of(PeerType::Cdn) + self.of(PeerType::Doinc)
    }

    /// Each type with its bytes, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (PeerType, u64)> + '_ {
        PeerType::ALL.into_iter().map(|kind| (kind, self.of(kind)))
    }
}

impl AddAssign for ByKind {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
}

impl Add for ByKind {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

/// What a content's sources brought and its peers took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes in good pieces, by who brought them.
    pub down: ByKind,
    /// Bytes that came and were of no use: in bad pieces, and in pieces that came from elsewhere
    /// first.
    pub wasted: ByKind,
    /// Bytes that were sent, by who took them.
    pub up: ByKind,
}

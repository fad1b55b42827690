use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use dolab_wire::{Incompatible, Malformed, WireError};

/// What a peer has met since it started. All are numbers of connections unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Accepted by the listener, whatever became of them.
    pub accepted: u64,
    /// Came from, or would have gone to, a public address, and were refused.
    pub refused_public: u64,
    /// Spoke dolab's check session, or carried a benchmark.
    pub foreign: u64,
    /// Ended without having sent a byte.
    pub silent: u64,
    /// Ended inside their handshake.
    pub truncated: u64,
    /// Did not complete their handshake in time.
    pub too_slow: u64,
    /// Made room for newer ones before they had said what they want.
    pub evicted: u64,
    /// Asked for a swarm that is not shared here, and were met with silence.
    pub unknown_swarms: u64,
    /// Sent bytes that are no message, by what was wrong with them.
    pub malformed: BTreeMap<&'static str, u64>,
    /// Read so little that what was due to them did not fit the memory for it.
    pub overflowed: u64,
    /// Times that the system could not give the listener a connection.
    pub accept_errors: u64,
}

/// [`Counts`] while they are counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: AtomicU64,
    pub(crate) refused_public: AtomicU64,
    pub(crate) foreign: AtomicU64,
    pub(crate) silent: AtomicU64,
    pub(crate) truncated: AtomicU64,
    pub(crate) too_slow: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) unknown_swarms: AtomicU64,
    pub(crate) overflowed: AtomicU64,
    pub(crate) accept_errors: AtomicU64,
    malformed: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    pub(crate) fn malformed(&self, error: &WireError) {
        let mut malformed = self
            .malformed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *malformed.entry(kind(error)).or_default() += 1;
    }

    pub(crate) fn read(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            accepted: of(&self.accepted),
            refused_public: of(&self.refused_public),
            foreign: of(&self.foreign),
            silent: of(&self.silent),
            truncated: of(&self.truncated),
            too_slow: of(&self.too_slow),
            evicted: of(&self.evicted),
            unknown_swarms: of(&self.unknown_swarms),
            malformed: self
                .malformed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            overflowed: of(&self.overflowed),
            accept_errors: of(&self.accept_errors),
        }
    }
}

/// A short name for an error, of which there is a fixed number.
fn kind(error: &WireError) -> &'static str {
    #[expect(clippy::wildcard_enum_match_arm, reason = "both enums may grow")]
    match error {
        WireError::Malformed(Malformed::Preface(_)) => "preface",
        WireError::Malformed(Malformed::FrameTooLong { .. }) => "frame-too-long",
        WireError::Malformed(Malformed::Length { .. }) => "length",
        WireError::Malformed(Malformed::Block { .. }) => "block",
        WireError::Incompatible(Incompatible::Protocol(_)) => "protocol",
        _ => "other",
    }
}

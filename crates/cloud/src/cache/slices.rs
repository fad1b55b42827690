//! Slices that are kept: as many as there is room for, those that were asked for last.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

/// An object's number, and the slice's place in it.
pub(super) type SliceId = (u64, u64);

#[derive(Debug)]
pub(super) struct Slices {
    most: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    slices: HashMap<SliceId, (Bytes, u64)>,
    /// By when each was last asked for.
    order: BTreeMap<u64, SliceId>,
    clock: u64,
    bytes: u64,
    hits: u64,
    misses: u64,
}

impl Slices {
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            kept: Mutex::default(),
        }
    }

    pub(super) fn get(&self, id: SliceId) -> Option<Bytes> {
        let kept = &mut *self.lock();
        kept.clock += 1;
        let Some((bytes, last)) = kept.slices.get_mut(&id) else {
            kept.misses += 1;
            return None;
        };
        kept.hits += 1;
        kept.order.remove(last);
        *last = kept.clock;
        kept.order.insert(kept.clock, id);
        Some(bytes.clone())
    }

    /// Keeps a slice, and lets others go where there is no room. One that never fits is not kept.
    pub(super) fn put(&self, id: SliceId, bytes: Bytes) {
        let len = bytes.len() as u64;
        if len > self.most {
            return;
        }
        let mut kept = self.lock();
        kept.remove(id);
        while kept.bytes + len > self.most {
            let Some((_, &oldest)) = kept.order.first_key_value() else {
                break;
            };
            kept.remove(oldest);
        }
        kept.clock += 1;
        let now = kept.clock;
        kept.bytes += len;
        kept.order.insert(now, id);
        kept.slices.insert(id, (bytes, now));
    }

    /// Lets all slices of an object go.
    pub(super) fn forget(&self, object: u64) {
        let mut kept = self.lock();
        let of_it = kept.slices.keys().filter(|(of, _)| *of == object);
        for id in of_it.copied().collect::<Vec<_>>() {
            kept.remove(id);
        }
    }

    /// Bytes, hits and misses.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let kept = self.lock();
        (kept.bytes, kept.hits, kept.misses)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, id: SliceId) {
        if let Some((bytes, last)) = self.slices.remove(&id) {
            self.bytes -= bytes.len() as u64;
            self.order.remove(&last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_not_asked_for_longest_goes_first() {
        let slices = Slices::new(30);
        let ten = || Bytes::from(vec![0; 10]);
        for index in 0..3 {
            slices.put((1, index), ten());
        }
        assert!(slices.get((1, 0)).is_some());
        slices.put((1, 3), ten());
        assert!(slices.get((1, 1)).is_none());
        assert!(slices.get((1, 0)).is_some() && slices.get((1, 2)).is_some());
        assert_eq!(slices.counts(), (30, 3, 1));
        slices.put((1, 3), ten());
        assert_eq!(slices.counts().0, 30);
        slices.put((2, 0), Bytes::from(vec![0; 31]));
        assert_eq!(slices.counts().0, 30);
        slices.forget(1);
        assert_eq!(slices.counts().0, 0);
        assert!(slices.lock().order.is_empty());
    }
}

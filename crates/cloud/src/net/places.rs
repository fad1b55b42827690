//! How many connections there may be, in all and of one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The places for connections.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// A place that is held.
#[derive(Debug)]
pub(crate) struct Place {
    addr: IpAddr,
    places: Places,
}

impl Places {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            most_of_one,
            taken: Mutex::default(),
        }))
    }

    /// A place for a connection from `addr`, if one is left.
    pub(crate) fn take(&self, addr: IpAddr) -> Option<Place> {
        let mut taken = self.lock();
        if taken.all >= self.0.most {
            return None;
        }
        let of_one = taken.of.entry(addr).or_default();
        if *of_one >= self.0.most_of_one {
            return None;
        }
        *of_one += 1;
        taken.all += 1;
        Some(Place {
            addr,
            places: self.clone(),
        })
    }

    /// Places that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        let of_one = taken.of.get_mut(&self.addr).expect("it was counted");
        *of_one -= 1;
        if *of_one == 0 {
            taken.of.remove(&self.addr);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_end_and_come_back() {
        let places = Places::new(3, 2);
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let held = [places.take(a).unwrap(), places.take(a).unwrap()];
        assert!(places.take(a).is_none());
        let other = places.take(b).unwrap();
        assert!(places.take(b).is_none());
        drop(other);
        assert_eq!(places.taken(), 2);
        drop(held);
        assert_eq!(places.taken(), 0);
        assert!(places.lock().of.is_empty());
        assert!(places.take(a).is_some());
    }
}

//! Connections that have not shown yet what they want. There is room for some; when there are
//! more, the oldest goes: an honest one needs a few round trips, so it is never among the oldest
//! for long.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// Connections at one time, of all responders of a station together.
const AT_MOST: usize = 256;

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strangers(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// The oldest first.
    places: VecDeque<(u64, CancellationToken)>,
}

/// A place among them, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Place {
    id: u64,
    evicted: CancellationToken,
    strangers: Strangers,
}

impl Strangers {
    /// Takes a place, from the oldest if need be.
    pub(crate) fn enter(&self) -> Place {
        let mut waiting = self.lock();
        if waiting.places.len() >= AT_MOST
            && let Some((_, oldest)) = waiting.places.pop_front()
        {
            tracing::info!("many connections that say nothing: the oldest has to go");
            oldest.cancel();
        }
        let (id, evicted) = (waiting.next, CancellationToken::new());
        waiting.next += 1;
        waiting.places.push_back((id, evicted.clone()));
        Place {
            id,
            evicted,
            strangers: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Runs `task` in this place; `None` when the place was lost before it was done.
    pub(crate) async fn hold<T>(self, task: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = task => Some(done),
            () = self.evicted.cancelled() => None,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.strangers.lock();
        if let Ok(at) = waiting.places.binary_search_by_key(&self.id, |(id, _)| *id) {
            waiting.places.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn the_oldest_makes_room() {
        let strangers = Strangers::default();
        let mut places: VecDeque<Place> = (0..AT_MOST).map(|_| strangers.enter()).collect();
        // Who leaves by itself costs nobody a place.
        places.remove(1);
        places.push_back(strangers.enter());
        let oldest = places.pop_front().unwrap();
        places.push_back(strangers.enter());
        assert_eq!(oldest.hold(pending::<()>()).await, None);
        let next = places.pop_front().unwrap();
        assert_eq!(next.hold(ready(7)).await, Some(7));
        drop(places);
        assert!(strangers.lock().places.is_empty());
    }
}

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_peer::Probe;
use hdrhistogram::Histogram;

use crate::report::Percentiles;

/// Longest time that is told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long each piece took, from its first request until it was kept.
#[derive(Debug)]
pub(crate) struct Latency(Mutex<State>);

#[derive(Debug)]
struct State {
    requested: HashMap<u32, Instant>,
    /// In microseconds.
    took: Histogram<u64>,
}

impl Latency {
    pub(crate) fn new() -> Self {
        let took = Histogram::new_with_bounds(1, LONGEST.as_micros() as u64, 3);
        Self(Mutex::new(State {
            requested: HashMap::new(),
            took: took.expect("the bounds are good"),
        }))
    }

    /// Forgets what was measured: the warm-up is over.
    pub(crate) fn reset(&self) {
        self.lock().took.reset();
    }

    /// What was measured, in milliseconds; `None` when no piece was kept.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let state = self.lock();
        let at = |quantile| state.took.value_at_quantile(quantile) as f64 / 1e3;
        (!state.took.is_empty()).then(|| Percentiles {
            count: state.took.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: state.took.max() as f64 / 1e3,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for Latency {
    fn requested(&self, piece: u32) {
        self.lock()
            .requested
            .entry(piece)
            .or_insert_with(Instant::now);
    }

    fn kept(&self, piece: u32) {
        let mut state = self.lock();
        if let Some(requested) = state.requested.remove(&piece) {
            let took = requested.elapsed().as_micros() as u64;
            state.took.saturating_record(took);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_counts_once_from_its_first_request() {
        let latency = Latency::new();
        assert_eq!(latency.percentiles(), None);
        latency.requested(3);
        latency.requested(3);
        latency.kept(3);
        latency.kept(3);
        // Nobody asked for this one.
        latency.kept(4);
        assert_eq!(latency.percentiles().map(|all| all.count), Some(1));
        latency.reset();
        assert_eq!(latency.percentiles(), None);
    }
}

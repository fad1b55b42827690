use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Time that may be caught up on after a wait that was too long.
const SLACK: Duration = Duration::from_millis(20);

/// A limit on how fast bytes leave, for all connections of a flow together.
#[derive(Debug)]
pub(crate) struct Pace {
    bytes_per_second: f64,
    /// When the next byte may leave.
    next: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new(bits_per_second: f64) -> Self {
        Self {
            bytes_per_second: (bits_per_second / 8.0).max(1.0),
            next: Mutex::new(Instant::now()),
        }
    }

    /// How long to wait before so many bytes may leave. They count as gone.
    pub(crate) fn take(&self, bytes: usize) -> Duration {
        self.take_at(Instant::now(), bytes)
    }

    fn take_at(&self, now: Instant, bytes: usize) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        let start = (*next).max(earliest);
        *next = start + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
        start.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_at_the_rate_and_lost_time_is_lost() {
        let pace = Pace::new(8000.0);
        let now = Instant::now();
        *pace.next.lock().unwrap() = now;
        // A thousand bytes a second: who comes second waits for the first.
        assert_eq!(pace.take_at(now, 500), Duration::ZERO);
        assert_eq!(pace.take_at(now, 500), Duration::from_millis(500));
        assert_eq!(pace.take_at(now, 1), Duration::from_secs(1));
        // After a long pause only a little is caught up on.
        let later = now + Duration::from_secs(60);
        assert_eq!(pace.take_at(later, 1000), Duration::ZERO);
        assert_eq!(pace.take_at(later, 1), Duration::from_millis(980));
    }
}

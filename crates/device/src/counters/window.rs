use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A rate over the last 20 seconds, which is what Delivery Optimization averages over
/// (documented), from a counter that only rises. At most [`Window::SAMPLES`] looks are kept.
#[derive(Debug)]
pub(crate) struct Window {
    span: Duration,
    looks: VecDeque<(Instant, u64)>,
}

impl Window {
    /// What rates are averaged over.
    pub(crate) const SPAN: Duration = Duration::from_secs(20);

    /// Looks that are kept: of closer ones, each replaces the one before.
    const SAMPLES: u32 = 40;

    /// Begins at `now` with a counter that stands at `total`.
    pub(crate) fn new(span: Duration, now: Instant, total: u64) -> Self {
        Self {
            span,
            looks: VecDeque::from([(now, total)]),
        }
    }

    /// The counter stands at `total` now.
    pub(crate) fn look(&mut self, now: Instant, total: u64) {
        let close = |at: Instant| now.duration_since(at) < self.span / Self::SAMPLES;
        // The second-last decides: the last one alone would be replaced for ever.
        if self.looks.len() > 1 && close(self.looks[self.looks.len() - 2].0) {
            self.looks.pop_back();
        }
        self.looks.push_back((now, total));
        // One look at or before the window's begin stays, to count from.
        while self.looks.len() > 2 && now.duration_since(self.looks[1].0) >= self.span {
            self.looks.pop_front();
        }
    }

    /// Per second.
    pub(crate) fn rate(&self) -> u64 {
        let (Some(first), Some(last)) = (self.looks.front(), self.looks.back()) else {
            return 0;
        };
        let time = last.0.duration_since(first.0).as_secs_f64();
        if time == 0.0 {
            return 0;
        }
        (last.1.saturating_sub(first.1) as f64 / time) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_forgets_what_is_older_than_its_span() {
        let start = Instant::now();
        let at = |tenths: u32| start + Duration::from_millis(100) * tenths;
        let mut window = Window::new(Window::SPAN, start, 1_000);
        assert_eq!(window.rate(), 0);
        // 100 a second for 20 s, then nothing.
        for tenths in 1..=200 {
            window.look(at(tenths), 1_000 + u64::from(tenths) * 10);
            assert!((99..=100).contains(&window.rate()), "{}", window.rate());
        }
        for tenths in 201..=300 {
            window.look(at(tenths), 3_000);
        }
        assert!((48..=52).contains(&window.rate()), "{}", window.rate());
        for tenths in 301..=410 {
            window.look(at(tenths), 3_000);
        }
        assert_eq!(window.rate(), 0);
        assert!(window.looks.len() <= 2 * Window::SAMPLES as usize);
    }
}

//! Whether two series of intervals differ by more than they scatter.
//!
//! The estimate is Hodges and Lehmann's: the median of the ratios of every interval of one series to
//! every interval of the other. Its range comes from turning round the test of Mann and Whitney,
//! which asks only for the order of values, so that a stall or a burst moves it little.
//!
//! Neighbouring intervals hang together: what filled a queue in one second is still there in the
//! next. Then twenty intervals say less than twenty independent ones would. The range is widened
//! for it, by the factor that a first-order process with the autocorrelation of the intervals'
//! ranks would need. This is the only place where the order of intervals counts.

/// The fewest intervals of each series that say anything.
pub const MIN_INTERVALS: usize = 5;

/// How one series lies to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The second divided by the first.
    pub ratio: f64,
    /// Lower and upper end of the range in which the true ratio is, with the confidence that was
    /// asked for. `None` when so few values can not carry that confidence.
    pub range: Option<(f64, f64)>,
}

impl Shift {
    /// Between two series of positive values, in the order of time. `error` is the share of pairs
    /// from one and the same distribution whose range may miss 1, such as 0.05. `None` when one of
    /// them has less than [`MIN_INTERVALS`].
    pub fn between(before: &[f64], after: &[f64], error: f64) -> Option<Self> {
        if before.len().min(after.len()) < MIN_INTERVALS {
            return None;
        }
        let mut ratios: Vec<f64> = before
            .iter()
            .flat_map(|b| after.iter().map(move |a| log(*a) - log(*b)))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let (m, n) = (before.len() as f64, after.len() as f64);
        let variance = m * n * (n * inflation(before) + m * inflation(after) + 1.0) / 12.0;
        let outside = m * n / 2.0 - 0.5 - normal_quantile(error / 2.0) * variance.sqrt();
        let range = (outside >= 1.0).then(|| {
            let rank = outside as usize;
            (ratios[rank - 1].exp(), ratios[ratios.len() - rank].exp())
        });
        Some(Self {
            ratio: median(&ratios).exp(),
            range,
        })
    }

    /// Whether the ratio is another than 1 by at least `margin` as a share, as far as the range
    /// tells; `None` without one.
    pub fn beyond(&self, margin: f64) -> Option<bool> {
        let (low, high) = self.range?;
        let excludes_one = low > 1.0 || high < 1.0;
        // Turned round it has to be as large.
        Some(excludes_one && self.ratio.ln().abs() >= margin.ln_1p())
    }
}

/// A stalled interval has no logarithm; one bit per second is below all that is not stalled.
fn log(value: f64) -> f64 {
    value.max(1.0).ln()
}

/// The median of values in any order, of which there is at least one.
pub(super) fn median_of(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    median(&values)
}

/// The median of a sorted series that is not empty.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// By how much the variance of a mean of these values exceeds that of independent ones, 1 or more.
fn inflation(series: &[f64]) -> f64 {
    let ranks = ranks(series);
    let count = series.len() as f64;
    let mean = ranks.iter().sum::<f64>() / count;
    let product = |(a, b): (&f64, &f64)| (a - mean) * (b - mean);
    let variance: f64 = ranks.iter().zip(&ranks).map(product).sum();
    if variance == 0.0 {
        return 1.0;
    }
    let neighbours: f64 = ranks.iter().zip(ranks.iter().skip(1)).map(product).sum();
    let measured = neighbours / variance;
    // In a short series it comes out too low, to first order by this much (Kendall 1954).
    let correlation = (measured + (1.0 + 3.0 * measured) / count).clamp(0.0, 0.9);
    (1.0 + correlation) / (1.0 - correlation)
}

/// The rank of each value; equal ones share theirs.
fn ranks(series: &[f64]) -> Vec<f64> {
    let mut sorted = series.to_vec();
    sorted.sort_by(f64::total_cmp);
    series
        .iter()
        .map(|value| {
            let below = sorted.partition_point(|other| other < value);
            let until = sorted.partition_point(|other| other <= value);
            f64::midpoint(below as f64, until as f64)
        })
        .collect()
}

/// How many standard deviations above the mean a normal value is with this probability, between 0
/// and 0.5 (Abramowitz and Stegun 26.2.23, wrong by less than 0.00045).
fn normal_quantile(upper_tail: f64) -> f64 {
    let t = (-2.0 * upper_tail.ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    t - above / below
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, seq::SliceRandom};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Normal values, by the sum of twelve uniform ones.
    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0
    }

    /// Goodput with 3 % of noise that hangs together by `rho` from one interval to the next.
    fn series(rng: &mut ChaCha8Rng, count: usize, level: f64, rho: f64) -> Vec<f64> {
        let mut state = normal(rng);
        (0..count)
            .map(|_| {
                state = rho * state + (1.0 - rho * rho).sqrt() * normal(rng);
                level * (1.0 + 0.03 * state)
            })
            .collect()
    }

    /// How many of many pairs are called different, as a share.
    fn different(count: usize, factor: f64, rho: f64) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let trials = 1000;
        let different = (0..trials)
            .filter(|_| {
                let before = series(&mut rng, count, 1e9, rho);
                let after = series(&mut rng, count, 1e9 * factor, rho);
                let shift = Shift::between(&before, &after, 0.05).unwrap();
                shift
                    .range
                    .is_some_and(|(low, high)| low > 1.0 || high < 1.0)
            })
            .count();
        different as f64 / f64::from(trials)
    }

    #[test]
    fn two_series_from_one_distribution_are_rarely_called_different() {
        for count in [5, 10, 30, 60] {
            let share = different(count, 1.0, 0.0);
            assert!(share <= 0.05, "{share} of the pairs of {count}");
        }
    }

    #[test]
    fn intervals_that_hang_together_do_not_fool_it() {
        for count in [10, 30, 60] {
            let share = different(count, 1.0, 0.6);
            assert!(share <= 0.1, "{share} of the pairs of {count}");
        }
    }

    #[test]
    fn a_tenth_more_at_three_percent_of_noise_is_found() {
        for count in [15, 30, 60] {
            for factor in [1.1, 1.0 / 1.1] {
                let share = different(count, factor, 0.0);
                assert!(share >= 0.99, "{share} of the pairs of {count}");
            }
        }
    }

    #[test]
    fn the_range_is_as_sure_as_was_asked_for() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let before = series(&mut rng, 20, 1e9, 0.0);
        let after = series(&mut rng, 20, 1.05e9, 0.0);
        let width = |error| {
            let (low, high) = Shift::between(&before, &after, error)
                .unwrap()
                .range
                .unwrap();
            high - low
        };
        assert!(width(0.001) > width(0.05));
        assert!(width(0.05) > width(0.3));
    }

    #[test]
    fn few_intervals_carry_little_and_fewer_none() {
        let five = [1e9, 1.1e9, 1e9, 1.2e9, 1e9];
        assert_eq!(Shift::between(&five, &five[..4], 0.05), None);
        let shift = Shift::between(&five, &five, 0.05).unwrap();
        assert_eq!(shift.ratio, 1.0);
        assert!(shift.range.is_some());
        assert_eq!(Shift::between(&five, &five, 0.001).unwrap().range, None);
    }

    #[test]
    fn a_steady_rate_has_no_noise() {
        let shift = Shift::between(&[1e9; 6], &[1.02e9; 6], 0.05).unwrap();
        let (low, high) = shift.range.unwrap();
        assert!((low - 1.02).abs() < 1e-9 && (high - 1.02).abs() < 1e-9);
    }

    #[test]
    fn a_stalled_interval_is_a_value_like_others() {
        let before = [1e9, 0.0, 1e9, 1e9, 1e9, 1e9];
        let shift = Shift::between(&before, &[0.9e9; 6], 0.05).unwrap();
        assert!((shift.ratio - 0.9).abs() < 1e-9);
        assert_eq!(
            Shift::between(&[0.0; 5], &[0.0; 5], 0.05).unwrap().ratio,
            1.0
        );
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (tail, z) in [(0.025, 1.959_964), (0.005, 2.575_829), (0.000_5, 3.290_527)] {
            assert!((normal_quantile(tail) - z).abs() < 0.000_45);
        }
    }

    prop_compose! {
        fn goodputs()(values in proptest::collection::vec(0.0..1e10, 5..40)) -> Vec<f64> {
            values
        }
    }

    proptest! {
        #[test]
        fn turned_round_it_says_the_opposite(before in goodputs(), after in goodputs()) {
            let there = Shift::between(&before, &after, 0.05).unwrap();
            let back = Shift::between(&after, &before, 0.05).unwrap();
            let opposite = |a: f64, b: f64| (a.ln() + b.ln()).abs() < 1e-6;
            prop_assert!(opposite(there.ratio, back.ratio));
            prop_assert_eq!(there.range.is_some(), back.range.is_some());
            if let (Some(there), Some(back)) = (there.range, back.range) {
                prop_assert!(opposite(there.0, back.1) && opposite(there.1, back.0));
            }
        }

        #[test]
        fn backwards_in_time_it_says_the_same(before in goodputs(), after in goodputs()) {
            let reversed = |series: &[f64]| series.iter().rev().copied().collect::<Vec<_>>();
            let forth = Shift::between(&before, &after, 0.05);
            prop_assert_eq!(forth, Shift::between(&reversed(&before), &reversed(&after), 0.05));
        }

        #[test]
        fn the_estimate_knows_no_order(before in goodputs(), after in goodputs(), seed: u64) {
            let mut shuffled = before.clone();
            shuffled.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            let there = Shift::between(&before, &after, 0.05).unwrap();
            prop_assert_eq!(there.ratio, Shift::between(&shuffled, &after, 0.05).unwrap().ratio);
        }

        #[test]
        fn the_estimate_lies_in_its_range(before in goodputs(), after in goodputs()) {
            let shift = Shift::between(&before, &after, 0.05).unwrap();
            if let Some((low, high)) = shift.range {
                prop_assert!(low <= shift.ratio && shift.ratio <= high);
            }
        }

        #[test]
        fn what_both_are_multiplied_by_does_not_matter(
            before in goodputs(), after in goodputs(), factor in 2.0..100.0
        ) {
            let scaled = |series: &[f64]| {
                series.iter().map(|value| (value + 1.0) * factor).collect::<Vec<_>>()
            };
            let raised = |series: &[f64]| {
                series.iter().map(|value| value + 1.0).collect::<Vec<_>>()
            };
            let plain = Shift::between(&raised(&before), &raised(&after), 0.05).unwrap();
            let large = Shift::between(&scaled(&before), &scaled(&after), 0.05).unwrap();
            prop_assert!((plain.ratio.ln() - large.ratio.ln()).abs() < 1e-6);
        }
    }
}

//! The layers beside each other.

use super::{Cost, Direction, Figures, Layer, Run, Step};
use crate::{Rate, compare::Shift};

/// Share of the pairs of layers that may be told apart though nothing differs, all pairs together.
pub(crate) const ERROR: f64 = 0.05;

/// Differences of less than this, as a share, are called noise however steady both sides were: two
/// runs of one and the same setup differ by as much (assumed).
pub(crate) const NEGLIGIBLE: f64 = 0.01;

/// One layer in one direction, all remotes together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lane<'a> {
    /// Who was measured, in the order of runs.
    pub(crate) remotes: Vec<&'a str>,
    /// Sum of their goodputs.
    pub(crate) bits_per_second: f64,
    /// The same for each interval that counts, in order.
    pub(crate) goodputs: Vec<f64>,
}

impl<'a> Lane<'a> {
    /// Of all runs of a layer that were measured; `None` where none was.
    pub(crate) fn of(runs: &'a [Run], direction: Direction, layer: Layer) -> Option<Self> {
        let runs = runs
            .iter()
            .filter(|run| (run.id.direction, run.id.layer) == (direction, layer));
        let mut lane: Option<Self> = None;
        for (run, figures) in runs.filter_map(|run| Some((run, run.figures()?))) {
            let goodputs = goodputs(figures);
            match &mut lane {
                None => {
                    lane = Some(Self {
                        remotes: vec![&run.id.remote],
                        bits_per_second: figures.bits_per_second,
                        goodputs,
                    });
                }
                Some(lane) => {
                    lane.remotes.push(&run.id.remote);
                    lane.bits_per_second += figures.bits_per_second;
                    lane.goodputs.truncate(goodputs.len());
                    for (sum, goodput) in lane.goodputs.iter_mut().zip(goodputs) {
                        *sum += goodput;
                    }
                }
            }
        }
        lane
    }
}

/// Goodput of the intervals that count: none of the warm-up, and not what was left at the end if it
/// is less than half an interval, which would be mostly noise.
fn goodputs(figures: &Figures) -> Vec<f64> {
    let counted = || figures.intervals.iter().filter(|slice| !slice.warm_up);
    let longest = counted().map(|slice| slice.ms).fold(0.0, f64::max);
    counted()
        .filter(|slice| slice.ms >= longest / 2.0)
        .map(|slice| slice.bits_per_second)
        .collect()
}

/// All layers that were measured and moved something.
pub(super) fn steps(runs: &[Run]) -> Vec<Step> {
    let mut steps = Vec::new();
    for direction in [Direction::Receive, Direction::Send] {
        let lanes: Vec<_> = Layer::ALL
            .into_iter()
            .filter_map(|layer| Some((layer, Lane::of(runs, direction, layer)?)))
            .filter(|(_, lane)| lane.bits_per_second > 0.0)
            .collect();
        let pairs = lanes.len().saturating_sub(1).max(1) as f64;
        for (index, (layer, lane)) in lanes.iter().enumerate() {
            let below = index.checked_sub(1).and_then(|below| lanes.get(below));
            steps.push(Step {
                direction,
                layer: *layer,
                bits_per_second: lane.bits_per_second,
                cost: below
                    .filter(|(_, below)| below.remotes == lane.remotes)
                    .map(|(over, below)| cost(*over, below, lane, ERROR / pairs)),
            });
        }
    }
    steps
}

fn cost(over: Layer, below: &Lane<'_>, lane: &Lane<'_>, error: f64) -> Cost {
    let seconds = |lane: &Lane<'_>| {
        Rate {
            bits_per_second: lane.bits_per_second,
        }
        .seconds_per_gib()
    };
    let shift = Shift::between(&below.goodputs, &lane.goodputs, error);
    Cost {
        over,
        percent: rounded(
            100.0 * (1.0 - lane.bits_per_second / below.bits_per_second),
            3,
        ),
        seconds_per_gib: rounded(seconds(lane) - seconds(below), 6),
        beyond_noise: shift.and_then(|shift| shift.beyond(NEGLIGIBLE)),
    }
}

/// To so many digits after the point: more would be noise that makes documents hard to read.
pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

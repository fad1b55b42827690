//! What is going on, in one line that is drawn anew with each interval.

use std::collections::BTreeMap;

use dolab_bench::report::{Direction, Event, Interval, Layer, RunId};

use super::{Style, chart};
use crate::units::Rate;

/// Intervals that the line shows of each run.
const SHOWN: usize = 20;

/// The runs that are going on.
#[derive(Clone, Debug)]
pub struct BenchLive {
    style: Style,
    runs: BTreeMap<RunId, Vec<Interval>>,
}

impl BenchLive {
    /// None yet.
    pub fn new(style: Style) -> Self {
        Self {
            style,
            runs: BTreeMap::new(),
        }
    }

    /// The line after something has happened: goodput of all remotes together, for each direction.
    pub fn line(&mut self, event: &Event) -> String {
        match event {
            Event::Started { run } => {
                self.runs.insert(run.clone(), Vec::new());
            }
            Event::Interval { run, interval } => {
                self.runs.entry(run.clone()).or_default().push(*interval);
            }
            Event::Ended { run, .. } => {
                self.runs.remove(run);
            }
        }
        let mut lanes: BTreeMap<(Direction, Layer), Vec<&Vec<Interval>>> = BTreeMap::new();
        for (run, intervals) in &self.runs {
            let lane = lanes.entry((run.direction, run.layer)).or_default();
            lane.push(intervals);
        }
        let told: Vec<_> = lanes
            .iter()
            .map(|(&(direction, layer), lane)| self.lane(direction, layer, lane))
            .collect();
        told.join("; ")
    }

    fn lane(&self, direction: Direction, layer: Layer, lane: &[&Vec<Interval>]) -> String {
        let name = format!("{} {}", direction.name(), layer.name());
        // Where one remote is ahead, its last interval has no counterpart yet.
        let common = lane.iter().map(|intervals| intervals.len()).min();
        let sums: Vec<f64> = (0..common.unwrap_or(0))
            .map(|at| lane.iter().map(|all| all[at].bits_per_second).sum())
            .collect();
        let Some(&bits_per_second) = sums.last() else {
            return format!("{name}: starting");
        };
        let warm_up = lane.iter().any(|all| all[sums.len() - 1].warm_up);
        let warm_up = if warm_up { ", warming up" } else { "" };
        let rtt = lane
            .iter()
            .filter_map(|all| all[sums.len() - 1].rtt_ms)
            .reduce(f64::max)
            .map_or_else(String::new, |ms| format!(", round trip {ms:.2} ms"));
        format!(
            "{name}: {} {}{rtt}{warm_up}",
            chart::spark(&sums, SHOWN, self.style.unicode),
            Rate { bits_per_second }
        )
    }
}

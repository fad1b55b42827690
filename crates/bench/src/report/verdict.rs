//! The answer in one sentence.

use super::{Direction, Layer, Options, Outcome, Run, RunResult, Step};
use crate::Rate;

/// What costs most, of all that was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Costliest<'a> {
    /// In which direction.
    pub(super) direction: Direction,
    /// Which layer; the lowest measured one stands for all below it too.
    pub(super) layer: Layer,
    /// What it takes of each GiB, in seconds.
    pub(super) seconds: f64,
    /// The layers of that direction, the lowest first.
    steps: &'a [Step],
}

impl Costliest<'_> {
    /// Whether it is the lowest that was measured.
    pub(super) fn is_lowest(&self) -> bool {
        self.lowest().layer == self.layer
    }

    fn lowest(&self) -> &Step {
        self.steps.first().expect("made from at least one")
    }

    fn highest(&self) -> &Step {
        self.steps.last().expect("made from at least one")
    }
}

/// The layer that takes most of a GiB's time, in the direction in which it takes more. A cost that
/// may be noise does not count.
pub(super) fn costliest(steps: &[Step]) -> Option<Costliest<'_>> {
    let directions = steps.chunk_by(|a, b| a.direction == b.direction);
    directions
        .flat_map(|steps| steps.iter().map(move |step| (step, steps)))
        .filter_map(|(step, steps)| {
            let seconds = match &step.cost {
                Some(cost) if cost.beyond_noise == Some(false) => return None,
                Some(cost) => cost.seconds_per_gib,
                None if steps.first() == Some(step) => rate(step).seconds_per_gib(),
                None => return None,
            };
            Some(Costliest {
                direction: step.direction,
                layer: step.layer,
                seconds,
                steps,
            })
        })
        .max_by(|a, b| a.seconds.total_cmp(&b.seconds))
}

pub(super) fn outcome(runs: &[Run]) -> Outcome {
    let is_done = |run: &Run| matches!(run.result, RunResult::Done { .. });
    let is_failed = |run: &Run| matches!(run.result, RunResult::Failed { .. });
    if !runs.iter().any(is_done) {
        Outcome::Failed
    } else if runs.iter().any(is_failed) {
        Outcome::Partial
    } else {
        Outcome::Done
    }
}

pub(super) fn summary(options: &Options, remotes: usize, runs: &[Run], steps: &[Step]) -> String {
    let Some(costliest) = costliest(steps) else {
        return nothing(runs);
    };
    let mut text = if costliest.steps.len() == 1 {
        alone(&costliest)
    } else if costliest.is_lowest() {
        pace(options, remotes, &costliest)
    } else {
        cost(&costliest)
    };
    let failed = runs
        .iter()
        .filter(|run| matches!(run.result, RunResult::Failed { .. }))
        .count();
    if failed > 0 {
        text += &format!("; {failed} of {} runs failed", runs.len());
    }
    text
}

/// Nothing came.
fn nothing(runs: &[Run]) -> String {
    let why = |run: &Run| match &run.result {
        RunResult::Failed { error, .. } => Some(error.clone()),
        RunResult::Skipped { .. } | RunResult::Done { .. } => None,
    };
    let skipped = |run: &Run| match &run.result {
        RunResult::Skipped { reason } => Some(reason.clone()),
        RunResult::Failed { .. } | RunResult::Done { .. } => None,
    };
    let why = runs.iter().find_map(why);
    match why.or_else(|| runs.iter().find_map(skipped)) {
        Some(why) => format!("nothing was measured: {why}"),
        None if runs.is_empty() => "nothing was measured: there was nothing to run".to_owned(),
        None => "nothing was measured: no byte came".to_owned(),
    }
}

/// One layer, and nothing to hold it against.
fn alone(costliest: &Costliest<'_>) -> String {
    format!(
        "{} carries {} when {}; more layers would show what each costs",
        costliest.layer.contains(),
        rate(costliest.highest()),
        costliest.direction.doing(),
    )
}

/// What lies below takes more than anything that comes on top.
fn pace(options: &Options, remotes: usize, costliest: &Costliest<'_>) -> String {
    let (lowest, highest) = (costliest.lowest(), costliest.highest());
    let doing = costliest.direction.doing();
    let limit = options
        .rate_limit_bits_per_second
        .map(|limit| limit * remotes as f64)
        .filter(|limit| lowest.bits_per_second >= 0.9 * limit);
    if let Some(bits_per_second) = limit {
        let limit = Rate { bits_per_second };
        return format!(
            "the rate limit of {limit:#} sets the pace when {doing}: {} carries {:#}, {} {:#}",
            lowest.layer.name(),
            rate(lowest),
            highest.layer.name(),
            rate(highest),
        );
    }
    let verb = match lowest.layer {
        Layer::Raw | Layer::Stored => "sets",
        Layer::Exchange | Layer::Verified => "set",
    };
    format!(
        "{} {verb} the pace when {doing}: {} s of the {} s that a GiB takes; {} carries {:#}, {} {:#}",
        lowest.layer.contains(),
        seconds(costliest.seconds),
        seconds(rate(highest).seconds_per_gib().max(costliest.seconds)),
        lowest.layer.name(),
        rate(lowest),
        highest.layer.name(),
        rate(highest),
    )
}

/// A layer takes more than all that lies below it.
fn cost(costliest: &Costliest<'_>) -> String {
    let step = costliest
        .steps
        .iter()
        .find(|step| step.layer == costliest.layer)
        .expect("taken from these");
    let below = step
        .cost
        .as_ref()
        .and_then(|cost| costliest.steps.iter().find(|step| step.layer == cost.over));
    let sure = match step.cost.as_ref().and_then(|cost| cost.beyond_noise) {
        Some(_) => "",
        None => " (too few intervals to be sure)",
    };
    let from = below.map_or_else(String::new, |below| format!("from {:#} ", rate(below)));
    format!(
        "{} costs most when {}: it adds {} s to each GiB, and goodput falls {from}to {:#}{sure}",
        step.layer.adds(),
        costliest.direction.doing(),
        seconds(costliest.seconds),
        rate(step),
    )
}

pub(super) fn rate(step: &Step) -> Rate {
    Rate {
        bits_per_second: step.bits_per_second,
    }
}

/// Seconds with as many digits as say something.
pub(super) fn seconds(seconds: f64) -> String {
    let digits = match seconds.abs() {
        s if s >= 100.0 => 0,
        s if s >= 10.0 => 1,
        s if s >= 0.1 => 2,
        _ => 3,
    };
    format!("{seconds:.digits$}")
}

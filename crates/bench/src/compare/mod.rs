//! Whether two benchmarks differ by more than their noise.
//!
//! Both are final documents of `dolab bench --json`. Compared is the goodput of the intervals, of
//! all remotes together, for each direction and layer that both measured. What an interval can not
//! show, such as another day, another route or a warmer processor, is taken for a difference. With
//! five reports or more on each side the reports are compared, one value each, and what makes one
//! run differ from the next is part of the noise.

mod error;
mod noise;
mod read;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::{
    error::{Difference, Incomparable, Side},
    noise::{MIN_INTERVALS, Shift},
    read::read,
};
use crate::report::{Direction, ERROR, Lane, Layer, NEGLIGIBLE, Report, rounded};

/// Name and version of the document.
pub const SCHEMA: &str = "dolab.bench-compare/1";

/// What two benchmarks say beside each other. Serialised, it is the final document of
/// `dolab bench --compare A B --json` (`docs/schema/bench-compare-1.json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The worst of the rows: slower, then unclear, then faster, then the same.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub summary: String,
    /// Confidence of the ranges, all rows together, in percent.
    pub confidence_percent: f64,
    /// What the values are.
    pub values: Values,
    /// One for each direction and layer that both measured.
    pub rows: Vec<Row>,
    /// What only one of them measured.
    pub not_compared: Vec<NotCompared>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Values {
    /// The intervals of one report with those of another.
    Intervals,
    /// Several reports with several others, one value for each.
    Reports,
}

impl Values {
    fn of(before: &[Report], after: &[Report]) -> Result<Self, Incomparable> {
        match (before.len(), after.len()) {
            (1, 1) => Ok(Self::Intervals),
            (b, a) if b.min(a) >= MIN_INTERVALS => Ok(Self::Reports),
            (before, after) => Err(Incomparable::OddNumber { before, after }),
        }
    }
}

/// One direction and layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which way.
    pub direction: Direction,
    /// Which layer.
    pub layer: Layer,
    /// Median goodput of the first one.
    pub before_bits_per_second: f64,
    /// Median goodput of the second one.
    pub after_bits_per_second: f64,
    /// How much faster the second is, in percent of the first; negative where it is slower. The
    /// median over all pairs of values, which need not be the quotient of the two medians.
    pub change_percent: f64,
    /// In which the true change lies, in percent; `None` when the intervals are too few, or hang
    /// together too much, to say.
    pub range_percent: Option<Range>,
    /// The answer.
    pub verdict: Verdict,
}

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How the second lies to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They do not differ beyond noise.
    Same,
    /// The second is faster.
    Faster,
    /// There is too little to say.
    Unclear,
    /// The second is slower.
    Slower,
}

impl Verdict {
    /// The program's exit code for it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Same | Self::Faster => 0,
            Self::Slower => 1,
            Self::Unclear => 4,
        }
    }

    /// The same in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Same => "no difference beyond noise",
            Self::Faster => "faster",
            Self::Unclear => "too few independent values to say",
            Self::Slower => "slower",
        }
    }
}

/// What only one of two benchmarks measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCompared {
    /// Which way.
    pub direction: Direction,
    /// Which layer.
    pub layer: Layer,
    /// Why not, in one line.
    pub why: String,
}

/// Holds the second against the first: one report each, or [`MIN_INTERVALS`] and more each.
///
/// # Errors
/// When they were made in different ways, or there is too little to compare.
pub fn compare(before: &[Report], after: &[Report]) -> Result<Comparison, Incomparable> {
    let values = Values::of(before, after)?;
    if let [first, others @ ..] = before {
        for other in others.iter().chain(after) {
            same_way(first, other)?;
        }
    }
    let mut pairs = Vec::new();
    let mut not_compared = Vec::new();
    for direction in [Direction::Receive, Direction::Send] {
        for layer in Layer::ALL {
            let samples = [before, after].map(|reports| Sample::of(reports, direction, layer));
            let why = match samples {
                [None, None] => continue,
                [None, Some(_)] => Side::Before.only_other(),
                [Some(_), None] => Side::After.only_other(),
                [Some(a), Some(b)] if a.remotes != b.remotes => {
                    "not the same number of remotes was measured".to_owned()
                }
                [Some(a), Some(b)] => {
                    pairs.push((direction, layer, a.goodputs, b.goodputs));
                    continue;
                }
            };
            not_compared.push(NotCompared {
                direction,
                layer,
                why,
            });
        }
    }
    if pairs.is_empty() {
        return Err(Incomparable::NothingInCommon);
    }
    let error = ERROR / pairs.len() as f64;
    let rows = pairs
        .into_iter()
        .map(|(direction, layer, a, b)| row(direction, layer, a, b, error))
        .collect::<Result<Vec<_>, _>>()?;
    let verdict = rows.iter().map(|row| row.verdict).max();
    Ok(Comparison {
        schema: SCHEMA.to_owned(),
        verdict: verdict.expect("there is at least one"),
        summary: summary(&rows),
        confidence_percent: 100.0 * (1.0 - ERROR),
        values,
        rows,
        not_compared,
    })
}

/// What one side measured of a layer.
struct Sample {
    remotes: usize,
    goodputs: Vec<f64>,
}

impl Sample {
    /// `None` where a report lacks it, or not all have it with the same number of remotes.
    fn of(reports: &[Report], direction: Direction, layer: Layer) -> Option<Self> {
        let lanes: Vec<_> = reports
            .iter()
            .map(|report| Lane::of(&report.runs, direction, layer))
            .collect::<Option<_>>()?;
        let remotes = lanes.first()?.remotes.len();
        if lanes.iter().any(|lane| lane.remotes.len() != remotes) {
            return None;
        }
        let goodputs = match lanes.as_slice() {
            [lane] => lane.goodputs.clone(),
            lanes => lanes.iter().map(|lane| lane.bits_per_second).collect(),
        };
        Some(Self { remotes, goodputs })
    }
}

/// Whether both were made in the same way, of what was set.
fn same_way(before: &Report, after: &Report) -> Result<(), Incomparable> {
    let settings = |report: &Report| match serde_json::to_value(&report.options) {
        Ok(serde_json::Value::Object(settings)) => settings,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    let (before_settings, after_settings) = (settings(before), settings(after));
    let mut differences: Vec<_> = before_settings
        .iter()
        .filter_map(|(setting, value)| {
            let other = &after_settings[setting];
            (value != other).then(|| Difference {
                setting: setting.clone(),
                before: value.to_string(),
                after: other.to_string(),
            })
        })
        .collect();
    if before.remotes.len() != after.remotes.len() {
        differences.push(Difference {
            setting: "remotes".to_owned(),
            before: before.remotes.len().to_string(),
            after: after.remotes.len().to_string(),
        });
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Incomparable::MadeDifferently { differences })
    }
}

fn row(
    direction: Direction,
    layer: Layer,
    before: Vec<f64>,
    after: Vec<f64>,
    error: f64,
) -> Result<Row, Incomparable> {
    for (side, goodputs) in [(Side::Before, &before), (Side::After, &after)] {
        if goodputs.len() < MIN_INTERVALS {
            return Err(Incomparable::TooFewIntervals {
                side,
                direction,
                layer,
                found: goodputs.len(),
            });
        }
    }
    let shift = Shift::between(&before, &after, error).expect("both have values enough");
    let percent = |ratio: f64| rounded(100.0 * (ratio - 1.0), 3);
    let verdict = match shift.beyond(NEGLIGIBLE) {
        None => Verdict::Unclear,
        Some(false) => Verdict::Same,
        Some(true) if shift.ratio > 1.0 => Verdict::Faster,
        Some(true) => Verdict::Slower,
    };
    Ok(Row {
        direction,
        layer,
        before_bits_per_second: noise::median_of(before),
        after_bits_per_second: noise::median_of(after),
        change_percent: percent(shift.ratio),
        range_percent: shift.range.map(|(low, high)| Range {
            low: percent(low),
            high: percent(high),
        }),
        verdict,
    })
}

/// The answer, with the row that differs most.
fn summary(rows: &[Row]) -> String {
    let most = |verdict| {
        rows.iter()
            .filter(|row| row.verdict == verdict)
            .max_by(|a, b| {
                let size = |row: &Row| (1.0 + row.change_percent / 100.0).ln().abs();
                size(a).total_cmp(&size(b))
            })
            .map(|row| (row.layer.name(), row.direction.name(), row.change_percent))
    };
    let told = |(layer, direction, change): (&str, &str, f64), what| {
        format!("{layer} {direction} is {:.1} % {what}", change.abs())
    };
    let parts: Vec<_> = [(Verdict::Slower, "slower"), (Verdict::Faster, "faster")]
        .into_iter()
        .filter_map(|(verdict, word)| most(verdict).map(|row| told(row, word)))
        .collect();
    if !parts.is_empty() {
        return format!("the second differs beyond noise: {}", parts.join(", "));
    }
    if rows.iter().any(|row| row.verdict == Verdict::Unclear) {
        return "there are too few independent values to say: run both for longer".to_owned();
    }
    "the second does not differ from the first beyond noise".to_owned()
}

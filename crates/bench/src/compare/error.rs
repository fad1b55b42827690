use std::fmt;

use thiserror::Error;

use super::MIN_INTERVALS;
use crate::report::{self, Direction, Layer};

/// Why two documents can not be compared. It is the caller's to mend: no host has failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Incomparable {
    /// A file holds no final document of a benchmark.
    #[error("no report of a benchmark: {why}; write one with `dolab bench HOST --json > FILE`")]
    NoReport {
        /// What is wrong with it.
        why: String,
    },
    /// A document of another kind or version.
    #[error(
        "the document is `{found}`, and this dolab compares `{}`: use the dolab that wrote it",
        report::SCHEMA
    )]
    OtherSchema {
        /// What it says it is.
        found: String,
    },
    /// They were not made in the same way, so that a difference would say nothing.
    #[error("not made in the same way: {}; run again with the settings of the other", list(.differences))]
    MadeDifferently {
        /// What differs.
        differences: Vec<Difference>,
    },
    /// Neither one report on each side, nor enough to compare reports with reports.
    #[error(
        "{before} reports in the first file and {after} in the second: one in each is compared by its \
         intervals, {MIN_INTERVALS} and more in each by their goodput"
    )]
    OddNumber {
        /// Reports in the first.
        before: usize,
        /// Reports in the second.
        after: usize,
    },
    /// No layer was measured by both.
    #[error("no direction and layer was measured in both; see what failed with each")]
    NothingInCommon,
    /// Too little was measured to tell noise from a difference.
    #[error(
        "{side} has {found} intervals of {} {} after the warm-up, and {MIN_INTERVALS} are needed: \
         run it for longer, or with a shorter --interval",
        .layer.name(),
        .direction.name()
    )]
    TooFewIntervals {
        /// Which of the two.
        side: Side,
        /// Which way.
        direction: Direction,
        /// Which layer.
        layer: Layer,
        /// How many it has.
        found: usize,
    },
}

/// A setting in which two benchmarks differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name in the document.
    pub setting: String,
    /// What it is in one report, as JSON.
    pub before: String,
    /// What it is in the other, as JSON.
    pub after: String,
}

fn list(differences: &[Difference]) -> String {
    let told: Vec<_> = differences
        .iter()
        .map(|difference| {
            let Difference {
                setting,
                before,
                after,
            } = difference;
            format!("{setting} is {before} in one report and {after} in another")
        })
        .collect();
    told.join(", ")
}

/// Which of two benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    Before,
    /// The second.
    After,
}

impl Side {
    /// What to say of something that this side lacks.
    pub(super) fn only_other(self) -> String {
        format!("{self} did not measure it")
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "the first",
            Self::After => "the second",
        })
    }
}

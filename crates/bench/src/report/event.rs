//! What is said while a benchmark runs. With `--json`, each is an event of `dolab.event/1`.

use serde::Serialize;

use super::{Interval, RunId, Status};

/// Something that happened. Serialised, only the fields: [`Event::name`] goes beside them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// A run begins.
    Started {
        /// Which.
        #[serde(flatten)]
        run: RunId,
    },
    /// A slice of a run is over.
    Interval {
        /// Of which run.
        #[serde(flatten)]
        run: RunId,
        /// The slice, as it will stand in the final document.
        #[serde(flatten)]
        interval: Interval,
    },
    /// A run is over. What was measured stands in the final document only.
    Ended {
        /// Which.
        #[serde(flatten)]
        run: RunId,
        /// How.
        status: Status,
    },
}

impl Event {
    /// What the event is called in the stream.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "bench-run-started",
            Self::Interval { .. } => "bench-interval",
            Self::Ended { .. } => "bench-run-ended",
        }
    }
}

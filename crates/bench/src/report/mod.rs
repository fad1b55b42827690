//! What a benchmark says. Serialised, [`Report`] is the final document of `dolab bench --json`, and
//! [`Event`] what comes before it (`docs/schema/bench-1.json`).
//!
//! Every direction is seen from this host, the one that runs the benchmark. Whatever the system does
//! not tell is `null`, never zero.

mod advice;
mod event;
mod figures;
pub mod grid;
pub mod html;
mod options;
mod steps;
#[cfg(test)]
pub(crate) mod tests;
mod verdict;
mod words;

use serde::{Deserialize, Serialize};

pub(crate) use self::steps::{ERROR, Lane, NEGLIGIBLE, rounded};
pub use self::{
    event::Event,
    figures::{
        Bloat, BothEnds, Figures, Grade, Interval, Percentiles, RoundTrip, Spread, Stall,
        StallReason,
    },
    options::{Options, Sink, Source},
};

/// Name and version of the document.
pub const SCHEMA: &str = "dolab.bench/1";

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// How it ended, in a word.
    pub outcome: Outcome,
    /// The answer in one sentence: which layer costs most.
    pub summary: String,
    /// What to try, the most promising first.
    pub advice: Vec<String>,
    /// When it began, in seconds since 1970-01-01 UTC by this host's clock.
    pub started_unix_seconds: u64,
    /// Every setting that was used.
    pub options: Options,
    /// This host.
    pub local: Host,
    /// The other hosts, in the order in which they were named.
    pub remotes: Vec<Host>,
    /// The layers beside each other: the goodput of all remotes together, and what a layer costs
    /// over the one below it. One for each direction and layer that was measured, lowest first.
    pub steps: Vec<Step>,
    /// One for each layer, direction and remote.
    pub runs: Vec<Run>,
}

impl Report {
    /// What so many runs say together: the layers beside each other, the sentence, the advice.
    pub fn new(
        options: Options,
        local: Host,
        remotes: Vec<Host>,
        started_unix_seconds: u64,
        runs: Vec<Run>,
    ) -> Self {
        let steps = steps::steps(&runs);
        let costliest = verdict::costliest(&steps);
        Self {
            schema: SCHEMA.to_owned(),
            outcome: verdict::outcome(&runs),
            summary: verdict::summary(&options, remotes.len(), &runs, &steps),
            advice: advice::advice(&options, &local, &remotes, &runs, costliest.as_ref()),
            started_unix_seconds,
            options,
            local,
            remotes,
            steps,
            runs,
        }
    }

    /// Goodput of a layer in bits per second, all remotes together, for each interval after the
    /// warm-up; none where it was not measured.
    pub fn goodputs(&self, direction: Direction, layer: Layer) -> Vec<f64> {
        Lane::of(&self.runs, direction, layer).map_or_else(Vec::new, |lane| lane.goodputs)
    }
}

/// How a benchmark ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Whatever was asked for was measured, or skipped for a reason that is no fault.
    Done,
    /// A part of it failed.
    Partial,
    /// Nothing was measured.
    Failed,
}

impl Outcome {
    /// The program's exit code for it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Partial => 1,
            Self::Failed => 4,
        }
    }
}

/// A host that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// What names it in [`RunId::remote`]: `ADDRESS:PORT` of its exchange, unique in a report. `None`
    /// for this host, which is nobody's remote.
    pub address: Option<String>,
    /// Its name as it says itself, or as the user typed it where it does not say.
    pub host: String,
    /// Operating system, such as `linux`.
    pub os: Option<String>,
    /// Version of dolab that runs there.
    pub version: Option<String>,
    /// Processors that its system lets dolab use.
    pub cores: Option<u32>,
    /// Whether SHA-256 is computed with the processor's own instructions for it. Without them a
    /// core hashes about a quarter as much (measured: 0.53 against 2.0 GiB/s).
    pub sha_instructions: Option<bool>,
}

/// How much of the path a transfer goes through. Each layer has all of the one below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Bytes over TCP connections, as iperf3 sends them.
    Raw,
    /// The Swarm protocol, without hashes and without a disk.
    Exchange,
    /// Also hashed, piece by piece.
    Verified,
    /// Also written to the disk.
    Stored,
}

impl Layer {
    /// All of them, the lowest first.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Exchange, Self::Verified, Self::Stored];
}

/// Which way content moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To this host.
    Receive,
    /// From this host.
    Send,
}

/// Which run: no two of a report have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId {
    /// Which way.
    pub direction: Direction,
    /// Which layer.
    pub layer: Layer,
    /// With whom: [`Host::address`] of one of [`Report::remotes`].
    pub remote: String,
}

/// One layer, in one direction, with one remote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Which one.
    #[serde(flatten)]
    pub id: RunId,
    /// How it ended.
    #[serde(flatten)]
    pub result: RunResult,
}

impl Run {
    /// What was measured, where the run came to its end.
    pub fn figures(&self) -> Option<&Figures> {
        match &self.result {
            RunResult::Done { figures } => Some(figures),
            RunResult::Skipped { .. } | RunResult::Failed { .. } => None,
        }
    }
}

/// How a run ended: in the document, [`Status`] as `status` and the fields of that status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum RunResult {
    /// It was measured.
    Done {
        /// What was measured.
        figures: Box<Figures>,
    },
    /// It was not tried, and nothing is wrong: such as a peer that offers no disk.
    Skipped {
        /// Why, in one line.
        reason: String,
    },
    /// It broke.
    Failed {
        /// What went wrong: lower-case, one line.
        error: String,
        /// Delivery Optimization's own code for it, such as `0x80D02002`, where there is one.
        do_error: Option<String>,
    },
}

impl RunResult {
    /// The same in a word.
    pub fn status(&self) -> Status {
        match self {
            Self::Done { .. } => Status::Done,
            Self::Skipped { .. } => Status::Skipped,
            Self::Failed { .. } => Status::Failed,
        }
    }
}

/// How a run ended, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It was measured.
    Done,
    /// It was not tried, and nothing is wrong.
    Skipped,
    /// It broke.
    Failed,
}

/// A layer beside the others, all remotes together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Which way.
    pub direction: Direction,
    /// Which layer.
    pub layer: Layer,
    /// Goodput of all remotes together.
    pub bits_per_second: f64,
    /// Against the layer below; `None` for the lowest that was measured.
    pub cost: Option<Cost>,
}

/// What a layer costs over the one below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The layer below: the next lower one that was measured.
    pub over: Layer,
    /// Goodput that is lost, in percent of the layer below; negative where this layer was faster.
    pub percent: f64,
    /// Seconds that a GiB takes longer; negative where this layer was faster.
    pub seconds_per_gib: f64,
    /// Whether the two differ by more than their intervals scatter; `None` with too few intervals
    /// to say.
    pub beyond_noise: Option<bool>,
}

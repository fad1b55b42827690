//! What runs of scenarios say all together.

mod confusion;
mod drawing;
mod junit;
mod outcome;
#[cfg(test)]
mod tests;
mod words;

use serde::Serialize;

pub use self::{
    confusion::confusion,
    drawing::drawing,
    junit::junit,
    outcome::{ActionOutcome, Found, Outcome},
    words::words,
};

/// Name and version of the document.
pub const SCHEMA: &str = "dolab.lab/1";

/// The final document of `dolab lab run --json` (`docs/schema/lab-1.json`).
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Whether every expectation was met: `pass`, or else `fail`.
    pub verdict: &'static str,
    /// The answer in one sentence.
    pub summary: String,
    /// How long it took.
    pub seconds: f64,
    /// Runs that went on at one time.
    pub jobs: usize,
    /// Every run: by the scenario's name, the broken twin before the healthy one.
    pub runs: Vec<Run>,
}

/// One run in the document.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Whether everything was as expected.
    pub met: bool,
    /// The rest.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Report {
    /// Of these runs.
    pub fn new(mut outcomes: Vec<Outcome>, seconds: f64, jobs: usize) -> Self {
        outcomes.sort_by(|a, b| (&a.scenario, a.twin).cmp(&(&b.scenario, b.twin)));
        let runs: Vec<_> = outcomes
            .into_iter()
            .map(|outcome| Run {
                met: outcome.is_met(),
                outcome,
            })
            .collect();
        let met = runs.iter().all(|run| run.met);
        Self {
            schema: SCHEMA,
            verdict: if met { "pass" } else { "fail" },
            summary: summary(&runs),
            seconds,
            jobs,
            runs,
        }
    }

    /// Whether every expectation was met.
    pub fn is_met(&self) -> bool {
        self.runs.iter().all(|run| run.met)
    }
}

fn summary(runs: &[Run]) -> String {
    let of = |twin: &str| runs.iter().filter(|run| run.outcome.twin == twin).count();
    let plural = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    let (broken, healthy) = (of("broken"), of("healthy"));
    let ran = match (broken, healthy) {
        (broken, 0) => plural(broken, "failure"),
        (0, healthy) => plural(healthy, "healthy twin"),
        (broken, healthy) => format!(
            "{} and {}",
            plural(broken, "failure"),
            plural(healthy, "healthy twin")
        ),
    };
    let unmet: Vec<_> = runs.iter().filter(|run| !run.met).collect();
    match unmet.as_slice() {
        [] => {
            let how = match (broken, healthy) {
                (_, 0) => "recognised",
                (0, _) => "nothing found",
                _ => "what is broken is recognised, nothing is found in what is healthy",
            };
            format!("as expected: {ran}: {how}")
        }
        [run] => format!(
            "not as expected: {} ({}): {}",
            run.outcome.scenario,
            run.outcome.twin,
            run.outcome.differences().first().map_or("", String::as_str)
        ),
        unmet => format!("not as expected: {} of {} runs", unmet.len(), runs.len()),
    }
}

//! How far the lab is, while it runs.

use dolab_lab::{report::Outcome, scenario::Scenario};
use serde::Serialize;

use crate::output::Output;

/// A line, and an event, for each run that has ended.
pub(super) fn ended(outcome: &Outcome, output: &Output) {
    let word = if outcome.is_met() { "ok  " } else { "FAIL" };
    let found: Vec<_> = outcome.found().into_iter().collect();
    let found = if found.is_empty() {
        "nothing found".to_owned()
    } else {
        found.join(", ")
    };
    let mut line = format!(
        "{word} {} ({}): {found}, {:.1} s",
        outcome.scenario, outcome.twin, outcome.seconds
    );
    for difference in outcome.differences() {
        line.push_str("\n       ");
        line.push_str(&difference);
    }
    output.note(line);
    #[derive(Serialize)]
    struct Fields<'a> {
        scenario: &'a str,
        twin: &'a str,
        met: bool,
        found: Vec<&'a str>,
        differences: Vec<String>,
        seconds: f64,
    }
    output.event(
        "run-ended",
        Fields {
            scenario: &outcome.scenario,
            twin: outcome.twin,
            met: outcome.is_met(),
            found: outcome.found().into_iter().collect(),
            differences: outcome.differences(),
            seconds: outcome.seconds,
        },
    );
}

/// Something that happens in a run: an event, and a line where the user wants to see more.
pub(super) fn step(scenario: &Scenario, twin: &str, what: &str, output: &Output) {
    tracing::info!("{} ({twin}): {what}", scenario.name);
    #[derive(Serialize)]
    struct Fields<'a> {
        scenario: &'a str,
        twin: &'a str,
        what: &'a str,
    }
    output.event(
        "step",
        Fields {
            scenario: &scenario.name,
            twin,
            what,
        },
    );
}

//! How a run went.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

#[cfg(any(target_os = "linux", test))]
use crate::scenario::{Action, Scenario, Variant};

/// How a run of one of the two twins went.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The scenario.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// `broken` or `healthy`.
    pub twin: &'static str,
    /// The failures that it shows.
    pub codes: Vec<String>,
    /// What was done, in the order in which it ended.
    pub actions: Vec<ActionOutcome>,
    /// What kept it from running to its end.
    pub trouble: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

/// How an action went.
#[derive(Clone, Debug, Serialize)]
pub struct ActionOutcome {
    /// Its name.
    pub name: String,
    /// What was done.
    pub action: String,
    /// The program's exit code; `None` where it goes on or a signal ended it.
    pub exit: Option<i32>,
    /// What it found.
    pub findings: Vec<Found>,
    /// Codes among them that were not expected.
    pub unexpected: Vec<String>,
    /// How it differs from what was expected.
    pub differences: Vec<String>,
    /// How long it took.
    pub seconds: f64,
    /// The program's final document.
    pub document: Value,
    /// The end of what it wrote on standard error.
    pub stderr: Vec<String>,
}

/// A finding that an action has reported.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Found {
    /// Its code.
    pub code: String,
    /// How bad.
    pub severity: String,
}

impl Found {
    /// The findings in a document of `dolab check`, `fetch` or `diagnose`.
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn of(document: &Value) -> Vec<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let findings = document["findings"].as_array().into_iter().flatten();
        findings
            .map(|finding| Self {
                code: text(&finding["code"]),
                severity: text(&finding["severity"]),
            })
            .collect()
    }
}

impl ActionOutcome {
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn new(action: &Action, seconds: f64) -> Self {
        Self {
            name: action.name.clone(),
            action: action.words(),
            exit: None,
            findings: Vec::new(),
            unexpected: Vec::new(),
            differences: Vec::new(),
            seconds,
            document: Value::Null,
            stderr: Vec::new(),
        }
    }
}

#[cfg(target_os = "linux")]
impl ActionOutcome {
    /// How it has ended, in a few words.
    pub(crate) fn words(&self) -> String {
        let mut words = match self.exit {
            Some(exit) => format!("{}: exit code {exit}", self.action),
            None => format!("{}: done", self.action),
        };
        for found in &self.findings {
            words.push_str(&format!(", {}", found.code));
        }
        words
    }
}

impl Outcome {
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn new(scenario: &Scenario, variant: Variant) -> Self {
        Self {
            scenario: scenario.name.clone(),
            title: scenario.title.clone(),
            twin: variant.name(),
            codes: scenario.codes.clone(),
            actions: Vec::new(),
            trouble: None,
            seconds: 0.0,
        }
    }

    /// Whether everything was as expected.
    pub fn is_met(&self) -> bool {
        self.trouble.is_none()
            && self
                .actions
                .iter()
                .all(|action| action.differences.is_empty())
    }

    /// The codes of everything that was found.
    pub fn found(&self) -> BTreeSet<&str> {
        let actions = self.actions.iter();
        actions
            .flat_map(|action| &action.findings)
            .map(|found| found.code.as_str())
            .collect()
    }

    /// The codes of what was found and not expected.
    pub fn unexpected(&self) -> impl Iterator<Item = &str> {
        let actions = self.actions.iter();
        actions.flat_map(|action| action.unexpected.iter().map(String::as_str))
    }

    /// Everything that was not as expected, each with the action that it is of.
    pub fn differences(&self) -> Vec<String> {
        let of_actions = self.actions.iter().flat_map(|action| {
            let differences = action.differences.iter();
            differences.map(move |difference| format!("{}: {difference}", action.name))
        });
        self.trouble.iter().cloned().chain(of_actions).collect()
    }
}

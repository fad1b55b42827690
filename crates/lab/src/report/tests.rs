use serde_json::json;

use super::*;
use crate::scenario::{Scenario, Variant, embedded};

fn scenario() -> Scenario {
    embedded::named("inbound-7680-dropped").unwrap().unwrap()
}

/// A run of the scenario that found these, of which the second half was not expected.
fn run(variant: Variant, found: &[&str], unexpected: &[&str]) -> Outcome {
    let scenario = scenario();
    let mut outcome = Outcome::new(&scenario, variant);
    let mut action = ActionOutcome::new(&scenario.actions[0], 1.5);
    let document = json!({ "findings": found
        .iter()
        .map(|code| json!({ "code": code, "severity": "error" }))
        .collect::<Vec<_>>() });
    action.findings = Found::of(&document);
    action.unexpected = unexpected.iter().map(ToString::to_string).collect();
    action.differences = unexpected
        .iter()
        .map(|code| format!("finding {code} that nobody expects, <as> XML \"text\" & \u{1}"))
        .collect();
    outcome.actions.push(action);
    outcome
}

#[test]
fn the_answer_in_a_sentence() {
    let good = run(Variant::Broken, &["DL014"], &[]);
    let twin = run(Variant::Healthy, &[], &[]);
    let report = |runs: &[&Outcome]| {
        let runs = runs.iter().map(|run| (*run).clone()).collect();
        Report::new(runs, 2.0, 1)
    };
    let both = report(&[&twin, &good]);
    assert!(both.is_met());
    assert_eq!(both.verdict, "pass");
    assert_eq!(
        both.runs
            .iter()
            .map(|run| run.outcome.twin)
            .collect::<Vec<_>>(),
        ["broken", "healthy"]
    );
    insta::assert_snapshot!(both.summary, @"as expected: 1 failure and 1 healthy twin: what is broken is recognised, nothing is found in what is healthy");
    insta::assert_snapshot!(report(&[&good]).summary, @"as expected: 1 failure: recognised");
    let bad = run(Variant::Healthy, &["DL017"], &["DL017"]);
    let failed = report(&[&good, &bad]);
    assert!(!failed.is_met());
    assert!(
        failed
            .summary
            .starts_with("not as expected: inbound-7680-dropped (healthy): check: ")
    );
}

#[test]
fn a_confusion_is_counted() {
    let page = confusion(&Report::new(
        vec![
            run(Variant::Broken, &["DL014"], &[]),
            run(Variant::Broken, &["DL017", "DL020"], &["DL017"]),
            run(Variant::Healthy, &[], &[]),
            run(Variant::Healthy, &["DL115"], &["DL115"]),
        ],
        1.0,
        1,
    ));
    let line = page
        .lines()
        .find(|line| line.starts_with("| DL014"))
        .unwrap();
    assert_eq!(
        line,
        "| DL014 | inbound-7680-dropped | 1 of 2 | DL020 | DL017, DL115 | 2 | 1 |"
    );
    assert!(page.contains(
        "2 failures were made, 1 were recognised. 2 healthy twins ran, nothing was found in 1."
    ));
}

#[test]
fn junit_is_well_formed_whatever_a_program_says() {
    let mut troubled = run(Variant::Healthy, &[], &[]);
    troubled.trouble = Some("dolab peer on b: it ended\n  with \u{1b}[31mcolours".into());
    let runs = vec![run(Variant::Broken, &["DL017"], &["DL017"]), troubled];
    let xml = junit(&Report::new(runs, 1.0, 1));
    let document = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!(
        (document.tests, document.failures, document.errors),
        (2, 1, 1)
    );
}

#[test]
fn a_network_is_drawn() {
    let scenario = Scenario::parse(
        "campus",
        "campus",
        &include_str!("../../../../scenarios/inbound-7680-dropped.toml")
            .replace("\"link\"", "\"campus\""),
    );
    insta::assert_snapshot!(drawing(scenario.unwrap().topology(Variant::Healthy)));
}

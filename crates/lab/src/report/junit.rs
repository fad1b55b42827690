//! JUnit XML, which build servers read.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::Report;

/// The runs as JUnit XML: a test case for each, the broken and the healthy ones in a suite each.
pub fn junit(report: &Report) -> String {
    let mut document = Document::new("dolab lab");
    for twin in ["broken", "healthy"] {
        let mut suite = TestSuite::new(twin);
        for run in report.runs.iter().filter(|run| run.outcome.twin == twin) {
            let outcome = &run.outcome;
            let status = if run.met {
                TestCaseStatus::success()
            } else {
                // What kept it from running is no answer of the program.
                let kind = match &outcome.trouble {
                    Some(_) => NonSuccessKind::Error,
                    None => NonSuccessKind::Failure,
                };
                let differences = outcome.differences();
                let mut status = TestCaseStatus::non_success(kind);
                status.set_message(differences.first().cloned().unwrap_or_default());
                status.set_description(differences.join("\n"));
                status
            };
            let mut case = TestCase::new(outcome.scenario.clone(), status);
            case.set_classname(outcome.codes.join(" "));
            case.set_time(Duration::from_secs_f64(outcome.seconds.max(0.0)));
            if !run.met {
                let said: Vec<_> = outcome
                    .actions
                    .iter()
                    .filter(|action| !action.differences.is_empty())
                    .map(|action| {
                        format!(
                            "{}\n{}\n{}",
                            action.action,
                            action.document,
                            action.stderr.join("\n")
                        )
                    })
                    .collect();
                case.set_system_out(said.join("\n\n"));
            }
            suite.add_test_case(case);
        }
        if suite.tests > 0 {
            document.add_test_suite(suite);
        }
    }
    document
        .to_string()
        .expect("writing to memory does not fail")
}

//! What is known of a failure.

use std::fmt::Write as _;

use comfy_table::ColumnConstraint;
use dolab_catalogue::{Failure, Shown, source};

use super::{Style, labelled::labelled, table};

/// All that is known of one.
pub fn failure(style: Style, failure: &Failure) -> String {
    let head = style.bold(&format!("{}: {}", failure.code, failure.title));
    let mut text = format!("{head}\n\n");
    let mut rows = vec![
        ("what you see", flowing(&failure.symptom)),
        ("why", flowing(&failure.cause)),
        ("whose fault", failure.fault.clone()),
        ("what to do", failure.mend.clone()),
    ];
    for code in &failure.do_codes {
        let meaning = code.meaning().unwrap_or("not in Microsoft's public list");
        rows.push(("code", format!("{code}: {meaning}")));
    }
    rows.push(("found by", flowing(&failure.rests_on)));
    rows.push(("in the lab", in_the_lab(failure)));
    let from: Vec<_> = failure
        .sources
        .iter()
        .filter_map(|key| Some(source(key)?.title.as_str()))
        .collect();
    let known = format!("{}: {}", failure.confidence.word(), from.join("; "));
    rows.push(("known from", known));
    text.push_str(&labelled(style, &rows));
    if !failure.confirm.is_empty() {
        text.push_str("\nto be sure, on Windows:\n");
        for step in &failure.confirm {
            let _ = writeln!(text, "  {}", step.say);
            command(&mut text, &step.run);
        }
    }
    if !failure.fix.is_empty() {
        text.push_str("\nto mend it:\n");
        for fix in &failure.fix {
            let say = if fix.say.is_empty() {
                String::new()
            } else {
                format!(": {}", fix.say)
            };
            let _ = writeln!(text, "  {}{say}", fix.system.title());
            command(&mut text, &fix.run);
        }
    }
    text.trim_end().to_owned()
}

fn in_the_lab(failure: &Failure) -> String {
    if failure.shown == Shown::Explained {
        return format!("explained only: {}", failure.because);
    }
    if failure.scenarios.is_empty() {
        return failure.shown.title().to_owned();
    }
    let runs: Vec<_> = failure
        .scenarios
        .iter()
        .map(|name| format!("dolab lab run {name}"))
        .collect();
    format!("{}: {}", failure.shown.title(), runs.join(", "))
}

pub(super) fn command(text: &mut String, command: &str) {
    for line in command.trim().lines() {
        let _ = writeln!(text, "    {line}");
    }
}

/// One line, to be broken where the terminal ends.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line for each.
pub fn failure_list(style: Style, failures: &[&Failure]) -> String {
    let mut table = table::table(style, ["code", "severity", "shown", "what is wrong"]);
    for failure in failures {
        table.add_row([
            failure.code.clone(),
            failure.severity.word().to_owned(),
            match failure.shown {
                Shown::Network => "network",
                Shown::Policy => "policy",
                Shown::Service => "service",
                Shown::Explained => "explained",
            }
            .to_owned(),
            failure.title.clone(),
        ]);
    }
    for index in 0..3 {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table::text(&table).trim_end().to_owned()
}

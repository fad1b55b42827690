//! `dolab bench --compare BEFORE AFTER`.

use std::path::Path;

use dolab_bench::{
    compare::{self, Incomparable, Verdict},
    report::Report,
};

use crate::{
    escape::escape,
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
    render,
};

/// Holds the reports in the second file against those in the first.
pub(super) fn run(before: &Path, after: &Path, output: &Output) -> CommandResult {
    let comparison = compare::compare(&read(before)?, &read(after)?)
        .map_err(|error| Failure::wrong_use(escape(&error.to_string())))?;
    output.line(render::comparison(output.style(), &comparison).trim_end());
    output.document(&comparison);
    Ok(match comparison.verdict {
        Verdict::Same | Verdict::Faster => Exit::Good,
        Verdict::Slower => Exit::Finding,
        Verdict::Unclear => Exit::Inconclusive,
    })
}

fn read(path: &Path) -> Result<Vec<Report>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        let name = path.display().to_string();
        Failure::wrong_use(format!("{}: {}", escape(&name), escape(&error.to_string())))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    compare::read(&text).map_err(|error: Incomparable| wrong(&error))
}

//! A benchmark for people: the answer first, then the layers beside each other, how goodput went,
//! and the rest.

mod chart;
mod compare;
mod live;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use comfy_table::{Color, ColumnConstraint};
use dolab_bench::report::{
    Host, Outcome, Report,
    grid::{self, Grid},
};

pub use self::{compare::comparison, live::BenchLive};
use super::{Style, table};
use crate::escape::escape;

/// The whole report, ending with a line end.
pub fn bench(style: Style, report: &Report) -> String {
    let mut text = answer(style, report);
    let parts = [
        advice(report),
        hosts(report),
        laid_out(style, &grid::steps(report), GOODPUT),
        chart::goodput(style, report),
        laid_out(style, &grid::runs(report), NAMES),
        remarks(report),
    ];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        text.push('\n');
        text.push_str(part);
    }
    text
}

/// The sentence to act on.
fn answer(style: Style, report: &Report) -> String {
    let color = match report.outcome {
        Outcome::Done => Color::Green,
        Outcome::Partial => Color::Yellow,
        Outcome::Failed => Color::Red,
    };
    let word = super::word(&report.outcome);
    format!(
        "{}: {}\n",
        style.paint(color, &word),
        escape(&report.summary)
    )
}

fn advice(report: &Report) -> String {
    report
        .advice
        .iter()
        .map(|advice| format!("what to try: {}\n", escape(advice)))
        .collect()
}

fn hosts(report: &Report) -> String {
    let mut text = format!("this host:  {}\n", host(&report.local));
    for remote in &report.remotes {
        let _ = writeln!(text, "other host: {}", host(remote));
    }
    text
}

fn host(host: &Host) -> String {
    let mut text = escape(&host.host).into_owned();
    let facts = host.facts();
    if !facts.is_empty() {
        let _ = write!(text, " ({})", escape(&facts));
    }
    if let Some(address) = &host.address {
        let _ = write!(text, " at {}", escape(address));
    }
    text
}

/// Columns, from the left, that stay on one line: those that say which run it is.
const NAMES: usize = 2;

/// The same, and the goodput.
const GOODPUT: usize = 3;

fn laid_out(style: Style, grid: &Grid, whole: usize) -> String {
    if grid.rows.is_empty() {
        return String::new();
    }
    let mut table = table::table(style, &grid.header);
    for row in &grid.rows {
        table.add_row(row.iter().map(|cell| escape(cell).into_owned()));
    }
    for index in 0..whole {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table::text(&table)
}

fn remarks(report: &Report) -> String {
    grid::remarks(report)
        .iter()
        .map(|remark| format!("{}\n", escape(remark)))
        .collect()
}

//! The table of paths.

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Row, Table, Width, presets};
use dolab_check::report::{Direction, PathReport, PathState};
use serde::Serialize;

use super::Style;
use crate::escape::escape;

/// A table in the program's look: a line under the header, no borders, no trailing blanks.
pub(super) fn table(style: Style, header: impl Into<Row>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.width)
        .set_header(header);
    if style.colored {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// A table as text.
pub(super) fn text(table: &Table) -> String {
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// Every path in both directions.
pub(super) fn paths(style: Style, paths: &[PathReport]) -> String {
    let header = [
        "path",
        "direction",
        "state",
        "blame",
        "rtt",
        "needed for",
        "reason",
    ];
    let mut table = table(style, header);
    for path in paths {
        let state = Cell::new(word(&path.state)).fg(color(path.state));
        table.add_row(vec![
            Cell::new(port(path)),
            Cell::new(match path.direction {
                Direction::Outbound => "outbound",
                Direction::Inbound => "inbound",
            }),
            if style.colored {
                state
            } else {
                Cell::new(word(&path.state))
            },
            Cell::new(
                path.blame
                    .map_or_else(|| "-".to_owned(), |blame| word(&blame)),
            ),
            Cell::new(path.rtt_ms.map_or_else(|| "-".to_owned(), milliseconds)),
            Cell::new(needed_for(path)),
            Cell::new(escape(path.reason.as_deref().unwrap_or("-"))),
        ]);
    }
    // What people look for stays on one line; the reason wraps.
    for index in 0..5 {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let reasons = paths.iter().any(|path| path.reason.is_some());
    if let Some(reason) = table.column_mut(6).filter(|_| reasons) {
        reason.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(24)));
    }
    text(&table)
}

/// `tcp-7680`, and the port that was really tried where it is another.
fn port(path: &PathReport) -> String {
    if path.port == path.id.port() {
        path.id.to_string()
    } else {
        format!("{} (port {})", path.id, path.port)
    }
}

fn needed_for(path: &PathReport) -> String {
    if path.needed_for.is_empty() {
        return "not needed".to_owned();
    }
    path.needed_for
        .iter()
        .map(word)
        .collect::<Vec<_>>()
        .join(", ")
}

fn milliseconds(ms: f64) -> String {
    let digits = if ms < 10.0 { 2 } else { 0 };
    format!("{ms:.digits$} ms")
}

fn color(state: PathState) -> Color {
    match state {
        PathState::Open => Color::Green,
        PathState::NotTested => Color::Yellow,
        PathState::Refused
        | PathState::Filtered
        | PathState::Unreachable
        | PathState::Reset
        | PathState::BlockedLocally => Color::Red,
    }
}

/// The word that the JSON has for a value, so that both outputs can be searched alike.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

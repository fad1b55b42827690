//! What was measured, as people read it.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

use crate::{
    goals::{Bound, Goal},
    results::{Results, Row, Spread, Transfer, Transfers},
};

/// Everything, as Markdown.
pub(crate) fn text(results: &Results, goals: &[Goal]) -> String {
    let mut text = String::new();
    let machine = &results.machine;
    let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a string");
    line(&format!(
        "{}, {} processors, {} MiB, Linux {}",
        machine.processor, machine.processors, machine.memory_mib, machine.kernel
    ));
    for one in &results.transfers {
        let runs = one.rows.iter().map(|row| row.runs.len()).max().unwrap_or(0);
        line(&format!(
            "\n### {} ({} MiB each, medians of {runs})\n\n{}",
            one.name,
            one.size >> 20,
            transfers(one)
        ));
    }
    if !results.start_up.is_empty() {
        line(&format!("\n### start-up\n\n{}", start_up(results)));
    }
    if !results.not_run.is_empty() {
        line("\n### not run\n");
        for (what, why) in &results.not_run {
            line(&format!("- {what}: {why}"));
        }
    }
    if goals.iter().any(|goal| goal.measured.is_some()) {
        line(&format!("\n### goals\n\n{}", goal_table(goals)));
    }
    text
}

fn transfers(one: &Transfers) -> Table {
    let mark = one.goodput(one.mark);
    let mut table = table(&[
        "",
        "verifies",
        "GB/s",
        "(spread)",
        &format!("of {}", one.mark),
        "CPU s/GiB sender",
        "receiver",
        "peak MiB sender",
        "receiver",
    ]);
    for row in one.rows.iter().filter(|row| !row.runs.is_empty()) {
        let goodput = row.spread(|run| run.goodput / 1e9);
        let of_mark = mark
            .zip(one.goodput(row.name))
            .map(|(mark, own)| own / mark);
        let median = |figure: fn(&Transfer) -> f64, digits| number(middle(row, figure), digits);
        table.add_row([
            row.name.to_owned(),
            row.verifies.to_owned(),
            number(goodput.map(|spread| spread.median), 3),
            around(goodput, 3),
            number(of_mark, 4),
            median(|run| run.sender_cpu, 2),
            median(|run| run.receiver_cpu, 2),
            median(|run| run.sender_mib, 1),
            median(|run| run.receiver_mib, 1),
        ]);
    }
    right(table)
}

fn start_up(results: &Results) -> Table {
    let mut table = table(&[
        "",
        "ms until it listens",
        "(spread)",
        "idle MiB",
        "(spread)",
    ]);
    for row in results.start_up.iter().filter(|row| !row.runs.is_empty()) {
        let (start, idle) = (
            row.spread(|run| run.milliseconds),
            row.spread(|run| run.idle_mib),
        );
        table.add_row([
            row.name.to_owned(),
            number(start.map(|spread| spread.median), 1),
            around(start, 1),
            number(idle.map(|spread| spread.median), 1),
            around(idle, 1),
        ]);
    }
    right(table)
}

fn goal_table(goals: &[Goal]) -> Table {
    let mut table = table(&["", "goal", "measured", ""]);
    for goal in goals {
        let bound = match goal.bound {
            Bound::AtLeast => "at least",
            Bound::AtMost => "at most",
        };
        table.add_row([
            goal.what.to_owned(),
            format!("{bound} {}", goal.goal),
            number(goal.measured, 4),
            match goal.reached() {
                Some(true) => "reached",
                Some(false) => "MISSED",
                None => "not measured",
            }
            .to_owned(),
        ]);
    }
    right(table)
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(head);
    table
}

fn right(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn middle<T>(row: &Row<T>, figure: impl Fn(&T) -> f64) -> Option<f64> {
    row.spread(figure).map(|spread| spread.median)
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}

fn around(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(String::new, |spread| {
        format!("({:.digits$}..{:.digits$})", spread.least, spread.most)
    })
}

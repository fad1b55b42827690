//! Two benchmarks beside each other, for people.

use comfy_table::{Cell, Color};
use dolab_bench::compare::{Comparison, Range, Verdict};

use crate::{
    escape::escape,
    render::{Style, table},
    units::Rate,
};

/// The whole comparison, ending with a line end.
pub fn comparison(style: Style, comparison: &Comparison) -> String {
    let mut text = format!(
        "{}: {}\n\n",
        style.paint(color(comparison.verdict), comparison.verdict.words()),
        escape(&comparison.summary)
    );
    let range = format!("range, {:.0} %", comparison.confidence_percent);
    let header = [
        "direction",
        "layer",
        "before",
        "after",
        "change",
        &range,
        "verdict",
    ];
    let mut table = table::table(style, header);
    for row in &comparison.rows {
        let rate = |bits_per_second| format!("{:#}", Rate { bits_per_second });
        let verdict = Cell::new(row.verdict.words());
        table.add_row(vec![
            Cell::new(row.direction.name()),
            Cell::new(row.layer.name()),
            Cell::new(rate(row.before_bits_per_second)),
            Cell::new(rate(row.after_bits_per_second)),
            Cell::new(format!("{:+.1} %", row.change_percent)),
            Cell::new(row.range_percent.map_or_else(
                || "-".to_owned(),
                |Range { low, high }| format!("{low:+.1} to {high:+.1} %"),
            )),
            if style.colored {
                verdict.fg(color(row.verdict))
            } else {
                verdict
            },
        ]);
    }
    text.push_str(&table::text(&table));
    for left_out in &comparison.not_compared {
        text.push_str(&format!(
            "not compared: {} {}: {}\n",
            left_out.direction.name(),
            left_out.layer.name(),
            escape(&left_out.why)
        ));
    }
    text
}

fn color(verdict: Verdict) -> Color {
    match verdict {
        Verdict::Same | Verdict::Faster => Color::Green,
        Verdict::Unclear => Color::Yellow,
        Verdict::Slower => Color::Red,
    }
}

//! Charts of characters: a column for each interval.

use std::fmt::Write;

use dolab_bench::report::{Direction, Layer, Report};

use super::Style;
use crate::units::Rate;

/// From nothing to full. What is not nothing never looks like nothing.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The same where only ASCII can be shown.
const ASCII: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];

/// Rows of each layer.
const HEIGHT: usize = 2;

/// Columns before the chart: the longest name and a gap.
const LABEL: usize = 10;

/// Columns of one interval, at most.
const WIDEST: usize = 4;

/// Goodput over time, for each direction, one layer below the other on one scale.
pub(super) fn goodput(style: Style, report: &Report) -> String {
    let mut text = String::new();
    for direction in [Direction::Receive, Direction::Send] {
        let lanes: Vec<_> = Layer::ALL
            .into_iter()
            .map(|layer| (layer, report.goodputs(direction, layer)))
            .filter(|(_, goodputs)| goodputs.len() > 1)
            .collect();
        let longest = lanes.iter().map(|(_, goodputs)| goodputs.len()).max();
        let Some(longest) = longest else {
            continue;
        };
        let all = lanes.iter().flat_map(|(_, goodputs)| goodputs);
        let most = all.copied().fold(0.0, f64::max);
        let room = usize::from(style.width).saturating_sub(LABEL).max(1);
        let each = longest.div_ceil(room);
        let wide = (room / longest.div_ceil(each)).clamp(1, WIDEST);
        let _ = writeln!(
            text,
            "{}, over time after the warm-up; full height: {:#}",
            direction.name(),
            Rate {
                bits_per_second: most
            }
        );
        for (layer, goodputs) in lanes {
            let columns = columns(&goodputs, each, wide);
            let mut rows = rows(&columns, most, HEIGHT, style.unicode).into_iter();
            let last = rows.next_back().unwrap_or_default();
            for row in rows {
                push(&mut text, "", &row);
            }
            push(&mut text, layer.name(), &last);
        }
    }
    text
}

fn push(text: &mut String, label: &str, row: &str) {
    let line = format!("{label:LABEL$}{row}");
    text.push_str(line.trim_end());
    text.push('\n');
}

/// So many values to a column, each column so wide.
fn columns(values: &[f64], each: usize, wide: usize) -> Vec<f64> {
    values
        .chunks(each)
        .map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64)
        .flat_map(|mean| std::iter::repeat_n(mean, wide))
        .collect()
}

/// Bars from the bottom, the topmost row first.
fn rows(values: &[f64], most: f64, height: usize, unicode: bool) -> Vec<String> {
    let marks = if unicode { BLOCKS } else { ASCII };
    let steps = marks.len() - 1;
    let level = |value: f64| {
        let level = (value / most * (steps * height) as f64).round() as usize;
        if value > 0.0 { level.max(1) } else { 0 }
    };
    (0..height)
        .rev()
        .map(|row| {
            values
                .iter()
                .map(|&value| marks[level(value).saturating_sub(row * steps).min(steps)])
                .collect()
        })
        .collect()
}

/// The last values in one row.
pub(super) fn spark(values: &[f64], width: usize, unicode: bool) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let most = shown.iter().copied().fold(0.0, f64::max);
    rows(shown, most, 1, unicode).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_with_the_value() {
        let values: Vec<f64> = (0..=8).map(f64::from).collect();
        assert_eq!(rows(&values, 8.0, 1, true), [" ▁▂▃▄▅▆▇█"]);
        assert_eq!(rows(&values, 8.0, 1, false), [" .:-=+*#@"]);
        assert_eq!(
            rows(&[4.0, 8.0, 12.0, 16.0], 16.0, 2, true),
            ["  ▄█", "▄███"]
        );
    }

    #[test]
    fn little_is_not_nothing() {
        assert_eq!(rows(&[0.0, 0.001], 100.0, 1, true), [" ▁"]);
        assert_eq!(rows(&[0.0, 0.0], 0.0, 1, true), ["  "]);
    }

    #[test]
    fn many_values_share_columns_and_few_are_widened() {
        assert_eq!(columns(&[1.0, 3.0, 5.0], 2, 1), [2.0, 5.0]);
        assert_eq!(columns(&[1.0, 3.0], 1, 2), [1.0, 1.0, 3.0, 3.0]);
    }

    #[test]
    fn a_spark_shows_the_last_values() {
        assert_eq!(spark(&[8.0, 1.0, 2.0], 2, true), "▄█");
        assert_eq!(spark(&[], 2, true), "");
    }
}

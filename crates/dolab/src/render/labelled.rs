//! Labels on the left, text on the right.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};

use super::{Style, table};

/// A line or more for each label, indented. An empty label goes on with the one before.
pub(super) fn labelled(style: Style, rows: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.width)
        .force_no_tty();
    for (label, text) in rows {
        table.add_row([format!("  {label}"), text.clone()]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table::text(&table)
}

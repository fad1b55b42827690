//! Error codes.

use comfy_table::ColumnConstraint;
use dolab_wire::{DoCode, do_code::Fault};
use serde::Serialize;

use super::{Style, labelled::labelled, table};

/// A code as it stands in the JSON.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CodeDocument {
    /// The code.
    pub code: DoCode,
    /// As programs print it that take it for a signed number.
    pub decimal: i32,
    /// What numbers around it are about; `None` for a code that is none of Delivery Optimization's.
    pub about: Option<&'static str>,
    /// Whether it may pass by itself.
    pub transient: bool,
    /// What it means; `None` where it is not in the public header, as with the next two.
    pub meaning: Option<&'static str>,
    /// Whose fault it is.
    pub fault: Option<Fault>,
    /// What to do.
    pub advice: Option<&'static str>,
}

/// What is known of each code.
pub fn codes(style: Style, codes: &[CodeDocument]) -> String {
    let texts: Vec<_> = codes.iter().map(|code| one(style, code)).collect();
    texts.join("\n").trim_end().to_owned()
}

fn one(style: Style, code: &CodeDocument) -> String {
    let meaning = code.meaning.unwrap_or(match code.about {
        Some(_) => "not in Microsoft's public list of codes",
        None => "none of delivery optimization's codes, which all begin with 0x80D0",
    });
    let mut rows = Vec::new();
    if let Some(fault) = code.fault {
        rows.push(("whose fault", fault.title().to_owned()));
    }
    if let Some(advice) = code.advice {
        rows.push(("what to do", advice.to_owned()));
    }
    if let Some(about) = code.about {
        rows.push(("about", about.to_owned()));
    }
    rows.push(("as a number", code.decimal.to_string()));
    let head = style.bold(&code.code.to_string());
    format!("{head}: {meaning}\n{}", labelled(style, &rows))
}

/// A line for each code.
pub fn code_list(style: Style, codes: &[CodeDocument]) -> String {
    let mut table = table::table(style, ["code", "whose fault", "meaning"]);
    for code in codes {
        table.add_row([
            code.code.to_string(),
            code.fault.map_or("-", |fault| fault.title()).to_owned(),
            code.meaning
                .unwrap_or("not in Microsoft's public list")
                .to_owned(),
        ]);
    }
    for index in 0..2 {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table::text(&table).trim_end().to_owned()
}

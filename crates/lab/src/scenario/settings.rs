//! What devices are set to, held against what the program reads: it would refuse it only in the run.

use std::ops::Range;

use dolab_policy::{Situation, problems_of_table};
use serde::Deserialize;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};

/// Something that the program would not take.
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) span: Option<Range<usize>>,
}

/// The first policy or condition of a file that the program would not take.
pub(super) fn check(text: &str, document: &DeTable<'_>) -> Result<(), Refused> {
    let table = |table: &'_ DeTable<'_>, key: &str| policies(text, table.get(key));
    table(document, "policies")?;
    let broken = document
        .get("broken")
        .and_then(|it| it.get_ref().as_table());
    for document in [Some(document), broken].into_iter().flatten() {
        let devices = document
            .get("device")
            .and_then(|it| it.get_ref().as_table());
        for (_, device) in devices.into_iter().flatten() {
            let Some(device) = device.get_ref().as_table() else {
                continue;
            };
            table(device, "policies")?;
            conditions(device)?;
        }
    }
    Ok(())
}

type Value<'a> = toml::Spanned<DeValue<'a>>;

fn policies(text: &str, value: Option<&Value<'_>>) -> Result<(), Refused> {
    let Some(table) = value.and_then(|value| value.get_ref().as_table()) else {
        return Ok(());
    };
    match problems_of_table(text, table).into_iter().next() {
        None => Ok(()),
        Some(problem) => Err(Refused {
            span: place(text, problem.line, problem.column),
            message: problem.what.to_string(),
        }),
    }
}

fn conditions(device: &DeTable<'_>) -> Result<(), Refused> {
    let Some(conditions) = device.get("conditions") else {
        return Ok(());
    };
    let read = Situation::deserialize(ValueDeserializer::from(conditions.clone()));
    read.map(drop).map_err(|error: Error| Refused {
        message: error.message().to_owned(),
        span: error.span(),
    })
}

/// The byte at a line and column, both from 1.
fn place(text: &str, line: u32, column: Option<u32>) -> Option<Range<usize>> {
    let line = (line as usize).checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?.lines().next().unwrap_or_default();
    let blanks = rest.len() - rest.trim_start().len();
    let before = match column {
        Some(column) => {
            let before = rest.chars().take((column as usize).saturating_sub(1));
            before.map(char::len_utf8).sum()
        }
        None => blanks,
    };
    let at = start + before;
    let meant = text.get(at..)?.find(|c: char| "=,}]\n ".contains(c));
    Some(at..at + meant.unwrap_or(0))
}

use serde_json::Value;

use super::Incomparable;
use crate::report::{self, Report};

/// Reads what `dolab bench --json` wrote, once or several times into one file: the final documents,
/// at least one, with or without the events before them.
///
/// # Errors
/// When a document is of another kind or version, or the last one is missing.
pub fn read(text: &str) -> Result<Vec<Report>, Incomparable> {
    let no_report = |why: String| Incomparable::NoReport { why };
    let mut reports = Vec::new();
    let mut cut_off = false;
    // One document that someone has laid out over many lines, or one in each line.
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let document = document.map_err(|error| no_report(format!("no JSON: {error}")))?;
        cut_off = document.get("event").is_some();
        if !cut_off {
            reports.push(final_document(document)?);
        }
    }
    if cut_off {
        return Err(no_report(
            "it ends with an event, so the benchmark was cut off".to_owned(),
        ));
    }
    if reports.is_empty() {
        return Err(no_report("the file is empty".to_owned()));
    }
    Ok(reports)
}

fn final_document(document: Value) -> Result<Report, Incomparable> {
    let no_report = |why: String| Incomparable::NoReport { why };
    match document.get("schema").and_then(Value::as_str) {
        Some(report::SCHEMA) => {}
        Some(other) => {
            return Err(Incomparable::OtherSchema {
                found: other.chars().take(64).collect(),
            });
        }
        None => return Err(no_report("it names no schema".to_owned())),
    }
    serde_json::from_value(document).map_err(|error| no_report(error.to_string()))
}

use serde_json::Value;

use super::Incomparable;
use crate::report::{self, Report};

/// Reads what `dolab bench --json` wrote: the final document, with or without the events before it.
///
/// # Errors
/// When there is none in it, or one of another version.
pub fn read(text: &str) -> Result<Report, Incomparable> {
    let no_report = |why: String| Incomparable::NoReport { why };
    // One document that someone has laid out over many lines, or one in each line.
    let mut last = None;
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        last = Some(document.map_err(|error| no_report(format!("no JSON: {error}")))?);
    }
    let document = last.ok_or_else(|| no_report("the file is empty".to_owned()))?;
    if document.get("event").is_some() {
        return Err(no_report(
            "it ends with an event, so the benchmark was cut off".to_owned(),
        ));
    }
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

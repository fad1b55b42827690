//! The documents that the program writes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Finished;

/// The root of the repository.
pub fn repository() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}

/// The final document of `dolab check --json`: the last line of standard output.
///
/// # Panics
/// When there is none, or it is not what the schema says.
pub fn parse_report(finished: &Finished) -> Value {
    let line = finished.stdout.lines().last().unwrap_or_default();
    let errors = schema_errors(&repository().join("docs/schema/check-1.json"), line);
    assert!(
        errors.is_empty(),
        "the last line is no report: {errors:#?}\n{line}\nexit code {:?}, standard error:\n{}",
        finished.code,
        finished.stderr,
    );
    serde_json::from_str(line).expect("it was parsed for the schema")
}

/// What a JSON Schema finds wrong with a document.
///
/// # Panics
/// When the schema is none.
pub fn schema_errors(schema: &Path, document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(schema)
        .unwrap_or_else(|error| panic!("{}: {error}", schema.display()));
    let schema = serde_json::from_str(&text).expect("a schema is JSON");
    let document = match serde_json::from_str(document) {
        Ok(document) => document,
        Err(error) => return vec![format!("no JSON: {error}")],
    };
    let validator = jsonschema::validator_for(&schema).expect("a schema is a JSON Schema");
    validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

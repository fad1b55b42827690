//! `dolab bench --compare`: two files in, an answer and an exit code out.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Ended, run};

const EXAMPLE: &str = include_str!("../../../../docs/schema/bench-1.example.json");

/// The example with its goodput changed by a factor in every layer.
fn example(factor: f64) -> Value {
    let mut report: Value = serde_json::from_str(EXAMPLE).unwrap();
    for run in report["runs"].as_array_mut().unwrap() {
        for slice in run["figures"]["intervals"].as_array_mut().unwrap() {
            let goodput = slice["bits_per_second"].as_f64().unwrap();
            slice["bits_per_second"] = (goodput * factor).into();
        }
    }
    report
}

fn write(folder: &Path, name: &str, report: &Value) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, report.to_string()).unwrap();
    path
}

/// Compares two reports, as text and as JSON, and hands back both.
fn compare(before: &Value, after: &Value) -> (Ended, Ended) {
    let folder = tempfile::tempdir().unwrap();
    let before = write(folder.path(), "before.json", before);
    let after = write(folder.path(), "after.json", after);
    let files = [before.to_str().unwrap(), after.to_str().unwrap()];
    let text = run(&["bench", "--compare", files[0], files[1]]);
    let json = run(&["bench", "--json", "--compare", files[0], files[1]]);
    assert_eq!(text.code, json.code);
    (text, json)
}

#[test]
fn the_exit_code_says_whether_the_second_is_slower() {
    for (factor, code, verdict) in [(1.0, 0, "same"), (0.7, 1, "slower"), (1.4, 0, "faster")] {
        let (text, json) = compare(&example(1.0), &example(factor));
        assert_eq!(text.code, Some(code), "{factor}: {}", text.stderr);
        let documents = json.json();
        assert_eq!(documents.len(), 1);
        assert_eq!(documents[0]["schema"], "dolab.bench-compare/1");
        assert_eq!(documents[0]["verdict"], verdict);
        let says = documents[0]["summary"].as_str().unwrap();
        assert!(text.stdout.contains(says), "{}", text.stdout);
    }
}

#[test]
fn what_can_not_be_compared_is_refused_and_told() {
    let mut other = example(1.0);
    other["options"]["streams"] = 7.into();
    let (text, json) = compare(&example(1.0), &other);
    assert_eq!(text.code, Some(2));
    assert!(
        text.stderr
            .contains("streams is 1 in one report and 7 in another")
    );
    assert_eq!(json.json()[0]["schema"], "dolab.error/1");

    let mut newer = example(1.0);
    newer["schema"] = "dolab.bench/2".into();
    let (text, _) = compare(&example(1.0), &newer);
    assert_eq!(text.code, Some(2));
    assert!(text.stderr.contains("dolab.bench/2"), "{}", text.stderr);

    let nowhere = run(&["bench", "--compare", "/nowhere/a.json", "/nowhere/b.json"]);
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.stderr.contains("/nowhere/a.json"));
    let host = run(&["bench", "pc7", "--compare", "a.json", "b.json"]);
    assert_eq!(host.code, Some(2));
}

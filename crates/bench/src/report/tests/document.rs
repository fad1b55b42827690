use serde_json::Value;

use super::*;

/// The check for keys that stand twice, which a `Value` would hide; the program's tests have it too.
#[path = "../../../../dolab/tests/cli/strict.rs"]
mod strict;

const SCHEMA_TEXT: &str = include_str!("../../../../../docs/schema/bench-1.json");

/// What the schema, or its part at `pointer`, finds wrong.
fn complaints(document: &Value, part: Option<&str>) -> Vec<String> {
    let mut schema: Value = serde_json::from_str(SCHEMA_TEXT).unwrap();
    if let Some(part) = part {
        schema = serde_json::json!({
            "$schema": schema["$schema"],
            "$defs": schema["$defs"],
            "$ref": part,
        });
    }
    let validator = jsonschema::validator_for(&schema).expect("the schema itself is valid");
    validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[track_caller]
fn assert_sound(report: &Report) {
    let text = serde_json::to_string(report).unwrap();
    strict::check(&text).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(complaints(&value, None), [""; 0]);
    let back: Report = serde_json::from_str(&text).unwrap();
    assert_same(&serde_json::to_value(back).unwrap(), &value);
}

/// Equal, but for the last bit of a number, which parsing may cost.
#[track_caller]
fn assert_same(a: &Value, b: &Value) {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).for_each(|(a, b)| assert_same(a, b));
        }
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()));
            a.values()
                .zip(b.values())
                .for_each(|(a, b)| assert_same(a, b));
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= 1e-12 * a.abs(), "{a} {b}");
        }
        (a, b) => assert_eq!(a, b),
    }
}

#[test]
fn a_report_comes_back_as_it_went_and_fits_the_schema() {
    assert_sound(&full());
}

#[test]
fn what_is_not_known_is_null_and_fits_the_schema() {
    let mut unknown = full();
    unknown.options = Options {
        duration_ms: None,
        size_bytes: Some(1 << 30),
        receive_buffer_bytes: None,
        congestion_control: Some("cubic".to_owned()),
        rate_limit_bits_per_second: Some(1e9),
        ..unknown.options
    };
    for host in [&mut unknown.local, &mut unknown.remotes[0]] {
        host.os = None;
        host.version = None;
        host.cores = None;
        host.sha_instructions = None;
    }
    for run in &mut unknown.runs {
        let RunResult::Done { figures } = &mut run.result else {
            continue;
        };
        figures.retransmits = None;
        figures.round_trip = RoundTrip::default();
        figures.congestion_control = None;
        figures.cwnd_bytes = None;
        figures.cpu_seconds_per_gib = BothEnds::default();
        figures.piece_latency_ms = None;
        for slice in &mut figures.intervals {
            *slice = Interval {
                warm_up: slice.warm_up,
                ..Interval::new(slice.start_ms, slice.ms, slice.bytes)
            };
        }
    }
    assert_sound(&unknown);
    let text = serde_json::to_string(&unknown).unwrap();
    assert!(text.contains(r#""retransmits":null"#));
}

#[test]
fn a_report_of_nothing_fits_the_schema() {
    assert_sound(&report(Vec::new()));
    // Nothing came: no rate, and so no time for a GiB.
    let empty = report(receiving([0.0; 4]));
    assert_sound(&empty);
    assert_eq!(empty.steps, []);
}

#[test]
fn the_schema_knows_no_other_keys() {
    let mut value = serde_json::to_value(full()).unwrap();
    value["runs"][0]["figures"]["intervals"][0]["speed"] = 1.into();
    assert!(!complaints(&value, None).is_empty());
    let mut value = serde_json::to_value(full()).unwrap();
    value["options"].as_object_mut().unwrap().remove("streams");
    assert!(!complaints(&value, None).is_empty());
}

#[test]
fn events_fit_the_schema() {
    let run = id(Direction::Receive, Layer::Raw, BETA);
    let events = [
        Event::Started { run: run.clone() },
        Event::Interval {
            run: run.clone(),
            interval: figures(1e9).intervals[3],
        },
        Event::Ended {
            run,
            status: Status::Done,
        },
    ];
    for event in &events {
        // As the program writes it.
        #[derive(Serialize)]
        struct Line<'a> {
            schema: &'static str,
            event: &'static str,
            #[serde(flatten)]
            fields: &'a Event,
        }
        let line = Line {
            schema: "dolab.event/1",
            event: event.name(),
            fields: event,
        };
        let text = serde_json::to_string(&line).unwrap();
        strict::check(&text).unwrap();
        let value = serde_json::from_str(&text).unwrap();
        let complaints = complaints(&value, Some("#/$defs/event"));
        assert_eq!(complaints, [""; 0], "{text}");
    }
}

#[test]
fn the_example_is_sound() {
    let text = include_str!("../../../../../docs/schema/bench-1.example.json");
    strict::check(text).unwrap();
    let report: Report = serde_json::from_str(text).unwrap();
    assert_sound(&report);
    // The sentence and the table are what this version says of the same runs.
    let Report {
        options,
        local,
        remotes,
        started_unix_seconds,
        runs,
        ..
    } = report.clone();
    let again = Report::new(options, local, remotes, started_unix_seconds, runs);
    let again = serde_json::to_value(again).unwrap();
    assert_same(&again, &serde_json::to_value(report).unwrap());
}

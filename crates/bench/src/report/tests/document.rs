use std::collections::HashSet;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::*;

const SCHEMA_TEXT: &str = include_str!("../../../../../docs/schema/bench-1.json");

/// Walks a document and fails on a key that an object has twice, which a `Value` would hide.
struct NoKeyTwice;

impl<'de> DeserializeSeed<'de> for NoKeyTwice {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NoKeyTwice {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(serde::de::Error::custom(format!("`{key}` twice")));
            }
            fields.next_value_seed(Self)?;
        }
        Ok(())
    }
}

fn no_key_twice(text: &str) -> Result<(), serde_json::Error> {
    NoKeyTwice.deserialize(&mut serde_json::Deserializer::from_str(text))
}

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
    no_key_twice(&text).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(complaints(&value, None), [""; 0]);
    let back: Report = serde_json::from_str(&text).unwrap();
    assert!(&back == report, "it changed on its way: {text}");
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
        no_key_twice(&text).unwrap();
        let value = serde_json::from_str(&text).unwrap();
        let complaints = complaints(&value, Some("#/$defs/event"));
        assert_eq!(complaints, [""; 0], "{text}");
    }
}

#[test]
fn a_key_that_is_there_twice_is_found() {
    no_key_twice(r#"{"a": [{"b": 1}, {"b": 2}]}"#).unwrap();
    no_key_twice(r#"{"a": [{"b": 1, "b": 2}]}"#).unwrap_err();
}

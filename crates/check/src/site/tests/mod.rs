//! Each rule in isolation, from evidence in files (`tests/recorded`), with its negative case: the same
//! evidence without what matters.

mod cases;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use self::cases::{cases, gate, held};
use super::{rules::RULES, *};

fn recorded(name: &str) -> Vec<Device> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded")
        .join(format!("{name}.jsonl"));
    let text = fs::read_to_string(&path).unwrap_or_else(|it| panic!("{}: {it}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|it| panic!("{name}: {it}")))
        .collect()
}

/// Evidence with a value put in another's place, by JSON pointer.
fn with(devices: &[Device], changes: &[(&str, Value)]) -> Vec<Device> {
    let mut document = serde_json::to_value(devices).unwrap();
    for (place, value) in changes {
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = document
            .pointer_mut(parent)
            .unwrap_or_else(|| panic!("{place} is nowhere"));
        match parent {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            Value::Object(map) => {
                map.insert((*key).to_owned(), value.clone());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                panic!("{place} holds nothing")
            }
        }
    }
    serde_json::from_value(document).unwrap_or_else(|it| panic!("{changes:?}: {it}"))
}

fn codes(devices: &[Device]) -> Vec<String> {
    diagnose(devices)
        .findings
        .into_iter()
        .map(|it| it.code)
        .collect()
}

/// One device that fetched from a neighbour.
fn one() -> Vec<Device> {
    recorded("healthy-pair").split_off(1)
}

/// One device that fetched from its origin and was offered nobody.
fn lone() -> Vec<Device> {
    recorded("healthy-pair")[..1].to_vec()
}

/// Two devices of one site, of which the second missed the first and took all from HTTP, without a
/// reason that the evidence tells.
fn missed() -> Vec<Device> {
    with(
        &recorded("healthy-pair"),
        &[
            ("/1/files/0/from", json!({ "cdn": 134_217_728 })),
            ("/1/files/0/peers", json!([])),
            (
                "/1/files/0/registration",
                json!({ "joined": true, "offered": 0 }),
            ),
            ("/0/files/0/to", json!({})),
        ],
    )
}

#[test]
fn every_rule_finds_its_failure_and_nothing_else_and_is_silent_without_it() {
    for it in cases() {
        assert_eq!(codes(&it.ill), [it.code], "ill");
        let well = codes(&it.well);
        assert_eq!(well, [""; 0], "{} where it should not be", it.code);
    }
}

#[test]
fn every_rule_has_a_case_a_row_and_follows_what_comes_before_it() {
    let tested: BTreeSet<_> = cases().iter().map(|it| it.code).collect();
    let mut seen = BTreeSet::new();
    for rule in RULES {
        let row = dolab_catalogue::failure(rule.code);
        assert!(row.is_some(), "{}", rule.code);
        assert!(tested.contains(rule.code), "{} has no case", rule.code);
        for before in rule.follows {
            assert!(seen.contains(before), "{} follows {before}", rule.code);
        }
        assert!(seen.insert(rule.code), "{} twice", rule.code);
    }
}

/// What is kept in `tests/recorded` under `healthy` must give nothing, each alone and all together.
#[test]
fn healthy_devices_have_no_findings() {
    let mut devices = recorded("healthy-pair");
    devices.extend(recorded("healthy-more"));
    assert!(devices.len() >= 6);
    assert_eq!(codes(&devices), [""; 0]);
    for device in &devices {
        let alone = diagnose(std::slice::from_ref(device));
        assert_eq!(alone.findings, [], "{}", device.name);
        assert_ne!(alone.verdict, Verdict::Finding);
    }
    assert_eq!(diagnose(&devices).verdict, Verdict::Healthy);
    assert_eq!(diagnose(&[]).verdict, Verdict::Inconclusive);
}

fn assert_fits(schema: &str, document: &impl Serialize) {
    let validator = match schema {
        "evidence" => include_str!("../../../../../docs/schema/evidence-1.json"),
        _ => include_str!("../../../../../docs/schema/diagnosis-1.json"),
    };
    let validator: Value = serde_json::from_str(validator).unwrap();
    let validator = jsonschema::validator_for(&validator).expect("the schema itself is valid");
    let document = serde_json::to_value(document).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{schema}: {errors:#?}\n{document:#}");
}

/// Recorded files as they stand, and what is written and said of every kind of failure.
#[test]
fn evidence_and_diagnoses_are_as_their_schemas_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let mut lines = 0;
    for file in fs::read_dir(folder).unwrap() {
        for line in fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            let recorded: Value = serde_json::from_str(line).unwrap();
            assert_fits("evidence", &recorded);
            lines += 1;
        }
    }
    assert!(lines >= 6);
    for it in cases() {
        for devices in [&it.ill, &it.well] {
            assert_fits("diagnosis", &diagnose(devices));
            for device in devices.iter() {
                let device = Device {
                    schema: EVIDENCE_SCHEMA.to_owned(),
                    ..device.clone()
                };
                assert_fits("evidence", &device);
            }
        }
    }
}

#[test]
fn findings_say_who_what_and_why() {
    for it in cases() {
        let diagnosis = diagnose(&it.ill);
        let finding = &diagnosis.findings[0];
        assert!(!finding.evidence.is_empty(), "{}", it.code);
        assert!(
            !finding.devices.is_empty() && !finding.fault.is_empty(),
            "{}",
            it.code
        );
        assert!(finding.mend.ends_with('.'), "{}", it.code);
        let wrong = finding.severity > Severity::Info;
        assert_eq!(diagnosis.verdict == Verdict::Finding, wrong, "{}", it.code);
        for text in finding.evidence.iter().chain([&finding.title]) {
            assert!(
                !text.contains('\n') && !text.is_empty(),
                "{}: {text:?}",
                it.code
            );
        }
    }
}

#[test]
fn several_faults_are_several_findings_and_what_follows_says_so() {
    let no_group = json!({ "id": "t", "origin": "tenant",
        "tried": [{ "origin": "dhcp", "why": "there is none" }] });
    let mode = held("DODownloadMode", "2", Some(2), true, "RegistryProvider");
    let source = held("DOGroupIdSource", "3", Some(3), true, "RegistryProvider");
    let devices = with(
        &missed(),
        &[
            ("/0/files/0/mode", json!("Group")),
            ("/1/files/0/mode", json!("Group")),
            (
                "/0/group",
                json!({ "id": "ad-site:berlin", "origin": "ad-site", "tried": [] }),
            ),
            ("/1/group", no_group),
            ("/1/policies", json!([mode, source])),
            (
                "/1/gates",
                json!([gate(
                    "battery",
                    Some("0x80D03804"),
                    &["to-peers"],
                    "at 20 %"
                )]),
            ),
        ],
    );
    let findings = diagnose(&devices).findings;
    let told: Vec<_> = findings
        .iter()
        .map(|it| (it.code.as_str(), it.consequence_of.as_deref()))
        .collect();
    assert_eq!(
        told,
        [("DL024", None), ("DL023", Some("DL024")), ("DL028", None)]
    );

    // Of another device it is no consequence.
    let mode = held("DODownloadMode", "99", Some(99), true, "RegistryProvider");
    let id = held("DOGroupId", "g", None, true, "RegistryProvider");
    let lan = held("DODownloadMode", "1", Some(1), true, "RegistryProvider");
    let two = with(
        &recorded("healthy-pair"),
        &[
            ("/0/policies", json!([mode])),
            ("/1/policies", json!([lan, id])),
        ],
    );
    let findings = diagnose(&two).findings;
    assert_eq!(findings[1].code, "DL025");
    assert_eq!(findings[1].consequence_of, None);
    let one = with(&two, &[("/0/policies", json!([mode, id]))]);
    assert_eq!(
        diagnose(&one[..1]).findings[1].consequence_of.as_deref(),
        Some("DL006")
    );
}

proptest::proptest! {
    /// Whatever bytes and peers a device tells of: no rule panics, and what peers gave is no failure.
    #[test]
    fn downloads_from_peers_are_never_a_finding(
        lan in 1_u64.., peers in 0_usize..40, foreground: bool, prefix in 0_u8..=128,
    ) {
        let lan = lan / 4;
        let peer = json!({ "ip": "10.0.0.1", "kind": "Lan", "connected": true, "received": lan });
        let devices = with(&recorded("healthy-pair"), &[
            ("/1/files/0/size", json!(lan)),
            ("/1/files/0/from", json!({ "lan": lan })),
            ("/1/files/0/peers", json!(vec![peer; peers])),
            ("/1/files/0/foreground", json!(foreground)),
            ("/1/addresses", json!([["10.0.0.2", prefix], ["fd00::2", prefix]])),
        ]);
        proptest::prop_assert_eq!(codes(&devices), [""; 0]);
    }
}

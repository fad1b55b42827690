//! docs/policies.md says what the table says.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, also in the functions beside it"
)]

use std::{env, fmt::Write, fs, path::Path};

use dolab_policy::{
    KEYS,
    table::{GPO_PATH, Kind, Policy, TABLE},
};

#[test]
fn the_document_is_what_the_table_makes() {
    let mut made = include_str!("policies.head.md").trim_end().to_owned() + "\n\n";
    overview(&mut made);
    for policy in TABLE {
        section(&mut made, policy);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policies.md");
    if env::var_os("DOLAB_WRITE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    assert!(
        there == made,
        "docs/policies.md is old: run the test with DOLAB_WRITE_DOCS=1 and commit what it writes"
    );
}

fn overview(out: &mut String) {
    out.push_str("| policy | allowed | decides |\n|---|---|---|\n");
    for policy in TABLE {
        let anchor = policy.mdm.to_lowercase();
        let old = policy.deprecated.map_or("", |_| " (deprecated)");
        let allowed = policy.kind.describe(policy.unit);
        writeln!(
            out,
            "| [{0}](#{anchor}){old} | {allowed} | {1} |",
            policy.mdm, policy.decides
        )
        .unwrap();
    }
}

fn section(out: &mut String, policy: &Policy) {
    writeln!(out, "\n### {}\n", policy.mdm).unwrap();
    writeln!(out, "Decides {}.\n", policy.decides).unwrap();
    if let Some(deprecated) = policy.deprecated {
        writeln!(out, "**Deprecated**: {deprecated}.\n").unwrap();
    }
    let allowed = policy.kind.describe(policy.unit);
    writeln!(out, "- Allowed: {allowed}").unwrap();
    match policy.kind {
        Kind::Choice(choices) => {
            for it in choices {
                writeln!(out, "  - {} (`{}`): {}", it.number, it.word, it.meaning).unwrap();
            }
        }
        Kind::Number {
            zero: Some(zero), ..
        } => writeln!(out, "  - 0: {zero}").unwrap(),
        Kind::Number { zero: None, .. } | Kind::Guid | Kind::Path | Kind::List(_) | Kind::Hours => {
        }
    }
    writeln!(out, "- Since: {}", policy.since).unwrap();
    for row in policy.defaults {
        writeln!(out, "- Default: {}", row.show(policy)).unwrap();
    }
    for advice in policy.advice {
        writeln!(out, "- Advice: {} [{}]", advice.text, advice.page.title()).unwrap();
    }
    writeln!(out, "- MDM: `{}`", policy.mdm_path()).unwrap();
    let values = policy.registry_values().join("`, `");
    writeln!(
        out,
        "- Registry: `{}`, `{values}`: {}",
        KEYS[0],
        policy.kind.storage()
    )
    .unwrap();
    if let Some(gpo) = policy.gpo {
        writeln!(out, "- Group policy: {GPO_PATH} > {gpo}").unwrap();
    }
    for note in policy.notes {
        writeln!(out, "- {note}").unwrap();
    }
}

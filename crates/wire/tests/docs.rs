//! docs/errors.md says what the table of codes says.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, also in the functions beside it"
)]

use std::{env, fmt::Write, fs, path::Path};

use dolab_wire::do_code::CODES;

const HEAD: &str = "\
# Error codes

<!-- Made from the table in crates/wire/src/do_code by
     `DOLAB_WRITE_DOCS=1 cargo test -p dolab-wire --test docs`. -->

Every error code in Microsoft's public list (`deliveryoptimizationerrors.h`), with what it means, whose fault it
is and what to do, in our own words. Microsoft's list says only what happened: the fault and the advice are ours.
`dolab error CODE` prints the same, and takes a code as logs show it: `0x80D03807`, its last digits `03807`, or a
decimal number, also a negative one. Where an error of dolab's has an equivalent here, it carries the code.

Numbers that begin with `0x80D04` are reasons of a download mode, as logs show them. No public list has them.
";

#[test]
fn the_document_is_what_the_table_makes() {
    let mut made = HEAD.to_owned();
    let mut zone = None;
    for known in CODES {
        if zone != known.code.zone() {
            zone = known.code.zone();
            let title = zone.unwrap();
            let (first, rest) = title.split_at(1);
            writeln!(made, "\n## {}{rest}\n", first.to_uppercase()).unwrap();
            made.push_str("| code | what | whose fault | what to do |\n|---|---|---|---|\n");
        }
        writeln!(
            made,
            "| `{}` | {} | {} | {} |",
            known.code, known.meaning, known.fault, known.advice
        )
        .unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    if env::var_os("DOLAB_WRITE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    assert!(
        there == made,
        "docs/errors.md is old: run the test with DOLAB_WRITE_DOCS=1 and commit what it writes"
    );
}

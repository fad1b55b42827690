//! Replays the corpus of the fuzz targets.

use std::{fs, path::Path};

#[path = "../../../fuzz/properties/wire.rs"]
mod properties;

#[expect(clippy::print_stdout, reason = "shown when a file fails")]
fn replay(target: &str, property: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut files = 0;
    for entry in fs::read_dir(corpus).expect("the corpus is part of the project") {
        let path = entry.expect("a name in the corpus").path();
        println!("{}", path.display());
        property(&fs::read(path).expect("a file of the corpus"));
        files += 1;
    }
    assert!(files > 0, "the corpus of {target} is empty");
}

#[test]
fn heads() {
    replay("heads", properties::heads);
}

#[test]
fn preface() {
    replay("preface", properties::preface);
}

#[test]
fn teredo() {
    replay("teredo", properties::teredo);
}

#[test]
fn session() {
    replay("session", properties::session);
}

//! Replays the corpus of the fuzz target.

use std::{fs, path::Path};

#[path = "../../../fuzz/properties/content.rs"]
mod properties;

#[test]
fn phf() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/phf");
    let mut files = 0;
    for entry in fs::read_dir(corpus).expect("the corpus is part of the project") {
        let path = entry.expect("a name in the corpus").path();
        println!("{}", path.display());
        properties::phf(&fs::read(path).expect("a file of the corpus"));
        files += 1;
    }
    assert!(files > 0, "the corpus is empty");
}

//! The corpus of the fuzz target, once through.

use std::{fs, path::Path};

#[path = "../../../fuzz/properties/policy.rs"]
mod properties;

#[test]
fn the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/policies");
    let mut files = 0;
    for entry in fs::read_dir(corpus).expect("the corpus is there") {
        let path = entry.expect("its files can be listed").path();
        properties::policies(&fs::read(path).expect("a file of the corpus"));
        files += 1;
    }
    assert!(files > 0);
}

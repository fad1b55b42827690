//! The corpus of the fuzz target, once through.

use std::{fs, path::Path};

#[path = "../../../fuzz/properties/dissect.rs"]
mod properties;

#[test]
fn the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/captures");
    let mut files = 0;
    for entry in fs::read_dir(corpus).expect("the corpus is there") {
        let path = entry.expect("its files can be listed").path();
        let whole = fs::read(path).expect("a file of the corpus");
        for cut in (0..whole.len()).step_by(37) {
            properties::captures(&whole[..cut]);
        }
        properties::captures(&whole);
        files += 1;
    }
    assert!(files > 0);
}

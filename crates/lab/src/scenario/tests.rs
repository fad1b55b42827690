use std::{collections::BTreeSet, fs, path::PathBuf};

use super::{Scenario, embedded};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

#[test]
fn every_scenario_can_be_read() {
    let wrong: Vec<_> = embedded::FILES
        .iter()
        .filter_map(|(name, text)| {
            let place = format!("scenarios/{name}.toml");
            Scenario::parse(name, &place, text).err()
        })
        .map(|error| error.to_string())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_program_brings_along_every_file_of_the_folder() {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let embedded: BTreeSet<String> = embedded::FILES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(embedded, files, "add the name to scenario/embedded.rs");
}

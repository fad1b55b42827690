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
    let files = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
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

/// What is said of a file that was right before this was replaced in it.
fn wrong(from: &str, to: &str) -> String {
    let text = "\
title = 'A host drops what comes in'
codes = ['DL014']
about = 'The most common failure.'
topology = { like = 'link' }
peers = ['b']

[cloud]
on = 'cloud'
contents = [{ name = 'update.cab', size = '12MiB' }]

[device.a]
policies = { DODownloadMode = 1 }

[[action]]
do = 'fetch'
on = 'a'
content = 'update.cab'

[[action]]
do = 'check'
on = 'a'
host = 'b'

[[broken.fault]]
block = { at = 'b.input', protocol = 'tcp', port = 7680 }
from = { action = 'check', after = '1MiB' }

[broken.expect.check]
exit = [1, 4]
paths.tcp-7680 = 'filtered:remote-inbound open'
findings = ['DL014']
";
    Scenario::parse("right", "right.toml", text).unwrap();
    assert!(text.contains(from), "{from} stands nowhere");
    let text = text.replacen(from, to, 1);
    let error = Scenario::parse("wrong", "wrong.toml", &text).unwrap_err();
    assert!(error.at().is_some(), "{error}");
    error.to_string()
}

#[test]
fn an_error_points_at_its_place() {
    let cases = [
        ("about = 'The", "about = The"),
        ("title =", "titel ="),
        ("'link'", "'linc'"),
        ("peers = ['b']", "peers = ['b', 'bb']"),
        ("on = 'cloud'", "on = 'clout'"),
        ("'12MiB'", "'twelve'"),
        ("[device.a]", "[device.x]"),
        ("do = 'fetch'", "do = 'fecth'"),
        ("content = 'update.cab'", "content = 'update.cap'"),
        (
            "content = 'update.cab'",
            "content = 'update.cab'\nsize = '4MiB'",
        ),
        ("content = 'update.cab'\n", ""),
        ("host = 'b'", "host = 'b'\nname = 'fetch'"),
        ("'b.input'", "'b.inputs'"),
        ("'b.input'", "'c.input'"),
        ("protocol = 'tcp'", "protokol = 'tcp'"),
        ("action = 'check'", "action = 'chekc'"),
        ("'1MiB'", "'soon'"),
        ("[broken.expect.check]", "[broken.expect.checks]"),
        ("'filtered:remote-inbound open'", "'filtered'"),
        ("filtered:remote-inbound", "filtered:remote-inbond"),
        ("findings = ['DL014']", "findings = ['DL14']"),
        ("findings = ['DL014']", "findings = ['DL017']"),
        (
            "topology = { like = 'link' }",
            "topology.like = 'link'\ntopology.host.a.gateway = '10.1.0.1'",
        ),
    ];
    let said: Vec<_> = cases.iter().map(|(from, to)| wrong(from, to)).collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

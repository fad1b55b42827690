use std::{collections::BTreeSet, fs, path::PathBuf};

use super::{Scenario, Variant, embedded};

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

/// Mistakes that are easily made by hand. Each is told with its place and with what to do.
#[test]
fn mistakes_of_every_kind_are_told_with_their_place() {
    let of_the_topology = |text: &str| {
        let text = format!("topology.like = 'link'\n{text}");
        wrong("topology = { like = 'link' }", &text)
    };
    let said = [
        ("wrong type", wrong("peers = ['b']", "peers = 'b'")),
        (
            "wrong type",
            wrong("topology = { like = 'link' }", "topology = 'link'"),
        ),
        ("no list", wrong("[[broken.fault]]", "[broken.fault]")),
        (
            "unknown key",
            wrong("content = 'update.cab'", "contents = 'update.cab'"),
        ),
        (
            "unknown key",
            of_the_topology("topology.host.a.gatway = '10.1.0.1'"),
        ),
        ("unknown fault", wrong("block = {", "blok = {")),
        ("unknown host", wrong("host = 'b'", "host = 'bob'")),
        (
            "wrong unit",
            wrong(
                "from = { action = 'check', after = '1MiB' }",
                "from = { action = 'check', after = '1 furlong' }",
            ),
        ),
        (
            "wrong unit",
            of_the_topology("topology.host.a.adapter.eth0.link.rate = '100MB'"),
        ),
        (
            "wrong unit",
            of_the_topology("topology.host.a.adapter.eth0.link.delay = '20'"),
        ),
        ("negative time", wrong("after = '1MiB'", "after = '-3s'")),
        ("negative size", wrong("'12MiB'", "'-12MiB'")),
        ("no size", wrong("host = 'b'", "host = 'b'\nsize = 'much'")),
        (
            "one address twice",
            of_the_topology("topology.host.a.adapter.eth0.address = '10.50.0.2'"),
        ),
        (
            "address of nobody",
            of_the_topology("topology.host.a.adapter.eth0.address = '10.50.0.0'"),
        ),
        (
            "address elsewhere",
            of_the_topology("topology.host.a.adapter.eth0.address = '10.9.0.2'"),
        ),
        (
            "no address",
            of_the_topology("topology.host.a.adapter.eth0.address = '10.50.0.256'"),
        ),
        (
            "link to nowhere",
            of_the_topology("topology.host.a.adapter.eth0.switch = 'lann'"),
        ),
        ("duplicate name", of_the_topology("topology.host.lan = {}")),
        (
            "duplicate key",
            wrong("peers = ['b']", "peers = ['b']\npeers = ['a']"),
        ),
        ("no name", of_the_topology("topology.host.Bob = {}")),
        ("unknown path", wrong("paths.tcp-7680", "paths.tcp-7860")),
        (
            "unknown verdict",
            wrong("exit = [1, 4]", "verdict = 'failed'"),
        ),
        ("unknown way", wrong("exit = [1, 4]", "via = 'tcp-7860'")),
        (
            "unknown class",
            wrong("exit = [1, 4]", "bytes.lanes = 'all'"),
        ),
        (
            "unknown amount",
            wrong("exit = [1, 4]", "bytes.lan = 'alll'"),
        ),
        ("no code", wrong("exit = [1, 4]", "code = 'soon'")),
        (
            "unknown finding",
            wrong("findings = ['DL014']", "findings = ['DL999']"),
        ),
        (
            "unknown failure",
            wrong("codes = ['DL014']", "codes = ['DL999']"),
        ),
        (
            "unknown policy",
            wrong("DODownloadMode = 1", "DODownloadMod = 1"),
        ),
        (
            "no such value",
            wrong("DODownloadMode = 1", "DODownloadMode = 'lann'"),
        ),
        (
            "unknown condition",
            wrong("[device.a]", "[device.a]\nconditions = { pwoer = 'mains' }"),
        ),
        (
            "unknown system",
            wrong("[device.a]", "[device.a]\nsystem = 'windows-12'"),
        ),
        (
            "no clock",
            wrong("[device.a]", "[device.a]\nclock = '400d'"),
        ),
        (
            "no clock",
            wrong("[device.a]", "[device.a]\nclock = 2200-01-01T00:00:00"),
        ),
        ("no clock", wrong("[device.a]", "[device.a]\nclock = 5")),
    ];
    let said: Vec<_> = said
        .iter()
        .map(|(kind, said)| format!("# {kind}\n{said}"))
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn a_clock_is_an_offset_or_a_date() {
    let text = |clock: &str| {
        format!(
            "title = 't'\ncodes = ['DL124']\nabout = 'a'\ntopology = {{ like = 'link' }}\n\
             [[action]]\ndo = 'check'\non = 'a'\nhost = 'b'\n\
             [broken.device.a]\nclock = {clock}\n[broken.expect.check]\nfindings = ['DL124']\n"
        )
    };
    for (clock, is) in [
        ("'+400d'", "+400days"),
        ("2009-01-01T00:00:00", "2009-01-01T00:00:00"),
        ("2009-01-01", "2009-01-01T00:00:00"),
    ] {
        // 400 days have a name of their own in years, months and days.
        let expected: dolab_host::ClockSetting = is.parse().unwrap();
        let scenario = Scenario::parse("c", "c.toml", &text(clock)).unwrap();
        assert_eq!(scenario.device("a", Variant::Broken).clock, Some(expected));
        assert_eq!(scenario.device("a", Variant::Healthy).clock, None);
        assert_eq!(scenario.clocks(Variant::Broken).len(), 1);
        assert!(scenario.clocks(Variant::Healthy).is_empty());
    }
}

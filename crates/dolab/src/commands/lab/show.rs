//! `dolab lab show`.

use std::fmt::Write as _;

use dolab_lab::{
    report::{drawing, words},
    scenario::{Device, Expectation, Scenario, Variant},
};
use serde::Serialize;

use super::select;
use crate::{exit::Exit, failure::CommandResult, output::Output};

pub(super) fn show(name: &str, output: &Output) -> CommandResult {
    let scenario = select::one(name)?;
    let topology = scenario.topology(Variant::Broken);
    let scripts: Vec<String> = scenario
        .broken
        .faults
        .iter()
        .filter_map(|it| it.fault.script(topology).ok())
        .collect();
    let picture = drawing(topology);
    output.line(text(&scenario, &picture, &scripts).trim_end());
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        name: &'a str,
        title: &'a str,
        codes: &'a [String],
        about: &'a str,
        drawing: &'a str,
        faults: Vec<String>,
        scripts: &'a [String],
        actions: Vec<String>,
    }
    output.document(&Document {
        schema: "dolab.lab-scenario/1",
        name: &scenario.name,
        title: &scenario.title,
        codes: &scenario.codes,
        about: &scenario.about,
        drawing: &picture,
        faults: scenario
            .broken
            .faults
            .iter()
            .map(|it| words(&it.fault))
            .collect(),
        scripts: &scripts,
        actions: scenario.actions.iter().map(|it| it.words()).collect(),
    });
    Ok(Exit::Good)
}

fn text(scenario: &Scenario, picture: &str, scripts: &[String]) -> String {
    let mut text = format!(
        "{}: {} ({})\n\n{}\n\nnetwork:\n{}",
        scenario.name,
        scenario.title,
        scenario.codes.join(", "),
        scenario.about,
        indented(picture)
    );
    if !scenario.peers.is_empty() {
        let _ = writeln!(text, "\nlab peers: {}", scenario.peers.join(", "));
    }
    text.push_str("\nwhat is wrong:\n");
    for it in &scenario.broken.faults {
        let from = it.from.as_ref().map(|from| format!(", from: {from}"));
        let until = it.until.as_ref().map(|until| format!(", until: {until}"));
        let _ = writeln!(
            text,
            "  {}{}{}",
            words(&it.fault),
            from.unwrap_or_default(),
            until.unwrap_or_default()
        );
    }
    for script in scripts {
        text.push_str(&indented(&indented(script)));
    }
    if scenario.broken.topology.is_some() {
        text.push_str("  the network is built another way (as drawn)\n");
    }
    if let Some(peers) = &scenario.broken.peers {
        let peers = match peers.as_slice() {
            [] => "none".to_owned(),
            peers => peers.join(", "),
        };
        let _ = writeln!(text, "  lab peers: {peers}");
    }
    if let Some(cloud) = &scenario.broken.cloud {
        if cloud.down {
            text.push_str("  the cloud does not run\n");
        }
        for fault in &cloud.faults {
            let _ = writeln!(text, "  the cloud: {fault}");
        }
        for option in cloud.options.chunks(2) {
            let _ = writeln!(text, "  the cloud: {}", option.join(" "));
        }
    }
    for (host, device) in &scenario.broken.devices {
        text.push_str(&set(host, device));
    }
    text.push_str("\nwhat is done, and what it has to show:\n");
    for action in &scenario.actions {
        let _ = writeln!(text, "  {}", action.words());
        for (twin, variant) in [("broken", Variant::Broken), ("healthy", Variant::Healthy)] {
            let expected = expected(&scenario.expectation(action, variant));
            let _ = writeln!(text, "    {twin:8}{expected}");
        }
    }
    text
}

fn indented(text: &str) -> String {
    let lines = text.lines();
    lines.map(|line| format!("  {line}\n")).collect()
}

fn set(host: &str, device: &Device) -> String {
    let mut text = String::new();
    for (what, table) in [
        ("policy", &device.policies),
        ("condition", &device.conditions),
    ] {
        for (name, value) in table {
            let _ = writeln!(text, "  {host}: {what} {name} = {value}");
        }
    }
    if let Some(system) = &device.system {
        let _ = writeln!(text, "  {host}: {system}");
    }
    if let Some(clock) = &device.clock {
        let _ = writeln!(text, "  {host}: its clock shows {clock}");
    }
    text
}

fn expected(expected: &Expectation) -> String {
    let mut words = Vec::new();
    match &expected.findings {
        Some(codes) if codes.is_empty() => words.push("no finding".to_owned()),
        Some(codes) => {
            let codes: Vec<_> = codes
                .iter()
                .map(|it| format!("{}{}", it.code, if it.may { "?" } else { "" }))
                .collect();
            words.push(format!("finds {}", codes.join(", ")));
        }
        None => {}
    }
    if !expected.exit.is_empty() {
        let codes: Vec<_> = expected.exit.iter().map(ToString::to_string).collect();
        words.push(format!("exit {}", codes.join(" or ")));
    }
    words.extend(expected.verdict.as_ref().map(|it| format!("verdict {it}")));
    words.extend(expected.via.as_ref().map(|it| format!("session over {it}")));
    for (path, ways) in &expected.paths {
        let way = |n: usize| {
            let ways: Vec<_> = ways.ways[n].iter().map(ToString::to_string).collect();
            ways.join("|")
        };
        words.push(format!("{path} {} {}", way(0), way(1)));
    }
    for (class, bytes) in &expected.bytes {
        words.push(format!("{} bytes from {class}", bytes.name()));
    }
    words.extend(expected.mode.map(|it| format!("mode {it}")));
    words.extend(expected.offered.map(|it| format!("{it} peers offered")));
    words.extend(expected.found.map(|it| format!("{it} hosts found")));
    words.extend(expected.code.clone());
    if words.is_empty() {
        return "nothing in particular".to_owned();
    }
    words.join("; ")
}

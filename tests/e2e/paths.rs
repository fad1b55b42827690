//! Every case of what can be in the way, as data: what the check has to say of each path in each
//! direction, whom it has to blame, what it has to find, and how it has to end.
//!
//! Both hosts run as root and so watch their wires; whoever is to blame has to be found out
//! exactly wherever the two can talk about it. Where a case leaves that open, wrong blame is still
//! a failure: the only other answer that passes is `unknown`.

mod cases;
mod transfer;

use std::{collections::BTreeSet, fmt::Write as _};

use dolab_tests::{Net, Process, Topology, note, parse_report};
use serde_json::Value;

use crate::peer;

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hook {
    /// What comes to the host that runs the check.
    HereIn,
    /// What it sends.
    HereOut,
    /// What comes to the other host.
    ThereIn,
    /// What that sends.
    ThereOut,
    /// What passes through the middle.
    Between,
    /// What the middle itself sends.
    MiddleOut,
}

/// One case.
#[derive(Clone, Copy, Debug)]
struct Case {
    topology: Topology,
    /// Rules in the language of nft. Several for the same place stand in this order.
    rules: &'static [(Hook, &'static str)],
    /// More to do to the network before the check, beyond rules.
    also: fn(&Net),
    /// Whether both hosts have the same name, as cloned machines do.
    one_name: bool,
    /// Whether the other host runs `dolab peer`.
    peer: bool,
    /// The paths that are not open, a line each: `path outbound inbound`, each direction as
    /// `state` or `state:blame`, alternatives parted by `|`. A `?` behind the blame says that
    /// `unknown` will do; a state of `-` that nothing is asserted.
    paths: &'static str,
    /// What carries the session.
    via: Option<&'static str>,
    /// Codes of the findings: these and no others.
    findings: &'static [&'static str],
    /// Verdict, alternatives parted by `|`, and with it the exit code.
    verdict: &'static str,
    /// Content to move each way.
    size: &'static str,
}

impl Case {
    const OPEN: Self = Self {
        topology: Topology::Switch,
        rules: &[],
        also: |_| {},
        one_name: false,
        peer: true,
        paths: "",
        via: Some("tcp-7680"),
        findings: &[],
        verdict: "pass",
        size: "8MiB",
    };
}

const PATHS: [&str; 5] = ["tcp-7680", "tcp-443", "udp-443", "udp-3544", "udp-5353"];

/// Builds the network, runs the program on both hosts, and holds its report against the case.
fn run(name: &str, case: Case) {
    let Some(mut net) = Net::new(case.topology) else {
        return;
    };
    if case.one_name {
        net.there.host_name = net.here.host_name.clone();
    }
    apply(&net, case.rules);
    (case.also)(&net);
    let _peer = case.peer.then(|| peer::start(net.there.dolab(), &[]));
    let mut check = net.here.dolab();
    check.args([
        "check",
        &net.there.address.to_string(),
        "--size",
        case.size,
        "--json",
    ]);
    let begun = std::time::Instant::now();
    let finished = Process::run(check);
    note(&format!(
        "{name}: answered after {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    let report = parse_report(&finished);
    let mut wrong = differences(&case, &report);
    let code = match report["verdict"].as_str() {
        Some("pass") => 0,
        Some("inconclusive") => 4,
        _ => 1,
    };
    if finished.code != Some(code) {
        wrong.push(format!("exit code {:?} instead of {code}", finished.code));
    }
    let document = serde_json::to_string_pretty(&report).expect("it was JSON");
    assert!(
        wrong.is_empty(),
        "{name}: {wrong:#?}\n{document}\nstandard error:\n{}",
        finished.stderr
    );
}

fn differences(case: &Case, report: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in PATHS {
        let line = case
            .paths
            .lines()
            .find(|line| line.split_whitespace().next() == Some(path));
        let mut words = line.unwrap_or_default().split_whitespace().skip(1);
        for direction in ["outbound", "inbound"] {
            let expected = words.next().unwrap_or("open");
            let paths = report["paths"].as_array().expect("the schema says so");
            let of_this = |p: &&Value| p["id"] == path && p["direction"] == direction;
            let [actual] = paths.iter().filter(of_this).collect::<Vec<_>>()[..] else {
                wrong.push(format!(
                    "{path} {direction}: not in the report exactly once"
                ));
                continue;
            };
            let state = actual["state"].as_str().unwrap_or_default();
            let blame = actual["blame"].as_str();
            if !expected
                .split('|')
                .any(|one| is_as_expected(one, state, blame))
            {
                let blame = blame.unwrap_or("nobody");
                wrong.push(format!(
                    "{path} {direction}: {state}:{blame} instead of {expected}"
                ));
            }
        }
    }
    if report["control"]["via"].as_str() != case.via {
        wrong.push(format!(
            "via {} instead of {:?}",
            report["control"]["via"], case.via
        ));
    }
    let verdict = report["verdict"].as_str().unwrap_or_default();
    if !case.verdict.split('|').any(|one| one == verdict) {
        wrong.push(format!(
            "verdict {} instead of {}",
            report["verdict"], case.verdict
        ));
    }
    let found: BTreeSet<String> = codes(report).into_iter().collect();
    let expected: BTreeSet<String> = case.findings.iter().map(|code| code.to_string()).collect();
    if found != expected {
        wrong.push(format!("findings {found:?} instead of {expected:?}"));
    }
    if case.verdict == "pass" {
        wrong.extend(exchange_differences(report));
        let bad = found
            .iter()
            .filter(|code| !case.findings.contains(&code.as_str()));
        wrong.extend(bad.map(|code| format!("a finding {code} where nothing is wrong")));
    }
    wrong
}

/// `expected` is `state`, `state:blame` or `state:blame?`.
fn is_as_expected(expected: &str, state: &str, blame: Option<&str>) -> bool {
    let (wanted, whom) = match expected.split_once(':') {
        Some((wanted, whom)) => (wanted, Some(whom)),
        None => (expected, None),
    };
    if wanted == "-" {
        return true;
    }
    if wanted != state {
        return false;
    }
    match whom.map(|whom| whom.strip_suffix('?').ok_or(whom)) {
        None => blame.is_none(),
        Some(Ok(whom)) => blame == Some(whom) || blame == Some("unknown"),
        Some(Err(whom)) => blame == Some(whom),
    }
}

fn exchange_differences(report: &Value) -> Vec<String> {
    let exchange = report["exchange"].as_array().expect("the schema says so");
    let mut wrong = Vec::new();
    for direction in ["receive", "send"] {
        let of_this = |e: &&Value| e["direction"] == direction;
        let Some(moved) = exchange.iter().find(of_this) else {
            wrong.push(format!("nothing was moved: {direction}"));
            continue;
        };
        if moved["verified"] != moved["pieces"] || moved["sha256"].is_null() {
            wrong.push(format!("{direction}: not whole: {moved}"));
        }
    }
    wrong
}

fn codes(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("the schema says so");
    findings
        .iter()
        .map(|f| f["code"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Writes the rules of a case as one script for each place, and loads them.
fn apply(net: &Net, rules: &[(Hook, &str)]) {
    let places = [
        (Hook::HereIn, &net.here, "input"),
        (Hook::HereOut, &net.here, "output"),
        (Hook::ThereIn, &net.there, "input"),
        (Hook::ThereOut, &net.there, "output"),
        (Hook::Between, &net.middle, "forward"),
        (Hook::MiddleOut, &net.middle, "output"),
    ];
    for (place, namespace, hook) in places {
        let mut script = String::new();
        for (_, rule) in rules.iter().filter(|(at, _)| *at == place) {
            writeln!(script, "{rule}").expect("writing to a string");
        }
        if !script.is_empty() {
            namespace.nft(&format!(
                "table inet {hook}_rules {{\nchain {hook}_rules {{\n\
                 type filter hook {hook} priority 0;\n{script}}}\n}}\n"
            ));
        }
    }
}

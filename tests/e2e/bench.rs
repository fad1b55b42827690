//! A benchmark between two hosts, by the program as a user has it. How fast anything is, is asserted
//! nowhere; that what is measured is there, adds up, and knows the link it ran over, is.

use std::process::Command;

use dolab_tests::{Net, Process, Topology, repository, schema_errors};
use serde_json::Value;

use crate::peer::{self, document, parse};

const LAYERS: [&str; 4] = ["raw", "exchange", "verified", "stored"];

/// A link whose queue holds 200 ms: who fills it makes everybody else wait.
const LINK: &str = "rate 50mbit burst 64kb latency 200ms";

fn bench(net: &Net, arguments: &[&str]) -> Command {
    let mut bench = net.here.dolab();
    bench.args(["bench", &net.there.address.to_string(), "--json"]);
    bench.args(arguments);
    bench
}

fn number(of: &Value, key: &str) -> f64 {
    of[key]
        .as_f64()
        .unwrap_or_else(|| panic!("no {key} in {of:#}"))
}

fn runs(report: &Value) -> &Vec<Value> {
    report["runs"]
        .as_array()
        .unwrap_or_else(|| panic!("no runs in {report:#}"))
}

#[test]
fn all_layers_are_measured_over_a_slow_link_and_add_up() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    for side in ["here", "there"] {
        net.shape(side, LINK);
    }
    let peer = peer::start(net.there.dolab(), &[]);
    for direction in ["receive", "send"] {
        let finished = Process::run(bench(
            &net,
            &[
                "--direction",
                direction,
                "--duration",
                "2s",
                "--warm-up",
                "500ms",
                "--interval",
                "200ms",
                "--streams",
                "2",
            ],
        ));
        finished.assert_code(0);
        let report = document(&finished);
        let schema = repository().join("docs/schema/bench-1.json");
        let errors = schema_errors(&schema, finished.stdout.lines().last().unwrap_or_default());
        assert!(errors.is_empty(), "{errors:?}");
        let layers: Vec<_> = runs(&report)
            .iter()
            .map(|run| run["layer"].as_str())
            .collect();
        assert_eq!(layers, LAYERS.map(Some));
        for run in runs(&report) {
            check_run(run, &finished.stdout);
        }
    }
    drop(peer);
}

fn check_run(run: &Value, stdout: &str) {
    assert_eq!(run["status"], "done", "{run:#}");
    let figures = &run["figures"];
    let intervals = figures["intervals"].as_array().expect("a list");
    let bytes = |warm: bool| -> f64 {
        let wanted = intervals.iter().filter(|it| it["warm_up"] == warm);
        wanted.map(|it| number(it, "bytes")).sum()
    };
    assert!(number(figures, "bytes") > 0.0, "{run:#}");
    assert_eq!(number(figures, "bytes"), bytes(false), "{run:#}");
    // Whatever fills the link fills its queue, and that is seen.
    let added = number(&figures["round_trip"]["bloat"], "added_ms");
    assert!(added > 1.0, "the load adds {added} ms: {run:#}");
    // What the sender's kernel knows came along, wherever the sender is.
    assert!(figures["retransmits"].is_u64(), "{run:#}");
    assert!(number(&figures["cwnd_bytes"], "max") > 0.0, "{run:#}");
    assert!(figures["congestion_control"].is_string(), "{run:#}");
    for end in ["local", "remote"] {
        assert!(
            number(&figures["cpu_seconds_per_gib"], end) > 0.0,
            "{run:#}"
        );
    }
    // Every interval was told while it ran.
    let told = stdout
        .lines()
        .filter_map(|line| parse(line, "bench-interval"));
    let told = told.filter(|it| it["layer"] == run["layer"] && it["direction"] == run["direction"]);
    assert_eq!(told.count(), intervals.len(), "{run:#}");
}

#[test]
fn what_is_asked_for_by_size_is_moved_to_the_byte_by_several_at_once() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    let there = peer::start(net.there.dolab(), &[]);
    let middle = peer::start(net.middle.dolab(), &[]);
    let both = net.middle.address.to_string();
    let arguments = ["--direction", "both", "--size", "20MB", &both];
    let clients = [0, 1].map(|_| Process::start(bench(&net, &arguments)));
    for client in clients {
        let finished = client.finish();
        finished.assert_code(0);
        let report = document(&finished);
        assert_eq!(runs(&report).len(), 2 * 2 * LAYERS.len());
        for run in runs(&report) {
            assert_eq!(number(&run["figures"], "bytes"), 20e6, "{run:#}");
        }
    }
    drop((there, middle));
}

#[test]
fn a_firewall_in_the_way_is_named() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    let peer = peer::start(net.there.dolab(), &[]);
    net.there.nft(
        "table inet blocked {\n chain in {\n  type filter hook input priority 0;\n  tcp dport 7680 drop;\n }\n}",
    );
    let finished = Process::run(bench(&net, &["--duration", "1s"]));
    finished.assert_code(1);
    let said = &finished.stderr;
    assert!(
        said.contains(":7680") && said.contains("dolab check"),
        "{said}"
    );
    drop(peer);
}

#[test]
fn a_client_that_is_killed_leaves_the_peer_to_others() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    let peer = peer::start(net.there.dolab(), &[]);
    for layer in LAYERS {
        let arguments = [
            "--layers",
            layer,
            "--direction",
            "both",
            "--duration",
            "100s",
            "--rate-limit",
            "300Mbit/s",
        ];
        let client = Process::start(bench(&net, &arguments));
        client.line(|line| {
            parse(line, "bench-interval").is_some_and(|it| number(&it, "bytes") > 0.0)
        });
        client.kill();
    }
    // Eight may be there at once: these would not fit if one of the killed were still counted.
    let clients: Vec<_> = (0..8)
        .map(|_| Process::start(bench(&net, &["--layers", "raw", "--size", "8MiB"])))
        .collect();
    for client in clients {
        client.finish().assert_code(0);
    }
    drop(peer);
}

#[test]
fn ctrl_c_ends_both_ends_in_order() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    let peer = peer::start(net.there.dolab(), &[]);
    let client = Process::start(bench(
        &net,
        &["--duration", "100s", "--rate-limit", "100Mbit/s"],
    ));
    client.line(|line| parse(line, "bench-interval").is_some());
    let finished = client.interrupt();
    finished.assert_code(4);
    assert!(
        finished.stderr.contains("interrupted"),
        "{}",
        finished.stderr
    );
    peer.line(|line| parse(line, "session-ended").is_some());
    peer.into_process().interrupt().assert_code(0);
}

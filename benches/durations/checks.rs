//! How long a check takes, by how it ends.

use std::time::Instant;

use dolab_tests::{Net, Process, Topology, note};

use super::spread;

const ROUNDS: usize = 3;

type Whose = fn(&Net) -> &dolab_tests::Namespace;

/// Rules for one hook of one host.
struct Outcome {
    name: &'static str,
    topology: Topology,
    /// Whose rules, at which hook, and one of them.
    rule: Option<(Whose, &'static str, &'static str)>,
    peer: bool,
    unplugged: bool,
}

const OPEN: Outcome = Outcome {
    name: "open",
    topology: Topology::Switch,
    rule: None,
    peer: true,
    unplugged: false,
};

const OUTCOMES: [Outcome; 10] = [
    OPEN,
    Outcome {
        name: "open, across a router",
        topology: Topology::Router,
        ..OPEN
    },
    Outcome {
        name: "7680 filtered there",
        rule: Some((|net| &net.there, "input", "tcp dport 7680 drop")),
        ..OPEN
    },
    Outcome {
        name: "7680 filtered here, towards us",
        rule: Some((|net| &net.here, "input", "tcp dport 7680 drop")),
        ..OPEN
    },
    Outcome {
        name: "7680 filtered between, both ways",
        rule: Some((|net| &net.middle, "forward", "tcp dport 7680 drop")),
        ..OPEN
    },
    Outcome {
        name: "7680 refused there",
        rule: Some((
            |net| &net.there,
            "input",
            "tcp dport 7680 reject with tcp reset",
        )),
        ..OPEN
    },
    Outcome {
        name: "7680 blocked here, on the way out",
        rule: Some((|net| &net.here, "output", "tcp dport 7680 reject")),
        ..OPEN
    },
    Outcome {
        name: "everything filtered between",
        rule: Some((|net| &net.middle, "forward", "drop")),
        ..OPEN
    },
    Outcome {
        name: "no peer there",
        peer: false,
        ..OPEN
    },
    Outcome {
        name: "no host there",
        peer: false,
        unplugged: true,
        ..OPEN
    },
];

pub(super) fn run(wanted: impl Fn(&str) -> bool) {
    let mut begun = false;
    for outcome in OUTCOMES.iter().filter(|outcome| wanted(outcome.name)) {
        let Some(net) = Net::new(outcome.topology) else {
            return;
        };
        if !begun {
            note(&format!(
                "{:<34} {:>8} {:>15}  verdict",
                "dolab check", "s", "range"
            ));
            begun = true;
        }
        measure(outcome, &net);
    }
}

fn measure(outcome: &Outcome, net: &Net) {
    if let Some((host, hook, rule)) = outcome.rule {
        host(net).nft(&format!(
            "table inet measured {{\nchain {hook}_rules {{\n\
             type filter hook {hook} priority 0;\n{rule}\n}}\n}}\n"
        ));
    }
    if outcome.unplugged {
        let down = net.there.ip(&["link", "set", "eth0", "down"]);
        down.expect("a link can be taken down");
    }
    let _peer = outcome.peer.then(|| {
        let mut peer = net.there.dolab();
        peer.arg("peer");
        let peer = Process::start(peer);
        peer.line(|line| line.starts_with("ready"));
        peer
    });
    let mut verdict = String::new();
    let times = (0..ROUNDS).map(|_| {
        let mut check = net.here.dolab();
        let there = net.there.address.to_string();
        check.args(["check", &there, "--size", "8MiB", "--json"]);
        let began = Instant::now();
        let finished = Process::run(check);
        let took = began.elapsed().as_secs_f64();
        verdict = verdict_of(&finished.stdout);
        took
    });
    let [median, least, most] = spread(times.collect());
    let range = format!("{least:.2} to {most:.2}");
    note(&format!(
        "{:<34} {median:>8.2} {range:>15}  {verdict}",
        outcome.name
    ));
}

fn verdict_of(stdout: &str) -> String {
    let last = stdout.lines().last().unwrap_or_default();
    let report: serde_json::Value = serde_json::from_str(last).expect("the report is JSON");
    report["verdict"].as_str().unwrap_or_default().to_owned()
}

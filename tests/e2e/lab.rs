//! The laboratory itself, proven with other people's programs: what the tests of `dolab` rest on.

use std::process::Command;

use dolab_tests::{Namespace, Net, Process, Topology};

/// Tells how a connection ends, in a word.
const CONNECT: &str = "
import socket, sys
s = socket.socket(); s.settimeout(1)
try: s.connect((sys.argv[1], 7680)); print('open')
except socket.timeout: print('filtered')
except ConnectionRefusedError: print('refused')
except OSError as e: print('unreachable')
";

const LISTEN: &str = "
import socket, sys
s = socket.create_server(('0.0.0.0', 7680)); print('ready', flush=True)
while True: s.accept()[0].close()
";

#[test]
fn rules_do_what_the_cases_say() {
    let rule = |hook: &str, rule: &str| {
        format!("table inet t {{\nchain c {{ type filter hook {hook} priority 0;\n{rule}\n}}\n}}")
    };
    for topology in [Topology::Switch, Topology::Router] {
        let Some(net) = Net::new(topology) else {
            return;
        };
        let _listener = listen(&net.there);
        let seen = || connect(&net.here, &net.there);
        assert_eq!(seen(), "open", "{topology:?}");
        let cases = [
            (&net.there, "input", "tcp dport 7680 drop", "filtered"),
            (
                &net.there,
                "input",
                "tcp dport 7680 reject with tcp reset",
                "refused",
            ),
            (&net.here, "output", "tcp dport 7680 drop", "filtered"),
            (&net.middle, "forward", "tcp dport 7680 drop", "filtered"),
        ];
        for (namespace, hook, text, expected) in cases {
            namespace.nft(&rule(hook, text));
            assert_eq!(seen(), expected, "{topology:?}: {hook} {text}");
            namespace.nft("flush ruleset");
        }
        net.middle.nft(&rule(
            "forward",
            "tcp dport 7680 reject with icmpx admin-prohibited",
        ));
        assert_eq!(
            seen(),
            "unreachable",
            "{topology:?}: rejected in the middle"
        );
    }
}

#[test]
fn a_network_leaves_nothing_behind() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    let mut listener = listen(&net.there);
    let before = namespaces();
    assert!(
        before.contains(&format!("dolab-e2e-{}-", std::process::id())),
        "{before}"
    );
    drop(net);
    assert!(!listener.is_running(), "a process outlived its network");
}

fn namespaces() -> String {
    let output = Command::new("ip")
        .args(["netns", "list"])
        .output()
        .expect("ip runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn listen(host: &Namespace) -> Process {
    let mut python = host.command("python3");
    python.args(["-c", LISTEN]);
    let listener = Process::start(python);
    listener.line(|line| line == "ready");
    listener
}

fn connect(from: &Namespace, to: &Namespace) -> String {
    let mut python = from.command("python3");
    python.args(["-c", CONNECT, &to.address.to_string()]);
    Process::run(python).stdout.trim().to_owned()
}

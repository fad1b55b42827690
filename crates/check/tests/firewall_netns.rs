//! The commands of `firewall` open what they say, run by the real programs against a firewall that
//! drops everything, in a namespace. Each runs where its program is installed.
#![cfg(target_os = "linux")]

mod netns;

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    time::Duration,
};

use dolab_check::{
    firewall::{Scope, Want, Way, rules},
    report::{PathId, System},
};
use netns::Space;

const CLOSED: &str = "table inet filter {
    chain input { type filter hook input priority 0; policy drop;
        ct state established accept
    }
    chain output { type filter hook output priority 0; policy drop;
        ct state established accept
    }
}
";

fn run(space: &Space, command: &str) {
    let out = Command::new("ip")
        .args(["netns", "exec", &space.name, "sh", "-c", command])
        .output()
        .expect("sh");
    assert!(
        out.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

fn connects(space: &Space, ip: &str) -> bool {
    space.within(|| {
        let listener = TcpListener::bind((ip, 7680)).expect("7680");
        let to: SocketAddr = listener.local_addr().expect("address");
        TcpStream::connect_timeout(&to, Duration::from_millis(300)).is_ok()
    })
}

/// Whatever the wants and scopes, every command is one that the program takes.
fn all_are_taken(space: &Space, system: System) {
    let ways = [Way::In, Way::Out, Way::AnswersIn, Way::AnswersOut];
    let wants: Vec<Want> = PathId::ALL
        .into_iter()
        .flat_map(|path| ways.map(|way| Want::new(path, way)))
        .collect();
    for remote in [&[][..], &["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]] {
        apply(space, system, &wants, remote);
    }
}

/// Runs the commands that let these networks in and out.
fn apply(space: &Space, system: System, wants: &[Want], remote: &[&str]) {
    let scope = Scope {
        remote: remote.iter().map(|c| c.parse().expect("network")).collect(),
        profile: None,
    };
    for rule in rules(system, wants, &scope) {
        run(space, &rule.command);
    }
}

/// Closed before, still closed for a scope that leaves this host out, open then.
fn opens(space: &Space, system: System) {
    let wants = [Way::In, Way::Out].map(|way| Want::new(PathId::Tcp7680, way));
    for ip in ["127.0.0.1", "::1"] {
        assert!(!connects(space, ip), "{system:?} {ip}: closed at first");
    }
    apply(space, system, &wants, &["192.0.2.0/24", "2001:db8::/32"]);
    for ip in ["127.0.0.1", "::1"] {
        assert!(!connects(space, ip), "{system:?} {ip}: others were let in");
    }
    apply(space, system, &wants, &[]);
    for ip in ["127.0.0.1", "::1"] {
        assert!(connects(space, ip), "{system:?} {ip}: open");
    }
}

#[test]
fn nft_takes_the_commands_and_they_open_the_port() {
    if !netns::possible() {
        return;
    }
    let space = Space::new("nft");
    space.nft(CLOSED);
    opens(&space, System::Nftables);
    all_are_taken(&space, System::Nftables);
}

#[test]
fn iptables_takes_the_commands_and_they_open_the_port() {
    if !netns::possible_with(&["iptables", "ip6tables"]) {
        return;
    }
    let space = Space::new("ipt");
    for program in ["iptables", "ip6tables"] {
        for chain in ["INPUT", "OUTPUT"] {
            run(&space, &format!("{program} -P {chain} DROP"));
            run(
                &space,
                &format!("{program} -A {chain} -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
            );
        }
    }
    opens(&space, System::Iptables);
    all_are_taken(&space, System::Iptables);
}

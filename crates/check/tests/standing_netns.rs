//! What a check says of a host whose firewall swallows TCP 7680, by what the program there may read:
//! as root the rules tell a kind of block from another; without the privilege that is not guessed.
//! Needs root and nft; says so when it did not run, and fails then where `DOLAB_REQUIRE_NETNS=1` asks
//! for it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod common;
mod netns;
mod stations;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use common::{assert_fits_schema, path};
use dolab_check::report::{Blame, Direction, PathId, Report};
use netns::{Space, ip};
use stations::{User, check};

/// A rule lets everybody in, and a chain before it drops.
const OVERRULED: &str = "table inet other {
    chain first { type filter hook input priority -10; tcp dport 7680 drop
    }
}
table inet filter {
    chain input { type filter hook input priority 0; tcp dport 7680 accept
    }
}
";

/// The rule lets another subnet in.
const NARROWED: &str = "table inet filter {
    chain input { type filter hook input priority 0;
        ip saddr 192.0.2.0/24 tcp dport 7680 accept
        tcp dport 7680 drop
    }
}
";

/// Two hosts on a cable, of which the called one has these rules and runs the program as this user.
fn report(rules: &str, user: User) -> Report {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let spaces = ["here", "there"].map(|name| Space::new(&format!("s{number}-{name}")));
    let [here, there] = spaces.each_ref();
    ip(&format!(
        "-n {} link add eth0 type veth peer name eth0 netns {}",
        here.name, there.name
    ));
    for (space, address) in [(here, "10.79.0.1/24"), (there, "10.79.0.2/24")] {
        ip(&format!("-n {} addr add {address} dev eth0", space.name));
        ip(&format!("-n {} link set eth0 up", space.name));
    }
    there.nft(rules);
    let address = |text: &str| [text.parse().unwrap()];
    let reports = check(
        (here, address("10.79.0.1")),
        (there, address("10.79.0.2")),
        [User::Root, user],
    );
    let report = reports.into_iter().next().unwrap();
    assert_fits_schema(&report);
    report
}

/// The finding about calls to there, and what it rests on.
fn finding(report: &Report) -> (&str, String) {
    let text = serde_json::to_string_pretty(report).unwrap();
    let [finding] = report.findings.as_slice() else {
        panic!("one finding: {text}");
    };
    assert_eq!(finding.paths, ["tcp-7680 outbound"], "{text}");
    (&finding.code, finding.evidence.join("\n"))
}

fn blame(report: &Report) -> Option<Blame> {
    path(report, PathId::Tcp7680, Direction::Outbound).blame
}

/// Words that stand in the evidence where the rules were looked for and not read.
const NOT_READ: &str =
    "the firewall rules of the other host could not be read (nft says: Operation not permitted";

#[test]
fn who_reads_the_rules_tells_one_kind_of_block_from_another() {
    if !netns::possible() {
        return;
    }
    let cases = [
        (OVERRULED, "DL015", "a rule there lets it in: inet filter"),
        (NARROWED, "DL016", "no rule there lets the caller in"),
    ];
    at_one_time(cases, |(rules, code, says)| {
        let report = report(rules, User::Root);
        let (found, evidence) = finding(&report);
        let saw = (found, blame(&report));
        assert_eq!(saw, (code, Some(Blame::RemoteInbound)), "{evidence}");
        assert!(evidence.contains(says), "{evidence}");
        assert!(!evidence.contains("could not be read"), "{evidence}");
    });
}

/// Who is in the way is known, which kind of rule is not.
#[test]
fn who_may_not_read_the_rules_says_so() {
    if !netns::possible() {
        return;
    }
    at_one_time([OVERRULED, NARROWED], |rules| {
        let report = report(rules, User::Watcher);
        let (code, evidence) = finding(&report);
        let saw = (code, blame(&report));
        assert_eq!(saw, ("DL014", Some(Blame::RemoteInbound)), "{evidence}");
        assert!(evidence.contains(NOT_READ), "{evidence}");
        assert!(
            evidence.contains("there, dolab as root reads them"),
            "{evidence}"
        );
    });
}

/// Not even who is in the way is known: the first line says what to run.
#[test]
fn who_may_not_watch_the_wire_is_told_what_to_run() {
    if !netns::possible() {
        return;
    }
    at_one_time([OVERRULED, NARROWED], |rules| {
        let report = report(rules, User::Ordinary);
        let (code, evidence) = finding(&report);
        let saw = (code, blame(&report));
        assert_eq!(saw, ("DL103", Some(Blame::Unknown)), "{evidence}");
        assert!(
            evidence.contains("the wire of the other host was not watched: no privilege"),
            "{evidence}"
        );
        assert!(report.summary.contains("root"), "{}", report.summary);
    });
}

/// A check of a blocked path mostly waits.
fn at_one_time<T: Send, const N: usize>(cases: [T; N], run: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| run(case));
        }
    });
}

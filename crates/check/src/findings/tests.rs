use std::{collections::BTreeSet, time::Duration};

use super::*;
use crate::{
    case::{Judged, Session},
    evidence::{
        Answer, CalleeReport, CalleeSaw, CallerReport, CallerSaw, ClosedBecause, Echo, ExchangeEnd,
        ExchangeEvidence, Listener, NoWitness, NotTested, OsError, Outcome, PathEvidence, WireSaw,
        Witnessed,
    },
    firewall::Standing,
    report::{Direction, ExchangeDirection, FixHost, HostInfo, PathId, System, Verdict, Via},
    verdict,
};

/// How one path went, in evidence that blame is sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    Open,
    CallerOutput,
    CalleeInput,
    CalleeOutput,
    CallerInput,
    Between,
    Unknown,
    Refused,
    HungUp,
    Absent,
    Closed,
    Held,
    Impostor,
    NotTested,
}

fn path(path: PathId, direction: Direction, went: Went) -> Judged {
    let listening = |accepted, half_open| CalleeSaw {
        listener: Listener::Listening,
        accepted: Some(accepted),
        answer: if accepted { Answer::Sent } else { Answer::None },
        half_open: Some(half_open),
        rules: None,
        rules_unread: None,
    };
    let closed = |because| CalleeSaw {
        listener: Listener::Closed(because),
        accepted: None,
        answer: Answer::None,
        half_open: None,
        rules: None,
        rules_unread: None,
    };
    let wire = |requests_left, answers_arrived| WireSaw {
        requests_left,
        answers_arrived,
        ..WireSaw::default()
    };
    let far = |requests_arrived, answers_left| WireSaw {
        requests_arrived,
        answers_left,
        ..WireSaw::default()
    };
    let silence = Outcome::TimedOut;
    let (outcome, near, callee) = match went {
        Went::Open => (
            Outcome::Open,
            wire(1, 1),
            Some((listening(true, false), far(1, 1))),
        ),
        Went::CallerOutput => (
            silence,
            wire(0, 0),
            Some((listening(false, false), far(0, 0))),
        ),
        Went::CalleeInput => (
            silence,
            wire(1, 0),
            Some((listening(false, false), far(1, 0))),
        ),
        Went::CalleeOutput => (
            silence,
            wire(1, 0),
            Some((listening(true, true), far(1, 0))),
        ),
        Went::CallerInput => (
            silence,
            wire(1, 1),
            Some((listening(false, true), far(1, 1))),
        ),
        Went::Between => (
            silence,
            wire(1, 0),
            Some((listening(false, false), far(0, 0))),
        ),
        Went::Unknown => (silence, wire(1, 0), None),
        Went::Refused => (Outcome::Refused, wire(1, 0), None),
        Went::HungUp => (Outcome::ClosedAfterConnect, wire(1, 1), None),
        Went::Absent => {
            let unresolved = vec!["192.0.2.7".parse().unwrap()];
            (
                silence,
                WireSaw {
                    unresolved,
                    ..wire(0, 0)
                },
                None,
            )
        }
        Went::Closed => {
            let refusing = WireSaw {
                resets_left: 1,
                ..far(1, 0)
            };
            (
                Outcome::Refused,
                wire(1, 0),
                Some((closed(ClosedBecause::Stopped), refusing)),
            )
        }
        Went::Held => {
            let by = Some("DoSvc".to_owned());
            (
                Outcome::Foreign,
                wire(1, 1),
                Some((closed(ClosedBecause::Held { by }), far(1, 1))),
            )
        }
        Went::Impostor => (
            Outcome::Foreign,
            wire(1, 1),
            Some((listening(false, false), far(0, 0))),
        ),
        Went::NotTested => {
            let why = NotTested::NoSession;
            return Judged::new(PathEvidence::not_tested(path, direction, why));
        }
    };
    let mut saw = CallerSaw::new(outcome);
    saw.from = Some("192.0.2.1:40000".parse().unwrap());
    saw.to = Some(format!("192.0.2.7:{}", path.port()).parse().unwrap());
    let evidence = PathEvidence::from_caller(
        path,
        direction,
        CallerReport {
            saw,
            witness: Witnessed::Saw(near),
        },
    );
    Judged::new(match callee {
        None => evidence,
        Some((saw, wire)) => evidence.with_callee(CalleeReport {
            saw,
            witness: Witnessed::Saw(wire),
        }),
    })
}

fn exchange(direction: ExchangeDirection, end: ExchangeEnd) -> ExchangeEvidence {
    let whole = end == ExchangeEnd::Complete;
    ExchangeEvidence {
        direction,
        wanted: 4 << 20,
        moved: if whole { 4 << 20 } else { 1 << 20 },
        verified: if whole { 4 } else { 1 },
        bad_pieces: 0,
        end,
        echo: None,
        path_mtu: None,
        sender_witness: Witnessed::Absent(NoWitness::NotAsked),
        receiver_witness: Witnessed::Absent(NoWitness::NotAsked),
    }
}

/// A check in which everything works.
fn good() -> Case {
    let host = |name: &str, os: &str| HostInfo {
        host: name.to_owned(),
        os: Some(os.to_owned()),
        ..HostInfo::default()
    };
    let mut case = Case {
        local: host("hostA", "linux"),
        remote: host("hostB", "windows"),
        local_address: Some("192.0.2.1".parse().unwrap()),
        remote_address: Some("192.0.2.7".parse().unwrap()),
        session: Session::Held(Via::Tcp7680),
        paths: Vec::new(),
        exchange: [ExchangeDirection::Receive, ExchangeDirection::Send]
            .map(|direction| exchange(direction, ExchangeEnd::Complete))
            .into(),
    };
    for id in PathId::ALL {
        for direction in [Direction::Outbound, Direction::Inbound] {
            case.paths.push(path(id, direction, Went::Open));
        }
    }
    case
}

impl Case {
    fn with(mut self, id: PathId, direction: Direction, went: Went) -> Self {
        let new = path(id, direction, went);
        for old in &mut self.paths {
            if old.evidence.path == id && old.evidence.direction == direction {
                *old = new.clone();
            }
        }
        self
    }

    fn exchange_7680(self, out: Went, inward: Went) -> Self {
        self.with(PathId::Tcp7680, Direction::Outbound, out).with(
            PathId::Tcp7680,
            Direction::Inbound,
            inward,
        )
    }

    fn moving(mut self, end: ExchangeEnd) -> Self {
        for exchange in &mut self.exchange {
            *exchange = self::exchange(exchange.direction, end.clone());
        }
        self
    }

    /// Nobody there to talk to: what can be seen is seen from here.
    fn alone(mut self, session: Session, went: Went) -> Self {
        self.session = session;
        self.exchange.clear();
        self.remote = HostInfo {
            host: "192.0.2.7".to_owned(),
            ..HostInfo::default()
        };
        for id in PathId::ALL {
            self = self.with(id, Direction::Outbound, went).with(
                id,
                Direction::Inbound,
                Went::NotTested,
            );
        }
        self
    }
}

fn codes(case: &Case) -> Vec<String> {
    of(case).into_iter().map(|f| f.code).collect()
}

fn answer(case: &Case) -> (Verdict, String) {
    verdict::of(case, &of(case))
}

#[test]
fn all_is_well() {
    assert_eq!(codes(&good()), [""; 0]);
    let (verdict, summary) = answer(&good());
    assert_eq!(verdict, Verdict::Pass);
    assert_eq!(
        summary,
        "hostA (192.0.2.1) and hostB (192.0.2.7) can share: content moved in both directions and \
         every piece was verified"
    );
}

#[test]
fn inbound_blocked_there() {
    let case = good().exchange_7680(Went::CalleeInput, Went::Open);
    assert_eq!(codes(&case), ["DL014"]);
    let finding = &of(&case)[0];
    assert_eq!(
        finding.title,
        "inbound TCP 7680 is blocked on hostB (192.0.2.7)"
    );
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(finding.paths, ["tcp-7680 outbound"]);
    assert!(finding.fixes.iter().all(|f| f.host == FixHost::Remote));
    assert!(finding.fixes.iter().all(|f| f.system == System::Windows));
    let (verdict, summary) = answer(&case);
    assert_eq!(verdict, Verdict::Degraded);
    assert_eq!(
        summary,
        "inbound TCP 7680 is blocked on hostB (192.0.2.7) (content moved all the same): run \
         there: Enable-NetFirewallRule -Name DeliveryOptimization-TCP-In"
    );
}

#[test]
fn what_the_rules_of_the_called_host_say_tells_kinds_of_blocks_apart() {
    let blocked = |rules| {
        let mut case = good().exchange_7680(Went::CalleeInput, Went::Open);
        let called = case.paths.iter_mut().find_map(|path| {
            let ours = path.evidence.path == PathId::Tcp7680
                && path.evidence.direction == Direction::Outbound;
            ours.then_some(path.evidence.callee.as_mut())?
        });
        called.expect("the callee told").rules = rules;
        case
    };
    let rule = || "inet filter, chain input".to_owned();
    let overruled = blocked(Some(Standing::Admits { rule: rule() }));
    assert_eq!(codes(&overruled), ["DL015"]);
    let finding = &of(&overruled)[0];
    assert_eq!(
        finding.title,
        "hostB (192.0.2.7) has a rule that lets TCP 7680 in, and something overrules it"
    );
    assert!(finding.evidence.iter().any(|line| line.contains(&rule())));
    assert!(finding.fixes.is_empty(), "one more rule changes nothing");
    let narrowed = blocked(Some(Standing::AdmitsOthers {
        rule: rule(),
        from: vec!["198.51.100.0/24".to_owned()],
    }));
    assert_eq!(codes(&narrowed), ["DL016"]);
    let finding = &of(&narrowed)[0];
    assert_eq!(
        finding.title,
        "the rule for TCP 7680 on hostB (192.0.2.7) admits 198.51.100.0/24 only"
    );
    assert!(!finding.fixes.is_empty());
    assert_eq!(codes(&blocked(None)), ["DL014"]);
}

#[test]
fn inbound_blocked_here_and_there() {
    let case = good()
        .exchange_7680(Went::CalleeInput, Went::CalleeInput)
        .moving(ExchangeEnd::NoConnection);
    assert_eq!(codes(&case), ["DL014", "DL014"]);
    let findings = of(&case);
    assert!(findings.iter().all(|f| f.severity == Severity::Error));
    assert_eq!(
        findings[1].title,
        "inbound TCP 7680 is blocked on hostA (192.0.2.1)"
    );
    let systems: BTreeSet<_> = findings[1]
        .fixes
        .iter()
        .map(|f| format!("{:?} {:?}", f.host, f.system))
        .collect();
    assert_eq!(systems.len(), 4, "the four of Linux, here");
    assert_eq!(answer(&case).0, Verdict::Fail);
}

#[test]
fn each_cause_on_7680_has_its_code() {
    for (went, code) in [
        (Went::CallerOutput, "DL101"),
        (Went::CalleeInput, "DL014"),
        (Went::CalleeOutput, "DL102"),
        (Went::CallerInput, "DL102"),
        (Went::Between, "DL017"),
        (Went::Closed, "DL108"),
        (Went::Held, "DL109"),
        (Went::HungUp, "DL118"),
        (Went::Absent, "DL115"),
        (Went::Unknown, "DL103"),
    ] {
        for direction in [Direction::Outbound, Direction::Inbound] {
            let case = good().with(PathId::Tcp7680, direction, went);
            assert_eq!(codes(&case), [code], "{went:?} {direction:?}");
            assert_eq!(answer(&case).0, Verdict::Degraded, "{went:?} {direction:?}");
        }
        let both = good()
            .exchange_7680(went, went)
            .moving(ExchangeEnd::NoConnection);
        let severity = of(&both)[0].severity;
        if went == Went::Held {
            // What answers is another program: the way is open, and nothing moves.
            assert!(
                codes(&both).contains(&"DL117".to_owned()),
                "{:?}",
                codes(&both)
            );
        } else {
            assert_eq!(severity, Severity::Error, "{went:?}");
            assert!(
                codes(&both).iter().all(|c| c == code),
                "{went:?}: {:?}",
                codes(&both)
            );
        }
        assert_eq!(answer(&both).0, Verdict::Fail, "{went:?}");
    }
}

#[test]
fn the_network_is_one_finding_for_both_directions() {
    let case = good()
        .exchange_7680(Went::Between, Went::Between)
        .moving(ExchangeEnd::NoConnection);
    let findings = of(&case);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].paths, ["tcp-7680 outbound", "tcp-7680 inbound"]);
    assert!(findings[0].fixes.is_empty(), "no host's command mends it");
    assert_eq!(
        answer(&case).1,
        "something between hostA (192.0.2.1) and hostB (192.0.2.7) blocks TCP 7680: permit TCP \
         7680 between the two networks, in both directions, on the router, firewall or access \
         point between them"
    );
}

#[test]
fn what_checklists_ask_for_never_makes_it_fail() {
    for (id, code) in [
        (PathId::Tcp443, "DL110"),
        (PathId::Udp443, "DL111"),
        (PathId::Udp3544, "DL046"),
    ] {
        let case = good()
            .with(id, Direction::Outbound, Went::CalleeInput)
            .with(id, Direction::Inbound, Went::Between);
        assert_eq!(codes(&case), [code]);
        assert_eq!(of(&case)[0].severity, Severity::Info);
        assert_eq!(answer(&case).0, Verdict::Pass, "{id}");
    }
}

#[test]
fn dns_sd_is_needed_to_be_found() {
    let case = good().with(PathId::Udp5353, Direction::Outbound, Went::CalleeInput);
    assert_eq!(codes(&case), ["DL020"]);
    assert_eq!(answer(&case).0, Verdict::Degraded);
    assert!(
        answer(&case).1.contains("run there: New-NetFirewallRule"),
        "{}",
        answer(&case).1
    );
    let skipped = good()
        .with(PathId::Udp5353, Direction::Outbound, Went::NotTested)
        .with(PathId::Udp5353, Direction::Inbound, Went::NotTested);
    assert_eq!(answer(&skipped).0, Verdict::Pass);
}

#[test]
fn what_the_other_side_or_somebody_between_says_is_told() {
    let answered = good().exchange_7680(Went::Impostor, Went::Open);
    assert_eq!(codes(&answered), ["DL114"]);
    assert_eq!(answer(&answered).0, Verdict::Degraded);
    let why = || "the words of the other side".to_owned();
    for (session, code) in [
        (Session::Incompatible { why: why() }, "DL113"),
        (Session::Lost { why: why() }, "DL119"),
    ] {
        let case = Case { session, ..good() };
        assert_eq!(codes(&case), [code]);
        assert_eq!(of(&case)[0].evidence, [why()]);
        assert_ne!(answer(&case).0, Verdict::Pass);
    }
}

#[test]
fn what_hides_others_comes_first() {
    let mut case = good()
        .exchange_7680(Went::CalleeInput, Went::Between)
        .with(PathId::Udp443, Direction::Outbound, Went::Between)
        .with(PathId::Udp5353, Direction::Outbound, Went::Between)
        .moving(ExchangeEnd::NoConnection);
    assert_eq!(codes(&case), ["DL014", "DL017", "DL020", "DL111"]);
    case.session = Session::WrongKey;
    assert_eq!(codes(&case)[0], "DL112");
}

#[test]
fn content_that_does_not_arrive() {
    let stalled = ExchangeEnd::Stalled {
        after: Duration::from_secs(5),
    };
    for (end, code, do_error) in [
        (ExchangeEnd::Reset, "DL105", Some("0x80D06811")),
        (stalled.clone(), "DL106", Some("0x80D02002")),
        (ExchangeEnd::Closed, "DL107", Some("0x80D06814")),
        (ExchangeEnd::PeerGone, "DL107", Some("0x80D06814")),
        (ExchangeEnd::BadPieces, "DL047", Some("0x80D06805")),
        (
            ExchangeEnd::HostFailed {
                why: "disk full".to_owned(),
            },
            "DL117",
            None,
        ),
        (ExchangeEnd::NoConnection, "DL117", None),
    ] {
        let case = good().moving(end.clone());
        assert_eq!(codes(&case), [code, code], "{end:?}, once each way");
        assert_eq!(of(&case)[0].do_error.as_deref(), do_error);
        assert_eq!(of(&case)[0].severity, Severity::Error);
        assert_eq!(answer(&case).0, Verdict::Fail, "{end:?}");
        let mut half = good();
        half.exchange[1] = exchange(ExchangeDirection::Send, end);
        assert_eq!(of(&half)[0].severity, Severity::Warning);
        assert_eq!(answer(&half).0, Verdict::Degraded);
    }
    let mut hole = good().moving(stalled);
    for exchange in &mut hole.exchange {
        exchange.echo = Some(Echo {
            small: true,
            large: false,
            large_size: 6000,
        });
    }
    assert_eq!(codes(&hole), ["DL104", "DL104"]);
    let mut flawed = good();
    flawed.exchange[0].bad_pieces = 1;
    assert_eq!(codes(&flawed), ["DL047"]);
    assert_eq!(answer(&flawed).0, Verdict::Degraded);
}

#[test]
fn without_a_session() {
    let nobody = good().alone(Session::Unreached, Went::Refused);
    assert_eq!(codes(&nobody), ["DL043"]);
    let (verdict, summary) = answer(&nobody);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(summary.starts_with("no lab peer answered on 192.0.2.7: run `dolab peer` there"));
    assert!(
        of(&nobody)[0]
            .evidence
            .iter()
            .any(|e| e.contains("idle Windows host"))
    );

    let windows = good().alone(Session::NotAPeer, Went::HungUp);
    assert_eq!(codes(&windows), ["DL043"]);
    assert_eq!(answer(&windows).0, Verdict::Inconclusive);

    let dark = good().alone(Session::Unreached, Went::Unknown);
    assert_eq!(codes(&dark), ["DL103"], "not one finding for each path");
    assert_eq!(answer(&dark).0, Verdict::Inconclusive);

    let own = good().alone(Session::Unreached, Went::CallerOutput);
    assert_eq!(codes(&own), ["DL101"]);
    assert_eq!(answer(&own).0, Verdict::Fail);

    let off = good().alone(Session::Unreached, Went::Absent);
    assert_eq!(codes(&off), ["DL115"]);
    assert_eq!(answer(&off).0, Verdict::Inconclusive);

    let stranger = good().alone(Session::WrongKey, Went::Open);
    assert_eq!(codes(&stranger), ["DL112"]);
    assert_eq!(answer(&stranger).0, Verdict::Inconclusive);
    assert!(
        answer(&stranger)
            .1
            .contains("give both sides the same `--key`")
    );
}

#[test]
fn nothing_was_to_be_moved() {
    let mut case = good();
    case.exchange.clear();
    assert_eq!(answer(&case).0, Verdict::Inconclusive);
    let shut = good().exchange_7680(Went::Between, Went::CalleeInput);
    assert_eq!(
        answer(&Case {
            exchange: Vec::new(),
            ..shut
        })
        .0,
        Verdict::Fail
    );
}

#[test]
fn fixes_for_every_system_where_it_is_not_known() {
    let mut case = good().exchange_7680(Went::CalleeInput, Went::Open);
    case.remote.os = None;
    let systems: BTreeSet<_> = of(&case)[0]
        .fixes
        .iter()
        .map(|f| format!("{:?}", f.system))
        .collect();
    assert_eq!(systems.len(), 5);
}

#[test]
fn a_port_of_ones_own_is_named_and_opened() {
    let mut case = good().exchange_7680(Went::CalleeInput, Went::Open);
    case.remote.os = Some("linux".to_owned());
    for path in &mut case.paths {
        path.evidence.caller.to = Some("192.0.2.7:17680".parse().unwrap());
    }
    let finding = &of(&case)[0];
    assert!(finding.title.contains("TCP 17680"));
    assert!(finding.fixes[0].command.contains("dport 17680"));
    assert_eq!(case.paths[0].report().port, 17680);
}

#[test]
fn a_host_that_may_not_send_says_so() {
    let mut saw = CallerSaw::new(Outcome::Forbidden);
    saw.error = Some(OsError {
        code: 1,
        name: "EPERM".to_owned(),
    });
    saw.to = Some("192.0.2.7:3544".parse().unwrap());
    let witness = Witnessed::Absent(NoWitness::NoPrivilege);
    let evidence = PathEvidence::from_caller(
        PathId::Udp3544,
        Direction::Inbound,
        CallerReport { saw, witness },
    );
    let mut case = good();
    case.paths.retain(|p| p.evidence.path != PathId::Udp3544);
    case.paths.push(Judged::new(evidence));
    let finding = &of(&case)[0];
    assert_eq!(finding.code, "DL046");
    assert!(
        finding.fixes.iter().all(|f| f.host == FixHost::Remote),
        "the other host called"
    );
}

/// Both hosts are there, by what the cloud carries between them, and their link keeps them apart.
#[test]
fn isolated_clients() {
    let apart = || {
        let mut case = good()
            .exchange_7680(Went::Absent, Went::Absent)
            .with(PathId::Udp5353, Direction::Outbound, Went::Absent)
            .moving(ExchangeEnd::NoConnection);
        case.session = Session::Held(Via::Cloud);
        case.local.addresses = vec!["192.0.2.1".to_owned()];
        case.remote.addresses = vec!["192.0.2.7".to_owned()];
        case
    };
    let findings = of(&apart());
    assert_eq!(findings[0].code, "DL018");
    assert_eq!(findings[0].consequence_of, None);
    let dns_sd = findings.iter().find(|it| it.code == "DL020").unwrap();
    assert_eq!(dns_sd.consequence_of.as_deref(), Some("DL018"));
    assert!(findings.iter().all(|it| it.code != "DL115"));

    // It is there, and has another address by now.
    let mut moved = apart();
    moved.remote.addresses = vec!["192.0.2.8".to_owned()];
    assert_eq!(codes(&moved)[0], "DL115");
    // Nothing says that it is there.
    let mut off = apart();
    off.session = Session::Unreached;
    assert_eq!(codes(&off)[0], "DL115");
}

#[test]
fn every_rule_has_a_row_and_follows_what_comes_before_it() {
    let mut seen = BTreeSet::new();
    for rule in RULES {
        assert!(
            dolab_catalogue::failure(rule.code).is_some(),
            "{}",
            rule.code
        );
        for before in rule.follows {
            assert!(seen.contains(before), "{} follows {before}", rule.code);
        }
        assert!(seen.insert(rule.code), "{} twice", rule.code);
    }
}

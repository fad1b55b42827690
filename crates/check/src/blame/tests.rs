//! The rows of the table of what a caller sees, with the evidence recorded for each on both sides
//! and with as little as is left when nobody else could be asked.

use std::time::Duration;

use super::*;
use crate::{
    evidence::{
        Answer, CalleeReport, CalleeSaw, CallerReport, CallerSaw, IcmpError, Listener, NoWitness,
        OsError, Outcome, Unreachable, WireSaw, Witnessed,
    },
    report::PathId,
};

const CALLER: &str = "192.0.2.1";
const CALLEE: &str = "192.0.2.7";
const ROUTER: &str = "203.0.113.9";

fn icmp(from: &str, code: u8) -> IcmpError {
    IcmpError {
        from: from.parse().unwrap(),
        icmp_type: 3,
        code,
        mtu: None,
    }
}

fn alone(path: PathId, outcome: Outcome, icmp: &[IcmpError]) -> PathEvidence {
    let mut saw = CallerSaw::new(outcome);
    saw.from = Some(format!("{CALLER}:40000").parse().unwrap());
    saw.to = Some(format!("{CALLEE}:{}", path.port()).parse().unwrap());
    saw.attempts = 1;
    saw.waited = Duration::from_millis(2);
    saw.icmp = icmp.to_vec();
    let witness = Witnessed::Absent(NoWitness::NoPrivilege);
    PathEvidence::from_caller(path, Direction::Outbound, CallerReport { saw, witness })
}

fn tcp(outcome: Outcome, icmp: &[IcmpError]) -> PathEvidence {
    alone(PathId::Tcp7680, outcome, icmp)
}

fn udp(outcome: Outcome, icmp: &[IcmpError]) -> PathEvidence {
    alone(PathId::Udp3544, outcome, icmp)
}

fn callee(listener: Listener) -> CalleeSaw {
    CalleeSaw {
        listener,
        accepted: None,
        answer: Answer::None,
        half_open: None,
        rules: None,
        rules_unread: None,
    }
}

impl PathEvidence {
    fn caller_wire(mut self, saw: WireSaw) -> Self {
        self.caller_witness = Witnessed::Saw(saw);
        self
    }

    fn callee(self, saw: CalleeSaw, wire: Option<WireSaw>) -> Self {
        let witness = match wire {
            Some(saw) => Witnessed::Saw(saw),
            None => Witnessed::Absent(NoWitness::NoPrivilege),
        };
        self.with_callee(CalleeReport { saw, witness })
    }
}

fn listening() -> CalleeSaw {
    callee(Listener::Listening)
}

fn closed() -> CalleeSaw {
    callee(Listener::Closed(ClosedBecause::Stopped))
}

fn left(n: u32) -> WireSaw {
    WireSaw {
        requests_left: n,
        ..WireSaw::default()
    }
}

fn arrived(n: u32) -> WireSaw {
    WireSaw {
        requests_arrived: n,
        ..WireSaw::default()
    }
}

const NET: Outcome = Outcome::Unreachable(Unreachable::Net);
const HOST: Outcome = Outcome::Unreachable(Unreachable::Host);

#[test]
fn each_row_of_the_table() {
    use Blame::*;
    use PathState::*;
    let eperm = |mut e: PathEvidence| {
        e.caller.error = Some(OsError {
            code: 1,
            name: "EPERM".to_owned(),
        });
        e
    };
    let reset_left = WireSaw {
        resets_left: 1,
        ..arrived(1)
    };
    let icmp_left = |code| WireSaw {
        icmp_left: vec![icmp(CALLEE, code)],
        ..arrived(1)
    };
    let looped = |code| WireSaw {
        icmp_left: vec![icmp(CALLER, code)],
        icmp_arrived: vec![icmp(CALLER, code)],
        ..WireSaw::default()
    };
    let half_open = |yes| CalleeSaw {
        half_open: Some(yes),
        ..listening()
    };
    let read = |yes, answer| CalleeSaw {
        accepted: Some(yes),
        answer,
        ..listening()
    };
    let rows: Vec<(&str, PathEvidence, PathState, Option<Blame>)> = vec![
        ("none", tcp(Outcome::Open, &[]), Open, None),
        // Nothing listens.
        (
            "closed, told",
            tcp(Outcome::Refused, &[]).callee(closed(), None),
            Refused,
            None,
        ),
        (
            "closed, seen",
            tcp(Outcome::Refused, &[]).callee(closed(), Some(reset_left.clone())),
            Refused,
            None,
        ),
        (
            "closed or rejected",
            tcp(Outcome::Refused, &[]),
            Refused,
            Some(Unknown),
        ),
        (
            "udp closed, silence",
            udp(Outcome::TimedOut, &[]).callee(closed(), None),
            Filtered,
            None,
        ),
        (
            "udp closed or rejected",
            udp(Outcome::Refused, &[icmp(CALLEE, 3)]),
            Refused,
            Some(Unknown),
        ),
        // Remote input drop.
        (
            "drop, alone",
            tcp(Outcome::TimedOut, &[]).caller_wire(left(2)),
            Filtered,
            Some(Unknown),
        ),
        (
            "remote input drop",
            tcp(Outcome::TimedOut, &[])
                .caller_wire(left(2))
                .callee(half_open(false), Some(arrived(2))),
            Filtered,
            Some(RemoteInbound),
        ),
        (
            "udp remote input drop",
            udp(Outcome::TimedOut, &[]).callee(read(false, Answer::None), Some(arrived(3))),
            Filtered,
            Some(RemoteInbound),
        ),
        // Remote input reject.
        (
            "reject, alone",
            tcp(Outcome::Refused, &[icmp(CALLEE, 3)]),
            Refused,
            Some(RemoteInbound),
        ),
        (
            "reject, seen",
            tcp(Outcome::Refused, &[]).callee(listening(), Some(icmp_left(3))),
            Refused,
            Some(RemoteInbound),
        ),
        (
            "reset, seen",
            tcp(Outcome::Refused, &[]).callee(listening(), Some(reset_left)),
            Refused,
            Some(RemoteInbound),
        ),
        (
            "prohibited",
            tcp(HOST, &[icmp(CALLEE, 13)]),
            Unreachable,
            Some(RemoteInbound),
        ),
        (
            "udp prohibited",
            udp(HOST, &[icmp(CALLEE, 10)]),
            Unreachable,
            Some(RemoteInbound),
        ),
        (
            "net unreachable",
            tcp(NET, &[icmp(CALLEE, 0)]),
            Unreachable,
            Some(RemoteInbound),
        ),
        (
            "udp rejected where something listens",
            udp(Outcome::Refused, &[icmp(CALLEE, 3)]).callee(listening(), None),
            Refused,
            Some(RemoteInbound),
        ),
        // The middle.
        (
            "middle drop",
            tcp(Outcome::TimedOut, &[])
                .caller_wire(left(2))
                .callee(listening(), Some(arrived(0))),
            Filtered,
            Some(Network),
        ),
        (
            "middle reject",
            tcp(Outcome::Refused, &[icmp(ROUTER, 3)]),
            Refused,
            Some(Network),
        ),
        (
            "middle reset",
            tcp(Outcome::Refused, &[])
                .caller_wire(WireSaw {
                    resets_arrived: 1,
                    ..left(1)
                })
                .callee(listening(), Some(arrived(0))),
            Refused,
            Some(Network),
        ),
        (
            "middle forges the callee's address",
            tcp(Outcome::Refused, &[icmp(CALLEE, 3)]).callee(listening(), Some(arrived(0))),
            Refused,
            Some(Network),
        ),
        (
            "middle drops the answer",
            tcp(Outcome::TimedOut, &[]).caller_wire(left(2)).callee(
                half_open(true),
                Some(WireSaw {
                    answers_left: 2,
                    ..arrived(2)
                }),
            ),
            Filtered,
            Some(Network),
        ),
        // Own output.
        (
            "own output drop",
            tcp(Outcome::TimedOut, &[])
                .caller_wire(left(0))
                .callee(listening(), Some(arrived(0))),
            BlockedLocally,
            Some(LocalOutbound),
        ),
        (
            "own output drop, alone",
            tcp(Outcome::TimedOut, &[]).caller_wire(left(0)),
            BlockedLocally,
            Some(LocalOutbound),
        ),
        (
            "own output reject",
            tcp(Outcome::Refused, &[]).caller_wire(looped(3)),
            BlockedLocally,
            Some(LocalOutbound),
        ),
        (
            "own output reject, by the error queue alone",
            tcp(Outcome::Refused, &[icmp(CALLER, 3)]),
            BlockedLocally,
            Some(LocalOutbound),
        ),
        (
            "own output reject prohibited",
            tcp(HOST, &[icmp(CALLER, 13)]),
            BlockedLocally,
            Some(LocalOutbound),
        ),
        (
            "udp own output",
            eperm(udp(Outcome::Forbidden, &[])),
            BlockedLocally,
            Some(LocalOutbound),
        ),
        // The callee's output, the caller's input.
        (
            "remote output drop",
            tcp(Outcome::TimedOut, &[]).callee(half_open(true), Some(arrived(2))),
            Filtered,
            Some(RemoteOutbound),
        ),
        (
            "udp remote output drop",
            udp(Outcome::TimedOut, &[]).callee(
                read(
                    true,
                    Answer::Forbidden(OsError {
                        code: 1,
                        name: "EPERM".to_owned(),
                    }),
                ),
                None,
            ),
            Filtered,
            Some(RemoteOutbound),
        ),
        (
            "own input drop",
            tcp(Outcome::TimedOut, &[]).caller_wire(WireSaw {
                answers_arrived: 2,
                ..left(2)
            }),
            Filtered,
            Some(LocalInbound),
        ),
        // Routes and links.
        (
            "absent host",
            tcp(HOST, &[icmp(CALLER, 1)]).caller_wire(WireSaw {
                unresolved: vec![CALLEE.parse().unwrap()],
                ..left(0)
            }),
            Unreachable,
            Some(Unknown),
        ),
        (
            "no route",
            tcp(NET, &[]).caller_wire(left(0)),
            Unreachable,
            Some(LocalOutbound),
        ),
        (
            "no route, nobody looked",
            tcp(NET, &[]),
            Unreachable,
            Some(Unknown),
        ),
        (
            "route prohibit",
            eperm(tcp(Outcome::Forbidden, &[])),
            BlockedLocally,
            Some(LocalOutbound),
        ),
    ];
    for (name, evidence, state, blame) in rows {
        let judged = judge(&evidence);
        assert_eq!(
            (judged.state, judged.blame),
            (state, blame),
            "{name}: {judged:#?}"
        );
        let mut mirrored = evidence.clone();
        mirrored.direction = Direction::Inbound;
        let mirror = blame.map(|b| match b {
            LocalOutbound => RemoteOutbound,
            LocalInbound => RemoteInbound,
            RemoteInbound => LocalInbound,
            RemoteOutbound => LocalOutbound,
            Network => Network,
            Unknown => Unknown,
        });
        assert_eq!(
            judge(&mirrored).blame,
            mirror,
            "{name}, seen from the other side"
        );
        assert_eq!(
            judged.reason.is_some(),
            state != Open,
            "{name} needs a reason"
        );
    }
}

#[test]
fn a_witness_that_lost_packets_accuses_nobody() {
    let missed = WireSaw {
        missed: 1,
        ..left(0)
    };
    let judged = judge(&tcp(Outcome::TimedOut, &[]).caller_wire(missed));
    assert_eq!(
        (judged.state, judged.blame),
        (PathState::Filtered, Some(Blame::Unknown))
    );
}

#[test]
fn a_silent_next_hop_accuses_nobody() {
    let waiting = WireSaw {
        unresolved: vec![ROUTER.parse().unwrap()],
        ..left(0)
    };
    let judged = judge(&tcp(Outcome::TimedOut, &[]).caller_wire(waiting));
    assert_eq!(judged.blame, Some(Blame::Unknown));
}

#[test]
fn an_answer_from_a_program_in_the_callees_place() {
    let intercepted = tcp(Outcome::Foreign, &[]).callee(listening(), Some(arrived(0)));
    assert_eq!(judge(&intercepted).cause, Cause::Impostor);
    let held = callee(Listener::Closed(ClosedBecause::Held {
        by: Some("DoSvc".to_owned()),
    }));
    let judged = judge(&tcp(Outcome::Foreign, &[]).callee(held, None));
    assert_eq!(
        (judged.state, judged.cause),
        (PathState::Open, Cause::OtherProgram)
    );
}

#[test]
fn a_reset_that_neither_side_sent_came_from_between() {
    let seen = tcp(Outcome::ResetAfterConnect, &[])
        .caller_wire(WireSaw {
            resets_arrived: 1,
            answers_arrived: 1,
            ..left(1)
        })
        .callee(
            listening(),
            Some(WireSaw {
                answers_left: 1,
                ..arrived(1)
            }),
        );
    assert_eq!(judge(&seen).blame, Some(Blame::Network));
    let alone = judge(&tcp(Outcome::ResetAfterConnect, &[]));
    assert_eq!(
        (alone.state, alone.blame),
        (PathState::Reset, Some(Blame::Unknown))
    );
}

#[test]
fn what_was_not_tested_is_no_failure() {
    let evidence =
        PathEvidence::not_tested(PathId::Udp5353, Direction::Inbound, NotTested::NoSession);
    let judged = judge(&evidence);
    assert_eq!((judged.state, judged.blame), (PathState::NotTested, None));
    assert!(judged.reason.is_some());
}

#[test]
fn evidence_reads_as_observations() {
    let evidence = tcp(Outcome::TimedOut, &[icmp(ROUTER, 13)])
        .caller_wire(left(2))
        .callee(
            CalleeSaw {
                half_open: Some(false),
                ..listening()
            },
            Some(arrived(2)),
        );
    assert_eq!(
        judge(&evidence).evidence,
        [
            "this host was told: ICMP prohibited by an administrator (type 3 code 13) from 203.0.113.9",
            "on the wire of this host: 2 SYN left",
            "on the wire of the other host: 2 SYN arrived",
            "the other host listens",
            "the kernel of the other host holds no half-open connection from there",
        ]
    );
}

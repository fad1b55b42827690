//! Between which two routers a path dies, and on which of its two ways: whole checks between two
//! hosts with routers between them that drop packets, over IPv4 and IPv6 at the same time, with and
//! without privileges. Needs root and nft; says so when it did not run, and fails then where
//! `DOLAB_REQUIRE_NETNS=1` asks for it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../netns/mod.rs"]
mod netns;
mod network;
#[path = "../stations/mod.rs"]
mod stations;

use std::{net::IpAddr, thread};

use common::{assert_fits_schema, path};
use dolab_check::report::{
    Blame,
    Direction::{self, Inbound, Outbound},
    Lost,
    PathId::{self, Tcp443, Tcp7680, Udp443, Udp3544},
    PathState, Report,
};
use network::{Back, HERE, Network, THERE};
use stations::{User, check};

/// A path that is blocked. All others have to be open.
struct Blocked {
    path: PathId,
    direction: Direction,
    /// Whose packets are lost, the last that got them, and the first that did not; `None` where it can
    /// not be known.
    place: Option<(Lost, [&'static str; 2])>,
}

fn blocked(path: PathId, direction: Direction, lost: Lost, between: [&'static str; 2]) -> Blocked {
    Blocked {
        path,
        direction,
        place: Some((lost, between)),
    }
}

/// A network in which routers drop, and what must be said of it.
struct Case {
    back: Back,
    users: [User; 2],
    drops: &'static [(&'static str, &'static str)],
    blocked: Vec<Blocked>,
}

/// Checks in all these networks at one time: a check of a blocked path mostly waits.
fn run(cases: impl IntoIterator<Item = Case>) {
    if !netns::possible() {
        return;
    }
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || {
                let network = Network::new(case.back);
                for (router, what) in case.drops {
                    network.drop_at(router, what);
                }
                let [here, there] = [HERE, THERE].map(|host| network.host(host));
                for report in check(here, there, case.users) {
                    assert_fits_schema(&report);
                    assert_blocked(&report, &case.blocked);
                    assert_routes(&report, &case);
                }
            });
        }
    });
}

/// Fails unless exactly these paths are blocked, and each where it is said.
fn assert_blocked(report: &Report, blocked: &[Blocked]) {
    let text = serde_json::to_string_pretty(report).unwrap();
    for id in PathId::ALL {
        for direction in [Outbound, Inbound] {
            let path = path(report, id, direction);
            let expected = blocked
                .iter()
                .find(|it| (it.path, it.direction) == (id, direction));
            if path.state == PathState::NotTested {
                assert!(expected.is_none(), "{id} {direction:?}: {text}");
                continue;
            }
            let wanted = match expected.map(|it| it.place) {
                Some(Some(place)) => (PathState::Filtered, Some(Blame::Network), Some(place)),
                Some(None) => (PathState::Filtered, Some(Blame::Unknown), None),
                None => (PathState::Open, None, None),
            };
            let place = path.lost.zip(path.between.map(|both| both.map(name)));
            let saw = (path.state, path.blame, place);
            assert_eq!(saw, wanted, "{id} {direction:?}: {text}");
            assert_eq!(path.lost.is_some(), path.between.is_some());
            // Only for what is blocked the way is looked at.
            assert!(expected.is_some() || path.hops.is_none(), "{text}");
        }
    }
}

fn name(address: IpAddr) -> &'static str {
    Network::name(address).unwrap_or_else(|| panic!("{address}: nobody has it"))
}

/// Fails unless the routers of both ways are told for every path that is blocked; without a session, of
/// the way there.
fn assert_routes(report: &Report, case: &Case) {
    let back = match case.back {
        Back::Over => "over",
        Back::Under => "under",
    };
    let mut ways = [
        Some(vec!["near", "over", "far"]),
        Some(vec!["far", back, "near"]),
    ];
    if report.control.via.is_none() {
        ways[1] = None;
    }
    for it in &case.blocked {
        let hops = path(report, it.path, it.direction).hops.clone().unwrap();
        let mut routes = [hops.out, hops.back].map(|way| {
            let routers = way?.into_iter();
            Some(routers.map(|it| it.map_or("silent", name)).collect())
        });
        if it.direction == Inbound {
            routes.reverse();
        }
        assert_eq!(routes, ways, "{}", it.path);
    }
}

const ROOT: [User; 2] = [User::Root; 2];
const ORDINARY: [User; 2] = [User::Ordinary; 2];

fn case<const N: usize>(
    (back, users): (Back, [User; 2]),
    drops: &'static [(&'static str, &'static str)],
    blocked: [Blocked; N],
) -> Case {
    Case {
        back,
        users,
        drops,
        blocked: blocked.into(),
    }
}

/// Everything of one direction dropped: nothing is left that both hosts could talk over.
fn nothing_passes(users: [User; 2]) -> Case {
    case(
        (Back::Over, users),
        &[(
            "over",
            r#"iifname "near" meta l4proto { tcp, udp } th dport { 443, 3544, 7680 }"#,
        )],
        [Tcp7680, Tcp443, Udp443, Udp3544]
            .map(|path| blocked(path, Outbound, Lost::Request, ["over", "far"])),
    )
}

#[test]
fn where_nothing_is_dropped_no_hop_is_named() {
    run([ROOT, ORDINARY].map(|users| case((Back::Under, users), &[], [])));
}

/// Each of the two protocols, each family, requests and answers, in both directions of calling; and
/// where answers take another way than requests, what is dropped on one is not placed on the other.
#[test]
fn the_routers_between_which_packets_die_are_named() {
    let same_way = (Back::Over, ROOT);
    let other_way = (Back::Under, ROOT);
    run([
        case(
            same_way,
            &[
                ("over", r#"iifname "near" tcp dport 7680"#),
                ("over", r#"iifname "far" udp sport 3544"#),
            ],
            [
                blocked(Tcp7680, Outbound, Lost::Request, ["over", "far"]),
                blocked(Udp3544, Outbound, Lost::Answer, ["over", "near"]),
            ],
        ),
        case(
            same_way,
            &[
                ("over", r#"iifname "near" udp dport 3544"#),
                ("over", r#"iifname "far" tcp sport 7680"#),
            ],
            [
                blocked(Udp3544, Outbound, Lost::Request, ["over", "far"]),
                blocked(Tcp7680, Outbound, Lost::Answer, ["over", "near"]),
            ],
        ),
        case(
            same_way,
            &[
                ("far", r#"iifname "there" tcp dport 7680"#),
                ("near", r#"iifname "here" udp sport 3544"#),
            ],
            [
                blocked(Tcp7680, Inbound, Lost::Request, ["far", "over"]),
                blocked(Udp3544, Inbound, Lost::Answer, ["near", "over"]),
            ],
        ),
        case(
            other_way,
            &[("over", "tcp dport 7680"), ("under", "udp sport 3544")],
            [
                blocked(Tcp7680, Outbound, Lost::Request, ["over", "far"]),
                blocked(Udp3544, Outbound, Lost::Answer, ["under", "near"]),
            ],
        ),
        // Answers to calls from here, and calls from there, go the same way.
        case(
            other_way,
            &[("under", "tcp sport 7680"), ("under", "udp dport 3544")],
            [
                blocked(Tcp7680, Outbound, Lost::Answer, ["under", "near"]),
                blocked(Udp3544, Inbound, Lost::Request, ["under", "near"]),
            ],
        ),
        nothing_passes(ROOT),
    ]);
}

/// Without any capability on either host there is no witness: the error queue alone names the place.
/// Packets that look like answers take a privilege: without it nothing is claimed of the way back, and
/// the way there is not blamed for it.
#[test]
fn an_ordinary_user_learns_the_place_from_the_error_queue() {
    let drops: &[_] = &[
        ("over", r#"iifname "near" tcp dport 7680"#),
        ("far", r#"iifname "there" udp dport 3544"#),
    ];
    let both = |next| {
        [
            blocked(Tcp7680, Outbound, Lost::Request, ["over", "far"]),
            blocked(Udp3544, Inbound, Lost::Request, ["far", next]),
        ]
    };
    let not_known = Blocked {
        path: Tcp7680,
        direction: Outbound,
        place: None,
    };
    run([
        case((Back::Over, ORDINARY), drops, both("over")),
        case((Back::Under, ORDINARY), drops, both("under")),
        case(
            (Back::Under, ORDINARY),
            &[("under", "tcp sport 7680")],
            [not_known],
        ),
        nothing_passes(ORDINARY),
    ]);
}

//! Who counts as what, and what is told of those who were offered.

use dolab_wire::swarm::PeerId;

use super::{super::solo::hello, *};
use crate::{CandidateReport, CloseReason, DialFailure, Reason};

/// What a peer counts as that connects from an address.
fn accepted(solo: &mut Solo, from: &str, id: u8) -> PeerType {
    let conn = solo.accept(SocketAddr::new(from.parse().unwrap(), 50_000));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), PeerId::from_random([id; 16])),
    });
    solo.engine.connection(conn).unwrap().kind
}

#[test]
fn who_is_in_a_subnet_of_ours_is_on_the_lan() {
    let mut solo = Solo::mixed(
        8,
        vec![],
        Rules {
            strangers: PeerType::Group,
            ..freely()
        },
    );
    solo.command(Command::Subnets(vec![
        ("10.1.2.3".parse().unwrap(), 24),
        ("2001:db8::1".parse().unwrap(), 64),
    ]));
    let cases = [
        ("10.1.2.200", PeerType::Lan),
        ("::ffff:10.1.2.201", PeerType::Lan),
        ("2001:db8::9", PeerType::Lan),
        ("127.0.0.1", PeerType::Lan),
        ("169.254.7.7", PeerType::Lan),
        ("fe80::1", PeerType::Lan),
        ("10.1.3.1", PeerType::Group),
        ("192.168.0.1", PeerType::Group),
        ("fd00::1", PeerType::Group),
        ("203.0.113.5", PeerType::Internet),
        ("2001:db8:1::9", PeerType::Internet),
    ];
    for (n, (from, kind)) in cases.into_iter().enumerate() {
        assert_eq!(accepted(&mut solo, from, n as u8), kind, "{from}");
    }
}

#[test]
fn who_was_offered_is_what_it_was_offered_as() {
    let mut solo = Solo::mixed(8, vec![], freely());
    solo.command(Command::Subnets(vec![("10.0.0.1".parse().unwrap(), 30)]));
    solo.candidate_of(77, PeerType::Internet);
    solo.candidate_of(78, PeerType::LinkLocal);
    // On the LAN, whatever the group says.
    solo.candidate_of(2, PeerType::Group);
    assert_eq!(accepted(&mut solo, "10.0.0.77", 1), PeerType::Internet);
    assert_eq!(accepted(&mut solo, "10.0.0.78", 2), PeerType::LinkLocal);
    assert_eq!(accepted(&mut solo, "10.0.0.2", 3), PeerType::Lan);
    for (conn, addr) in solo.dials() {
        let kind = solo.engine.connection(conn).unwrap().kind;
        let expected = match addr.ip().to_string().as_str() {
            "10.0.0.77" => PeerType::Internet,
            "10.0.0.78" => PeerType::LinkLocal,
            _ => PeerType::Lan,
        };
        assert_eq!(kind, expected);
    }
}

fn told(solo: &Solo, n: u8) -> CandidateReport {
    let of = content(1);
    let mut reports = solo.engine.candidates(&of);
    reports.find(|report| report.addr == addr(n)).unwrap()
}

/// Peers behind other NATs are offered, and never connect.
#[test]
fn who_was_offered_and_never_connected_is_told_with_the_reason() {
    let mut solo = Solo::mixed(1, vec![origin("o")], freely());
    for n in 1..=4 {
        solo.candidate_of(n, PeerType::Internet);
    }
    let dials = solo.dials();
    solo.input(Input::DialFailed {
        conn: dials[0].0,
        why: DialFailure::Unreachable,
    });
    solo.input(Input::Connected { conn: dials[2].0 });
    solo.input(Input::Handshake {
        conn: dials[2].0,
        handshake: hello(content(1), PeerId::from_random([3; 16])),
    });
    solo.wait(Duration::from_secs(10));
    let unreachable = CloseReason::DialFailed(DialFailure::Unreachable);
    assert_eq!(told(&solo, 1).failure, Some(unreachable));
    let timed_out = CloseReason::DialFailed(DialFailure::TimedOut);
    assert_eq!(told(&solo, 2).failure, Some(timed_out));
    assert_eq!(told(&solo, 2).kind, PeerType::Internet);
    assert!(!told(&solo, 2).connected && told(&solo, 3).connected);
    assert_eq!(solo.engine.content(&content(1)).unwrap().offered, 4);
    // It can be read after the end, too.
    let asked = solo.asked()[0].clone();
    solo.delivers(&asked);
    assert!(solo.engine.content(&content(1)).unwrap().have.is_full());
    assert!(!told(&solo, 2).connected);
    assert_eq!(solo.engine.content(&content(1)).unwrap().offered, 4);
    assert!(!matches!(
        solo.engine.poll_timeout(),
        Some((_, Reason::Redial))
    ));
}

#[test]
fn who_is_banned_or_finds_no_room_is_told_so() {
    let config = Config {
        max_connections: 1,
        ..Config::default()
    };
    let mut solo = Solo::mixed_with(config, 1, vec![origin("o")], freely());
    solo.candidate_of(1, PeerType::Lan);
    solo.candidate_of(2, PeerType::Lan);
    assert_eq!(solo.dials().len(), 1);
    assert_eq!(
        told(&solo, 2).failure,
        Some(CloseReason::TooManyConnections)
    );
}

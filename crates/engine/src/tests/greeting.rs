//! Who says what first, and who is not spoken to.

use std::time::Duration;

use dolab_content::PieceMap;
use dolab_wire::swarm::{Handshake, Head, SwarmHash};

use super::solo::{Solo, addr, bits, content, hello, layout, map, peer};
use crate::{
    CloseReason, Command, Config, ConnId, DialFailure, Event, Input, Misuse, Output, PeerViolation,
    SessionState,
};

fn dialled(solo: &mut Solo, n: u8) -> ConnId {
    solo.candidate(1, addr(n));
    let (conn, to) = solo.dials()[0];
    assert_eq!(to, addr(n));
    solo.take();
    conn
}

#[test]
fn the_dialling_side_shakes_hands_first() {
    let mut solo = Solo::leech(9);
    let conn = dialled(&mut solo, 1);
    solo.input(Input::Connected { conn });
    let handshake = hello(content(1), peer(100));
    let first = Output::SendHandshake {
        conn,
        handshake,
        content: content(1),
    };
    assert_eq!(solo.take(), [first]);

    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(1)),
    });
    let joined = Event::PeerJoined {
        conn,
        content: content(1),
        peer: peer(1),
        remote: addr(1),
    };
    let empty = Output::Send {
        conn,
        head: bits(&PieceMap::empty(9)),
        body: None,
    };
    assert_eq!(
        solo.take(),
        [Output::Event(joined), empty],
        "a bitfield comes even when empty"
    );
}

#[test]
fn the_listening_side_answers_and_sends_its_bitfield_unasked() {
    let mut solo = Solo::seed(9);
    let conn = solo.accept(addr(1));
    assert_eq!(solo.take(), [], "the listener waits");
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(1)),
    });
    let out = solo.take();
    assert!(matches!(out[0], Output::SendHandshake { .. }));
    assert!(matches!(&out[2], Output::Send { head, .. } if *head == bits(&PieceMap::full(9))));
    assert_eq!(
        solo.engine.connection(conn).unwrap().state,
        SessionState::Mapping
    );
}

#[test]
fn one_that_does_not_share_offers_nothing() {
    let mut solo = Solo::new();
    let (layout, have) = (layout(9), PieceMap::full(9));
    solo.command(Command::Add {
        content: content(1),
        layout,
        have,
        share: false,
    });
    let conn = solo.accept(addr(1));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(1)),
    });
    assert!(solo.has_sent(conn, &bits(&PieceMap::empty(9))));
    solo.says(conn, bits(&PieceMap::empty(9)));
    solo.says(conn, Head::Interested);
    assert!(!solo.has_sent(conn, &Head::Unchoke));
}

#[test]
fn an_unknown_swarm_is_met_with_silence() {
    let mut solo = Solo::seed(9);
    let conn = solo.accept(addr(1));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(2), peer(1)),
    });
    let why = CloseReason::UnknownSwarm;
    assert_eq!(
        solo.out[0],
        Output::Close {
            conn,
            why: why.clone()
        }
    );
    assert!(matches!(&solo.events()[..], [Event::PeerLeft { why: left, .. }] if *left == why));
    assert_eq!(solo.engine.counters().unknown_swarms, 1);
    assert_eq!(why.do_code().unwrap().to_string(), "0x80D06812");
}

#[test]
fn other_pieces_are_incompatible_and_told_so() {
    let mut solo = Solo::seed(9);
    let conn = solo.accept(addr(1));
    let handshake = Handshake {
        piece_size: 4096,
        ..hello(content(1), peer(1))
    };
    solo.input(Input::Handshake { conn, handshake });
    assert!(
        matches!(solo.out[0], Output::SendHandshake { .. }),
        "so the other side learns it, too"
    );
    let why = CloseReason::PieceSize {
        ours: 1 << 20,
        theirs: 4096,
    };
    assert_eq!(solo.closed(conn), Some(why));
}

#[test]
fn an_answer_for_another_swarm_is_a_violation() {
    let mut solo = Solo::leech(9);
    let conn = dialled(&mut solo, 1);
    solo.input(Input::Connected { conn });
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(2), peer(1)),
    });
    let why = PeerViolation::WrongSwarm(SwarmHash([2; 32])).into();
    assert_eq!(solo.closed(conn), Some(why));
}

#[test]
fn a_device_recognises_itself_and_does_not_try_again() {
    let mut solo = Solo::leech(9);
    let conn = dialled(&mut solo, 1);
    solo.input(Input::Connected { conn });
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(100)),
    });
    assert_eq!(solo.closed(conn), Some(CloseReason::SelfConnection));
    solo.candidate(1, addr(1));
    solo.wait(Duration::from_secs(3600));
    assert_eq!(solo.dials(), []);
    // The accepting end answers first, or else the dialling end would never know.
    solo.take();
    let conn = solo.accept(addr(1));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(100)),
    });
    assert!(matches!(solo.out[0], Output::SendHandshake { .. }));
    assert_eq!(solo.closed(conn), Some(CloseReason::SelfConnection));
}

/// Connects both ways to a peer, and says which connection goes: the dialled or the accepted one.
fn duplicate(them: u8, dial_first: bool) -> &'static str {
    let mut solo = Solo::leech(9);
    let dial = dialled(&mut solo, them);
    let hello = hello(content(1), peer(them));
    let accepted = solo.accept(addr(them));
    solo.input(Input::Connected { conn: dial });
    let order = if dial_first {
        [dial, accepted]
    } else {
        [accepted, dial]
    };
    for conn in order {
        solo.input(Input::Handshake {
            conn,
            handshake: hello,
        });
    }
    match (solo.closed(dial), solo.closed(accepted)) {
        (Some(CloseReason::Duplicate), None) => "dialled",
        (None, Some(CloseReason::Duplicate)) => "accepted",
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_two_connections_the_one_dialled_by_the_lower_id_stays() {
    // This device is peer 100.
    assert_eq!(duplicate(1, true), "dialled");
    assert_eq!(duplicate(1, false), "dialled");
    assert_eq!(duplicate(200, true), "accepted");
    assert_eq!(duplicate(200, false), "accepted");
}

/// Pieces may be under way over it.
#[test]
fn a_connection_that_has_stood_for_a_while_stays() {
    for them in [1, 200] {
        let mut solo = Solo::leech(9);
        let old = solo.joined(them, &PieceMap::full(9));
        solo.wait(Duration::from_secs(1));
        let dial = dialled(&mut solo, them);
        solo.input(Input::Connected { conn: dial });
        solo.input(Input::Handshake {
            conn: dial,
            handshake: hello(content(1), peer(them)),
        });
        assert_eq!(solo.closed(old), None);
        assert_eq!(solo.closed(dial), Some(CloseReason::Duplicate));
    }
}

#[test]
fn one_that_dials_twice_closes_the_newer() {
    let mut solo = Solo::leech(9);
    solo.candidate(1, addr(1));
    solo.candidate(1, addr(2));
    let dials = solo.dials();
    for &(conn, _) in &dials {
        solo.input(Input::Connected { conn });
        solo.input(Input::Handshake {
            conn,
            handshake: hello(content(1), peer(1)),
        });
    }
    assert_eq!(solo.closed(dials[0].0), None);
    assert_eq!(solo.closed(dials[1].0), Some(CloseReason::Duplicate));
    // The second address is known to be the same peer, and not dialled while that one is there.
    solo.take();
    let conn = dials[0].0;
    solo.says(conn, bits(&PieceMap::empty(9)));
    solo.says(conn, Head::Interested);
    for _ in 0..20 {
        solo.wait(Duration::from_secs(60));
        solo.says(conn, Head::KeepAlive);
    }
    assert_eq!(solo.dials(), []);
}

#[test]
fn a_wrong_bitfield_is_a_violation() {
    for wrong in [vec![0xFF; 1], vec![0xFF; 3], vec![0xFF, 0x81], vec![]] {
        let mut solo = Solo::leech(9);
        let conn = solo.accept(addr(1));
        solo.input(Input::Handshake {
            conn,
            handshake: hello(content(1), peer(1)),
        });
        solo.says(conn, Head::Bitfield(wrong.into()));
        let why = solo.closed(conn).unwrap();
        assert!(
            matches!(why, CloseReason::Violation(PeerViolation::Bitfield(_))),
            "{why}"
        );
        assert_eq!(solo.engine.counters().violations, 1);
    }
}

#[test]
fn a_bitfield_may_be_left_out_but_not_come_late() {
    let mut solo = Solo::leech(9);
    let conn = solo.accept(addr(1));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(1)),
    });
    solo.says(conn, Head::KeepAlive);
    assert_eq!(
        solo.engine.connection(conn).unwrap().state,
        SessionState::Mapping
    );
    solo.says(conn, Head::Have(3));
    assert!(solo.has_sent(conn, &Head::Interested));
    solo.says(conn, bits(&map(9, &[1])));
    assert_eq!(solo.closed(conn), Some(PeerViolation::LateBitfield.into()));
}

#[test]
fn connections_are_limited_in_all_and_for_each_address() {
    let config = Config {
        max_connections: 3,
        max_connections_per_address: 2,
        ..Config::default()
    };
    let mut solo = Solo::with(config);
    solo.add(1, PieceMap::empty(9));
    let full = Some(CloseReason::TooManyConnections);
    let conns = [1, 1, 1, 2, 3].map(|n| solo.accept(addr(n)));
    let closed = conns.map(|conn| solo.closed(conn));
    assert_eq!(closed, [None, None, full.clone(), None, full]);
    assert_eq!(solo.engine.counters().refused, 2);
    // A candidate waits until there is room.
    solo.candidate(1, addr(4));
    assert_eq!(solo.dials(), []);
    solo.input(Input::Closed {
        conn: conns[0],
        reset: false,
    });
    assert_eq!(solo.dials().len(), 1);
    // The same address in its IPv6 clothes is the same address.
    let mapped = (std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped(), 9).into();
    solo.input(Input::DialFailed {
        conn: solo.dials()[0].0,
        why: DialFailure::Refused,
    });
    solo.accept(mapped);
    solo.input(Input::Closed {
        conn: conns[3],
        reset: true,
    });
    let third = solo.accept(addr(1));
    assert_eq!(solo.closed(third), Some(CloseReason::TooManyConnections));
}

#[test]
fn a_command_to_dial_is_carried_out_once_and_answered() {
    let mut solo = Solo::seed(9);
    solo.command(Command::Dial {
        content: content(1),
        addr: addr(1),
    });
    let (conn, _) = solo.dials()[0];
    solo.input(Input::DialFailed {
        conn,
        why: DialFailure::Refused,
    });
    assert!(matches!(solo.events()[..], [Event::PeerLeft { .. }]));
    solo.take();
    solo.wait(Duration::from_secs(3600));
    assert_eq!(solo.take(), []);
}

#[test]
fn stop_closes_everything_and_starts_nothing() {
    let mut solo = Solo::leech(9);
    let joined = solo.joined(1, &PieceMap::full(9));
    let waiting = solo.accept(addr(2));
    solo.candidate(1, addr(3));
    let (dial, _) = solo.dials()[0];
    solo.command(Command::Stop);
    for conn in [joined, waiting, dial] {
        assert_eq!(solo.closed(conn), Some(CloseReason::Stopped));
    }
    solo.take();
    solo.candidate(1, addr(4));
    let late = solo.accept(addr(5));
    assert_eq!(solo.closed(late), Some(CloseReason::Stopped));
    assert_eq!(solo.engine.poll_timeout(), None);
    assert_eq!(solo.dials(), []);
    // What was on its way is stale.
    solo.input(Input::Head {
        conn: joined,
        head: Head::Unchoke,
    });
    assert_eq!(solo.engine.counters().stale_inputs, 1);
}

#[test]
fn misuse_is_told_and_changes_nothing() {
    let mut solo = Solo::leech(9);
    let conn = solo.accept(addr(1));
    let unknown = ConnId::accepted(99);
    let cases = [
        (
            Input::Accepted {
                conn,
                remote: addr(1),
            },
            Misuse::ConnectionReused(conn),
        ),
        (
            Input::Closed {
                conn: unknown,
                reset: false,
            },
            Misuse::UnknownConnection(unknown),
        ),
        (
            Input::Head {
                conn,
                head: Head::Choke,
            },
            Misuse::OutOfTurn {
                conn,
                state: SessionState::Awaiting,
                input: "a message",
            },
        ),
        (
            Input::Command(Command::Remove {
                content: content(3),
            }),
            Misuse::UnknownContent(content(3)),
        ),
        (
            Input::Command(Command::Add {
                content: content(1),
                layout: layout(9),
                have: PieceMap::empty(9),
                share: true,
            }),
            Misuse::AlreadyAdded(content(1)),
        ),
        (
            Input::Command(Command::Add {
                content: content(2),
                layout: layout(9),
                have: PieceMap::empty(8),
                share: true,
            }),
            Misuse::MapMismatch { map: 8, layout: 9 },
        ),
    ];
    solo.take();
    for (input, misuse) in cases {
        assert_eq!(solo.try_input(input), Err(misuse));
    }
    assert_eq!(solo.take(), []);
}

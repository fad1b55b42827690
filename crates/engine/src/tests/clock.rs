//! What happens when nothing happens.

use std::time::Duration;

use dolab_content::PieceMap;
use dolab_wire::swarm::Head;

use super::solo::{Solo, addr, bits, content, hello, layout, map, peer, whole};
use crate::{
    BodyOutcome, CloseReason, Command, Config, ConnId, DialFailure, Event, Input, PieceOutcome,
    Reason,
};

const SECOND: Duration = Duration::from_secs(1);

/// How long it takes until the connection is closed, and why. At most an hour.
fn until_closed(solo: &mut Solo, conn: ConnId) -> (Duration, CloseReason) {
    let began = solo.now;
    for _ in 0..3600 {
        if let Some(why) = solo.closed(conn) {
            return (solo.now.since(began), why);
        }
        solo.wait(SECOND);
    }
    panic!("{conn} stays open");
}

fn timed_out(solo: &mut Solo, conn: ConnId) -> (Duration, Reason) {
    match until_closed(solo, conn) {
        (after, CloseReason::TimedOut(reason)) => (after, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dial_and_a_handshake_have_their_time() {
    let mut solo = Solo::leech(9);
    let config = Config::default();
    solo.candidate(1, addr(1));
    let (dial, _) = solo.dials()[0];
    let why = CloseReason::DialFailed(DialFailure::TimedOut);
    assert_eq!(until_closed(&mut solo, dial), (config.dial_timeout, why));

    let conn = solo.accept(addr(2));
    let expected = (config.handshake_timeout, Reason::Handshake);
    assert_eq!(timed_out(&mut solo, conn), expected);

    solo.take();
    solo.candidate(1, addr(3));
    let (dial, _) = *solo.dials().last().unwrap();
    solo.wait(5 * SECOND);
    solo.input(Input::Connected { conn: dial });
    assert_eq!(
        timed_out(&mut solo, dial),
        expected,
        "counted from the connection on"
    );
}

#[test]
fn silence_is_answered_with_keepalives_and_then_with_an_end() {
    let mut solo = Solo::leech(9);
    let config = Config::default();
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    solo.take();
    assert_eq!(
        timed_out(&mut solo, conn),
        (config.idle_timeout, Reason::Idle)
    );
    let keepalives = solo
        .sent(conn)
        .iter()
        .filter(|head| **head == Head::KeepAlive)
        .count();
    assert_eq!(
        keepalives as u64,
        config.idle_timeout.as_secs() / config.keepalive_interval.as_secs()
    );
}

#[test]
fn keepalives_keep_a_connection_alive() {
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    for _ in 0..100 {
        solo.wait(60 * SECOND);
        solo.says(conn, Head::KeepAlive);
    }
    assert_eq!(solo.closed(conn), None);
}

#[test]
fn a_request_has_to_make_progress() {
    let mut solo = Solo::leech(9);
    let timeout = Config::default().request_timeout;
    let conn = solo.joined(1, &PieceMap::full(9));
    solo.says(conn, Head::Unchoke);
    let asked = solo.requests(conn)[0];
    solo.wait(timeout - SECOND);
    solo.says(conn, Head::Piece(asked));
    // A body that trickles in is progress.
    for _ in 0..300 {
        solo.wait(SECOND);
        solo.input(Input::BodyProgress { conn });
    }
    assert_eq!(solo.closed(conn), None);
    assert_eq!(timed_out(&mut solo, conn), (timeout, Reason::Request));
    let why = CloseReason::TimedOut(Reason::Request);
    assert_eq!(why.do_code().unwrap().to_string(), "0x80D02002");
    assert_eq!(solo.engine.outstanding(), 0);
    assert_eq!(solo.engine.counters().timeouts, 1);
}

#[test]
fn a_body_that_nobody_needs_has_to_come_to_an_end_too() {
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Opaque { id: 20, len: 1000 });
    assert_eq!(
        timed_out(&mut solo, conn),
        (Config::default().request_timeout, Reason::Request)
    );
}

#[test]
fn a_peer_has_to_take_what_it_asked_for() {
    let mut solo = Solo::seed(9);
    let timeout = Config::default().send_timeout;
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    solo.says(conn, Head::Request(whole(1)));
    solo.says(conn, Head::Request(whole(2)));
    let almost = timeout - SECOND;
    solo.wait(almost);
    solo.input(Input::BodySent { conn });
    solo.says(conn, Head::KeepAlive);
    let some = Duration::from_secs(50);
    solo.wait(some);
    solo.says(conn, Head::KeepAlive);
    assert_eq!(solo.closed(conn), None);
    let (after, reason) = timed_out(&mut solo, conn);
    assert_eq!(reason, Reason::Send);
    assert_eq!(after, timeout - some);
}

#[test]
fn a_peer_that_never_unchokes_is_left() {
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::full(9));
    let patience = Config::default().choked_timeout;
    let mut waited = Duration::ZERO;
    while solo.closed(conn).is_none() {
        solo.wait(SECOND);
        waited += SECOND;
        if solo.closed(conn).is_none() {
            solo.says(conn, Head::KeepAlive);
        }
    }
    assert_eq!(
        solo.closed(conn),
        Some(CloseReason::TimedOut(Reason::Choked))
    );
    assert_eq!(waited, patience);
}

#[test]
fn two_seeds_part_soon_and_others_that_want_nothing_later() {
    let config = Config::default();
    let mut solo = Solo::seed(9);
    let seed = solo.joined(1, &PieceMap::full(9));
    assert_eq!(
        until_closed(&mut solo, seed),
        (config.linger, CloseReason::NothingToDo)
    );

    // The other may get interested yet.
    let part = solo.joined(2, &map(9, &[1]));
    assert_eq!(
        until_closed(&mut solo, part),
        (config.idle_linger, CloseReason::NothingToDo)
    );

    // And whoever wants something may take its time.
    let wants = solo.joined(3, &map(9, &[1]));
    solo.says(wants, Head::Interested);
    assert_eq!(timed_out(&mut solo, wants).1, Reason::Idle);
}

#[test]
fn nobody_parts_before_the_bitfields() {
    let mut solo = Solo::seed(9);
    let conn = solo.accept(addr(1));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(1)),
    });
    solo.wait(Config::default().idle_linger + SECOND);
    assert_eq!(solo.closed(conn), None);
    solo.says(conn, bits(&PieceMap::full(9)));
    assert_eq!(until_closed(&mut solo, conn).1, CloseReason::NothingToDo);
}

#[test]
fn a_device_that_gets_complete_parts_from_seeds() {
    let mut solo = Solo::leech(1);
    let first = solo.joined(1, &PieceMap::full(1));
    let other = solo.joined(2, &PieceMap::empty(1));
    solo.wait(30 * SECOND);
    solo.says(first, Head::Unchoke);
    let asked = solo.requests(first)[0];
    solo.answers(first, asked, PieceOutcome::Good);
    assert!(solo.events().contains(&Event::Completed {
        content: content(1)
    }));
    let (after, why) = until_closed(&mut solo, first);
    assert_eq!(
        (after, why),
        (Config::default().linger, CloseReason::NothingToDo)
    );
    assert_eq!(solo.closed(other), None, "it may want the piece yet");
}

#[test]
fn candidates_are_tried_again_with_growing_pauses() {
    let mut solo = Solo::leech(9);
    solo.candidate(1, addr(1));
    let mut tries = Vec::new();
    let mut tried = 0;
    let began = solo.now;
    for _ in 0..7200 {
        for (conn, _) in solo.dials().split_off(tried) {
            tries.push(solo.now.since(began).as_secs_f64());
            tried += 1;
            solo.input(Input::DialFailed {
                conn,
                why: DialFailure::Refused,
            });
        }
        solo.wait(Duration::from_millis(500));
    }
    let pauses: Vec<f64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let longest = Config::default().redial_longest.as_secs_f64();
    let mut expected = 1.0;
    for pause in pauses {
        assert!(
            pause >= expected && pause <= expected * 1.25 + 0.5,
            "{pause} for {expected}"
        );
        expected = longest.min(expected * 2.0);
    }
    assert!(expected == longest, "an hour has many tries");
    // Fresh evidence begins them anew.
    let before = solo.dials().len();
    solo.candidate(1, addr(1));
    solo.wait(SECOND);
    assert_eq!(solo.dials().len(), before + 1);
}

#[test]
fn a_lost_peer_is_dialled_again_while_pieces_are_missing() {
    let mut solo = Solo::leech(1);
    solo.candidate(1, addr(1));
    for round in 1..4 {
        let (conn, _) = solo.dials()[0];
        solo.take();
        solo.input(Input::Connected { conn });
        solo.input(Input::Handshake {
            conn,
            handshake: hello(content(1), peer(1)),
        });
        solo.says(conn, bits(&PieceMap::full(1)));
        if round == 3 {
            solo.says(conn, Head::Unchoke);
            let asked = solo.requests(conn)[0];
            solo.answers(conn, asked, PieceOutcome::Good);
        }
        solo.input(Input::Closed { conn, reset: true });
        solo.take();
        solo.wait(4 * SECOND);
        assert_eq!(solo.dials().len(), usize::from(round < 3));
    }
}

#[test]
fn starvation_is_said_once_for_each_hope() {
    let patience = Config::default().starved_after;
    let starved = Event::Starved {
        content: content(1),
        missing: 9,
    };
    let count = |solo: &Solo| {
        solo.events()
            .iter()
            .filter(|event| **event == starved)
            .count()
    };
    let mut solo = Solo::leech(9);
    solo.wait(patience - SECOND);
    assert_eq!(count(&solo), 0, "the user may name candidates yet");
    solo.wait(SECOND);
    assert_eq!(count(&solo), 1);
    solo.wait(3600 * SECOND);
    assert_eq!(count(&solo), 1);

    solo.candidate(1, addr(1));
    let mut answered = 0;
    for _ in 0..120 {
        for (conn, _) in solo.dials().split_off(answered) {
            answered += 1;
            solo.input(Input::DialFailed {
                conn,
                why: DialFailure::Refused,
            });
        }
        solo.wait(SECOND);
    }
    assert_eq!(count(&solo), 2);
    assert!(answered >= 4, "it went on trying: {answered}");

    // Nor is it said while somebody is there, whatever he has.
    solo.joined(1, &PieceMap::empty(9));
    solo.wait(30 * SECOND);
    assert_eq!(solo.events(), []);
}

#[test]
fn a_content_that_is_complete_or_gone_starves_nobody() {
    let mut solo = Solo::seed(9);
    solo.command(Command::Add {
        content: content(2),
        layout: layout(9),
        have: PieceMap::empty(9),
        share: true,
    });
    solo.command(Command::Remove {
        content: content(2),
    });
    solo.wait(3600 * SECOND);
    assert_eq!(solo.events(), []);
    assert_eq!(solo.engine.poll_timeout(), None);
}

#[test]
fn every_deadline_says_why() {
    let mut solo = Solo::leech(9);
    assert_eq!(solo.engine.poll_timeout().unwrap().1, Reason::Starvation);
    let conn = solo.accept(addr(1));
    assert_eq!(solo.engine.poll_timeout().unwrap().1, Reason::Starvation);
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(1)),
    });
    assert_eq!(solo.engine.poll_timeout().unwrap().1, Reason::KeepAlive);
    solo.says(conn, bits(&PieceMap::full(9)));
    solo.says(conn, Head::Unchoke);
    let asked = solo.requests(conn)[0];
    solo.wait(SECOND);
    solo.says(conn, Head::Piece(asked));
    solo.input(Input::BodyDone {
        conn,
        outcome: BodyOutcome::Landed,
    });
    let (at, why) = solo.engine.poll_timeout().unwrap();
    assert_eq!(why, Reason::KeepAlive);
    assert!(at > solo.now);
    assert_eq!(why.to_string(), "nothing was sent for a while");
}

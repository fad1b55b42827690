//! Who is sent to where bodies take their time.

use std::time::Duration;

use dolab_content::PieceMap;
use dolab_wire::swarm::Head;

use super::solo::{Solo, whole};
use crate::{Config, ConnId, Input};

/// Longer than brisk, shorter than late.
const FAIR: Duration = Duration::from_millis(100);

const PIECES: u32 = 40;

/// A device that has everything, and peers that have slots.
fn seeder(peers: u8) -> (Solo, Vec<ConnId>) {
    let mut solo = Solo::new();
    solo.add(1, PieceMap::full(PIECES));
    let conns = (1..=peers)
        .map(|n| {
            let conn = solo.joined(n, &PieceMap::empty(PIECES));
            solo.says(conn, Head::Interested);
            conn
        })
        .collect();
    solo.take();
    (solo, conns)
}

/// Who is sent which piece, since it was last asked.
fn bodies(solo: &mut Solo, conns: &[ConnId]) -> Vec<(ConnId, u32)> {
    let mut bodies = Vec::new();
    for &conn in conns {
        for head in solo.sent(conn) {
            if let Head::Piece(block) = head {
                bodies.push((conn, block.piece));
            }
        }
    }
    solo.take();
    bodies
}

#[test]
fn three_are_sent_to_at_a_time_and_the_others_in_turn() {
    let (mut solo, conns) = seeder(5);
    for (&conn, piece) in conns.iter().zip(0..) {
        solo.says(conn, Head::Request(whole(piece)));
        solo.says(conn, Head::Request(whole(piece + 5)));
    }
    let &[a, b, c, d, e] = &conns[..] else {
        unreachable!("five")
    };
    assert_eq!(bodies(&mut solo, &conns), [(a, 0), (b, 1), (c, 2)]);
    solo.wait(FAIR);
    solo.input(Input::BodySent { conn: a });
    assert_eq!(bodies(&mut solo, &conns), [(d, 3)], "a is behind d and e");
    solo.input(Input::BodySent { conn: b });
    assert_eq!(bodies(&mut solo, &conns), [(e, 4)]);
    solo.wait(FAIR);
    solo.input(Input::BodySent { conn: d });
    assert_eq!(bodies(&mut solo, &conns), [(a, 5)]);
    solo.input(Input::Closed {
        conn: c,
        reset: false,
    });
    assert_eq!(
        bodies(&mut solo, &conns),
        [(b, 6)],
        "what is gone makes room"
    );
}

#[test]
fn what_left_less_often_goes_first_but_nobody_waits_for_ever() {
    let (mut solo, conns) = seeder(5);
    let &[a, b, c, d, e] = &conns[..] else {
        unreachable!("five")
    };
    for (conn, piece) in [(a, 0), (b, 1), (c, 2), (d, 0), (e, 3)] {
        solo.says(conn, Head::Request(whole(piece)));
    }
    assert_eq!(bodies(&mut solo, &conns), [(a, 0), (b, 1), (c, 2)]);
    // The four others ask for what nobody has, again and again.
    let mut sent_to = vec![a, b, c];
    let mut fresh = 4;
    loop {
        let done = sent_to.remove(0);
        solo.says(done, Head::Request(whole(fresh)));
        fresh += 1;
        solo.wait(FAIR);
        solo.input(Input::BodySent { conn: done });
        let next = bodies(&mut solo, &conns);
        if next.contains(&(d, 0)) {
            break;
        }
        assert!(fresh < PIECES, "d waits for ever");
        sent_to.extend(next.into_iter().map(|(conn, _)| conn));
    }
    assert!(fresh > 9, "d came before piece {fresh}, which nobody has");
}

/// Its way in is full, or it does not read: our way out is free for others.
#[test]
fn nobody_waits_for_one_that_takes_too_long() {
    let (mut solo, conns) = seeder(5);
    for &conn in &conns {
        for piece in 0..5 {
            solo.says(conn, Head::Request(whole(piece)));
        }
    }
    assert_eq!(bodies(&mut solo, &conns).len(), 3);
    solo.wait(Config::LATE - Duration::from_nanos(1));
    assert_eq!(bodies(&mut solo, &conns), []);
    solo.wait(Duration::from_nanos(1));
    let served = bodies(&mut solo, &conns);
    for conn in &conns[3..] {
        assert!(
            served.iter().any(|(served, _)| served == conn),
            "{served:?}"
        );
    }
}

/// Something leaves, but far less than to others meanwhile.
#[test]
fn nobody_waits_for_one_that_falls_behind() {
    let (mut solo, conns) = seeder(5);
    for &conn in &conns {
        for piece in 0..5 {
            solo.says(conn, Head::Request(whole(piece)));
        }
    }
    let mut sent_to = bodies(&mut solo, &conns);
    let (slow, _) = sent_to.remove(0);
    // Of seven its part would have been two; of eight another number of lanes is tried.
    for _ in 0..7 {
        let (done, _) = sent_to.remove(0);
        solo.wait(Config::LATE / 8);
        solo.input(Input::SendProgress { conn: slow });
        solo.input(Input::BodySent { conn: done });
        sent_to.extend(bodies(&mut solo, &conns));
        assert_eq!(sent_to.len(), 2, "{sent_to:?}");
    }
    solo.wait(Config::LATE / 8);
    let more = bodies(&mut solo, &conns);
    assert!(more.iter().any(|&(conn, _)| conn != slow), "{more:?}");
}

/// Where our way out is what all wait for, more at a time would only make each later.
#[test]
fn a_slow_way_out_is_no_fault_of_those_who_wait_for_it() {
    let (mut solo, conns) = seeder(5);
    for &conn in &conns {
        for piece in 0..5 {
            solo.says(conn, Head::Request(whole(piece)));
        }
    }
    let mut sent_to = bodies(&mut solo, &conns);
    // Of eight another number of lanes is tried.
    for _ in 0..7 {
        let (done, _) = sent_to.remove(0);
        // Three at a time: each takes longer than [`Config::LATE`].
        solo.wait(Config::LATE / 2);
        for &(conn, _) in &sent_to {
            solo.input(Input::SendProgress { conn });
        }
        solo.input(Input::BodySent { conn: done });
        sent_to.extend(bodies(&mut solo, &conns));
        assert_eq!(sent_to.len(), 3);
    }
}

/// A ninth peer waits for a slot, which goes to whoever makes no use of it.
#[test]
fn who_waits_for_a_lane_keeps_its_slot() {
    let (mut solo, conns) = seeder(9);
    let (_, served) = conns.split_last().unwrap();
    for &conn in served {
        solo.says(conn, Head::Request(whole(0)));
    }
    let mut sent = bodies(&mut solo, &conns);
    let patience = Config::default().slot_patience;
    let step = Config::LATE - Duration::from_millis(1);
    let mut waited = Duration::ZERO;
    while waited < patience {
        solo.wait(step);
        waited += step;
        for (conn, _) in std::mem::take(&mut sent) {
            solo.input(Input::BodySent { conn });
            solo.says(conn, Head::Request(whole(0)));
        }
        for &conn in &conns {
            assert!(
                !solo.has_sent(conn, &Head::Choke),
                "{conn} after {waited:?}"
            );
        }
        sent = bodies(&mut solo, &conns);
    }
}

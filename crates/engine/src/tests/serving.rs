//! Who is served, and how much at a time.

use std::{collections::BTreeSet, time::Duration};

use dolab_content::{PieceMap, PieceRange};
use dolab_wire::swarm::{Block, Head};

use super::solo::{PIECE, Solo, addr, bits, content, hello, layout, map, peer, whole};
use crate::{CloseReason, Command, Config, ConnId, Input, Output};

fn unchoked(solo: &Solo) -> BTreeSet<ConnId> {
    solo.engine
        .connections()
        .filter(|c| c.unchoked)
        .map(|c| c.conn)
        .collect()
}

/// Lets time pass in which everybody who may takes a piece each second.
fn serve(solo: &mut Solo, conns: &[ConnId], time: Duration) {
    for _ in 0..time.as_secs() {
        for &conn in conns {
            if unchoked(solo).contains(&conn) {
                solo.says(conn, Head::Request(whole(0)));
                solo.input(Input::BodySent { conn });
            } else {
                solo.says(conn, Head::KeepAlive);
            }
        }
        solo.wait(Duration::from_secs(1));
    }
}

#[test]
fn four_contents_are_uploaded_at_a_time_and_all_in_turn() {
    let mut solo = Solo::new();
    let conns: Vec<ConnId> = (1..=6)
        .map(|n| {
            solo.add(n, PieceMap::full(9));
            let conn = solo.joined_for(n, n, &PieceMap::empty(9));
            solo.says(conn, Head::Interested);
            conn
        })
        .collect();
    let interval = Config::default().rotation_interval;
    let mut served = BTreeSet::new();
    for _ in 0..3 {
        let now = unchoked(&solo);
        assert_eq!(now.len(), 4);
        served.extend(now);
        serve(&mut solo, &conns, interval);
    }
    assert_eq!(served, conns.iter().copied().collect());
    // One that goes leaves its slot to another at once.
    let gone = *unchoked(&solo).first().unwrap();
    solo.input(Input::Closed {
        conn: gone,
        reset: false,
    });
    assert_eq!(unchoked(&solo).len(), 4);
}

#[test]
fn the_peers_of_a_content_are_served_in_turn() {
    let mut solo = Solo::with(Config {
        unchoked_per_content: 2,
        ..Config::default()
    });
    solo.add(1, PieceMap::full(9));
    let conns: Vec<ConnId> = (1..=5)
        .map(|n| solo.joined(n, &PieceMap::empty(9)))
        .collect();
    conns
        .iter()
        .for_each(|&conn| solo.says(conn, Head::Interested));
    let mut served = BTreeSet::new();
    for _ in 0..3 {
        let now = unchoked(&solo);
        assert_eq!(now.len(), 2);
        served.extend(now);
        serve(&mut solo, &conns, Config::default().rotation_interval);
    }
    assert_eq!(served.len(), 5);
    // Whoever has enough makes room.
    let done = *unchoked(&solo).first().unwrap();
    solo.says(done, Head::NotInterested);
    let now = unchoked(&solo);
    assert!(now.len() == 2 && !now.contains(&done));
}

#[test]
fn a_slot_is_for_those_who_take() {
    let mut solo = Solo::seed(9);
    let idle: Vec<ConnId> = (1..=32)
        .map(|n| {
            let conn = solo.joined(n, &PieceMap::empty(9));
            solo.says(conn, Head::Interested);
            conn
        })
        .collect();
    // They ask for everything and read nothing.
    for _ in 0..30 {
        for &conn in &idle {
            if unchoked(&solo).contains(&conn)
                && solo.engine.connection(conn).unwrap().bytes_up == 0
            {
                solo.says(conn, Head::Request(whole(0)));
            } else {
                solo.says(conn, Head::KeepAlive);
            }
        }
        solo.wait(Duration::from_secs(1));
    }
    // One that comes late is served at once or soon, and for as long as it takes.
    let late = solo.joined(33, &PieceMap::empty(9));
    solo.says(late, Head::Interested);
    let came = solo.now;
    while !unchoked(&solo).contains(&late) {
        solo.wait(Duration::from_millis(100));
    }
    assert!(solo.now.since(came) <= Config::default().slot_patience);
    for _ in 0..60 {
        serve(&mut solo, &[late], Duration::from_secs(1));
        assert!(unchoked(&solo).contains(&late));
        for &conn in &idle {
            solo.says(conn, Head::KeepAlive);
        }
    }
}

#[test]
fn a_slow_taker_keeps_its_slot_until_it_has_a_piece() {
    let mut solo = Solo::with(Config {
        unchoked_per_content: 1,
        ..Config::default()
    });
    solo.add(1, PieceMap::full(9));
    let slow = solo.joined(1, &PieceMap::empty(9));
    let waiting = solo.joined(2, &PieceMap::empty(9));
    solo.says(slow, Head::Interested);
    solo.says(waiting, Head::Interested);
    let half = Block {
        piece: 0,
        offset: 0,
        len: PIECE / 2,
    };
    let rest = Block {
        offset: PIECE / 2,
        ..half
    };
    solo.says(slow, Head::Request(half));
    solo.says(slow, Head::Request(rest));
    for _ in 0..2 {
        for _ in 0..35 {
            solo.wait(Duration::from_secs(1));
            solo.input(Input::SendProgress { conn: slow });
            solo.says(waiting, Head::KeepAlive);
            solo.says(slow, Head::KeepAlive);
        }
        assert_eq!(unchoked(&solo), [slow].into(), "longer than a rotation");
        solo.input(Input::BodySent { conn: slow });
    }
    solo.wait(Config::default().rotation_interval);
    assert_eq!(unchoked(&solo), [waiting].into());
}

#[test]
fn a_slot_that_nobody_waits_for_stays_where_it_is() {
    let mut solo = Solo::seed(9);
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    solo.take();
    for _ in 0..20 {
        solo.wait(Duration::from_secs(30));
        solo.says(conn, Head::KeepAlive);
    }
    assert!(solo.sent(conn).iter().all(|head| *head == Head::KeepAlive));
}

#[test]
fn bodies_are_handed_over_as_they_leave_and_in_order() {
    let mut solo = Solo::with(Config {
        max_unsent_bodies: 4,
        ..Config::default()
    });
    solo.add(1, PieceMap::full(9));
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    solo.take();
    for piece in 0..5 {
        solo.says(conn, Head::Request(whole(piece)));
    }
    let pieces = |solo: &Solo| -> Vec<u32> {
        let sent = solo.sent(conn).into_iter();
        sent.filter_map(|head| {
            if let Head::Piece(b) = head {
                Some(b.piece)
            } else {
                None
            }
        })
        .collect()
    };
    assert_eq!(pieces(&solo), [0]);
    let range = PieceRange {
        content: content(1),
        piece: 0,
        offset: 0,
        len: PIECE,
    };
    let first = Output::Send {
        conn,
        head: Head::Piece(whole(0)),
        body: Some(range),
    };
    assert_eq!(solo.out[0], first);
    solo.says(conn, Head::Cancel(whole(3)));
    solo.says(conn, Head::Cancel(whole(0)));
    for _ in 0..4 {
        solo.input(Input::BodySent { conn });
    }
    assert_eq!(
        pieces(&solo),
        [0, 1, 2, 4],
        "what is handed over can not be cancelled"
    );
    assert_eq!(solo.engine.counters().bytes_up, 4 * u64::from(PIECE));
    assert!(solo.try_input(Input::BodySent { conn }).is_err());
}

/// What was handed over leaves though the peer may be choked by then: where bodies crawl, fewer
/// are.
#[test]
fn where_bodies_leave_at_once_more_are_handed_over() {
    let mut solo = Solo::with(Config {
        max_unsent_bodies: 4,
        ..Config::default()
    });
    solo.add(1, PieceMap::full(12));
    let conn = solo.joined(1, &PieceMap::empty(12));
    solo.says(conn, Head::Interested);
    for piece in 0..11 {
        solo.says(conn, Head::Request(whole(piece)));
    }
    let bodies = |solo: &Solo| {
        let sent = solo.sent(conn).into_iter();
        sent.filter(|head| matches!(head, Head::Piece(_))).count()
    };
    assert_eq!(bodies(&solo), 1, "nothing is known yet");
    solo.input(Input::BodySent { conn });
    assert_eq!(bodies(&solo), 5, "four are out");
    solo.wait(Config::BRISK + Duration::from_nanos(1));
    for left in (1..=4).rev() {
        assert_eq!(bodies(&solo), 5, "{left} are out");
        solo.input(Input::BodySent { conn });
    }
    assert_eq!(bodies(&solo), 6, "one is out");
    solo.wait(Config::LATE);
    solo.input(Input::BodySent { conn });
    assert_eq!(
        bodies(&solo),
        7,
        "one is out: there is nobody it could be behind"
    );
}

/// A choke would cross its next request, which would then be sent twice.
#[test]
fn who_wants_nothing_for_a_moment_is_not_choked() {
    let mut solo = Solo::seed(9);
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    solo.says(conn, Head::NotInterested);
    solo.says(conn, Head::Interested);
    assert_eq!(solo.sent(conn), [Head::Unchoke]);
    solo.says(conn, Head::Request(whole(1)));
    assert!(solo.has_sent(conn, &Head::Piece(whole(1))));
}

#[test]
fn who_wants_nothing_makes_room_for_who_does() {
    let mut solo = Solo::with(Config {
        unchoked_per_content: 2,
        upload_contents: 1,
        ..Config::default()
    });
    for n in 1..=2 {
        solo.add(n, PieceMap::full(9));
    }
    let joined = |solo: &mut Solo, content, n| {
        let conn = solo.joined_for(content, n, &PieceMap::empty(9));
        solo.says(conn, Head::Interested);
        conn
    };
    let rests = joined(&mut solo, 1, 1);
    solo.says(rests, Head::NotInterested);
    let second = joined(&mut solo, 1, 2);
    assert_eq!(solo.sent(rests), [], "there is room for two");
    let third = joined(&mut solo, 1, 3);
    assert_eq!(solo.sent(rests), [Head::Choke]);
    // And for another content, once nobody wants anything of this one.
    solo.says(second, Head::NotInterested);
    solo.says(third, Head::NotInterested);
    let other = joined(&mut solo, 2, 4);
    assert_eq!(solo.sent(other), [Head::Unchoke]);
    for conn in [second, third] {
        assert_eq!(solo.sent(conn), [Head::Choke]);
    }
}

#[test]
fn a_choke_drops_what_waits() {
    let mut solo = Solo::with(Config {
        max_unsent_bodies: 1,
        ..Config::default()
    });
    solo.add(1, PieceMap::full(9));
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    for piece in 0..3 {
        solo.says(conn, Head::Request(whole(piece)));
    }
    solo.take();
    solo.says(conn, Head::NotInterested);
    solo.input(Input::BodySent { conn });
    assert_eq!(solo.sent(conn), [Head::Choke]);
}

#[test]
fn blocks_are_served_as_asked() {
    let mut solo = Solo::seed(9);
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    let block = Block {
        piece: 8,
        offset: 4096,
        len: PIECE - 1000 - 4096,
    };
    solo.says(conn, Head::Request(block));
    assert!(solo.has_sent(conn, &Head::Piece(block)));
}

#[test]
fn what_can_not_be_read_is_not_shared_any_more() {
    let mut solo = Solo::seed(9);
    let failing = solo.joined(1, &PieceMap::empty(9));
    let other = solo.joined(2, &PieceMap::empty(9));
    for conn in [failing, other] {
        solo.says(conn, Head::Interested);
    }
    solo.says(failing, Head::Request(whole(4)));
    let range = PieceRange {
        content: content(1),
        piece: 4,
        offset: 0,
        len: PIECE,
    };
    solo.take();
    solo.input(Input::SourceFailed {
        conn: failing,
        range,
    });
    assert!(solo.closed(failing).is_none(), "the driver has closed it");
    let why = CloseReason::SourceFailed;
    assert_eq!(why.do_code().unwrap().to_string(), "0x80D06800");

    // The other peer was told that it is here: it is not to blame for asking.
    solo.says(other, Head::Request(whole(3)));
    assert_eq!(solo.closed(other), None);
    solo.says(other, Head::Request(whole(4)));
    assert_eq!(solo.closed(other), Some(why));

    // Nobody else is told so.
    let conn = solo.accept(addr(3));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(3)),
    });
    assert!(solo.has_sent(conn, &bits(&map(9, &[0, 1, 2, 3, 5, 6, 7, 8]))));
}

#[test]
fn leaving_a_swarm_closes_its_connections_and_no_others() {
    let mut solo = Solo::seed(9);
    solo.command(Command::Add {
        content: content(2),
        layout: layout(9),
        have: PieceMap::full(9),
        share: true,
    });
    let first = solo.joined_for(1, 1, &PieceMap::empty(9));
    let second = solo.joined_for(2, 2, &PieceMap::empty(9));
    solo.says(first, Head::Interested);
    solo.command(Command::Remove {
        content: content(1),
    });
    assert_eq!(solo.closed(first), Some(CloseReason::Stopped));
    assert_eq!(solo.closed(second), None);
    assert!(solo.engine.content(&content(1)).is_none());
    let conn = solo.accept(addr(3));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(3)),
    });
    assert_eq!(solo.closed(conn), Some(CloseReason::UnknownSwarm));
}

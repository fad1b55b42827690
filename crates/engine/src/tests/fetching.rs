//! Which pieces are asked of whom, and what becomes of them.

use std::{collections::BTreeSet, time::Duration};

use dolab_content::PieceMap;
use dolab_wire::swarm::{Block, Head};

use super::solo::{PIECE, Solo, addr, bits, content, hello, map, peer, whole};
use crate::{
    BodyOutcome, CloseReason, Command, Config, Event, Input, Output, PieceOutcome, RequestSize,
};

#[test]
fn the_rarest_pieces_come_first() {
    let mut solo = Solo::leech(40);
    let common: Vec<u32> = (0..40).filter(|piece| piece % 10 != 3).collect();
    for n in 2..6 {
        solo.joined(n, &map(40, &common));
    }
    let seed = solo.joined(1, &PieceMap::full(40));
    solo.says(seed, Head::Unchoke);
    let mut asked = Vec::new();
    while asked.len() < 4 {
        let requests = solo.requests(seed);
        let block = requests[asked.len()];
        asked.push(block.piece);
        solo.answers(seed, block, PieceOutcome::Good);
    }
    asked.sort_unstable();
    assert_eq!(asked, [3, 13, 23, 33]);
}

#[test]
fn devices_that_start_together_ask_for_different_pieces() {
    let first = |seed| {
        let mut solo = Solo::leech(40);
        solo.engine = crate::Engine::new(Config::default(), peer(100), seed);
        solo.add(1, PieceMap::empty(40));
        let conn = solo.joined(1, &PieceMap::full(40));
        solo.says(conn, Head::Unchoke);
        solo.requests(conn)[0].piece
    };
    let firsts: BTreeSet<u32> = (0..30).map(first).collect();
    assert!(firsts.len() > 10, "{firsts:?}");
    assert_eq!(first(5), first(5));
}

#[test]
fn no_piece_is_asked_of_a_peer_that_lacks_it() {
    let mut solo = Solo::leech(600);
    // The rarest are the ones that this peer lacks, and more than are looked at in their order.
    for n in 2..4 {
        solo.joined(n, &map(600, &[5, 300, 599]));
    }
    let other: Vec<u32> = (0..600)
        .filter(|piece| ![5, 300, 599].contains(piece))
        .collect();
    solo.joined(1, &map(600, &other));
    let conn = solo.joined(9, &map(600, &[5, 300, 599]));
    solo.says(conn, Head::Unchoke);
    for _ in 0..3 {
        let block = *solo.requests(conn).last().unwrap();
        assert!([5, 300, 599].contains(&block.piece));
        let blocks = solo.requests(conn);
        solo.take();
        for block in blocks {
            solo.answers(conn, block, PieceOutcome::Good);
        }
        if !solo.engine.connection(conn).unwrap().interested {
            return;
        }
    }
    panic!("three pieces take three rounds at most");
}

#[test]
fn pieces_come_in_blocks_over_one_connection() {
    let config = Config {
        request_size: RequestSize::Blocks(400_000),
        ..Config::default()
    };
    let mut solo = Solo::with(config);
    solo.add(1, PieceMap::empty(1));
    let conn = solo.joined(1, &PieceMap::full(1));
    solo.says(conn, Head::Unchoke);
    let blocks = solo.requests(conn);
    let lens: Vec<u32> = blocks.iter().map(|block| block.len).collect();
    assert_eq!(lens, [400_000, 400_000, PIECE - 1000 - 800_000]);
    solo.take();
    for block in blocks {
        solo.says(conn, Head::Piece(block));
        let Output::Receive { range, .. } = solo.take()[0] else {
            panic!("it was asked for")
        };
        assert_eq!((range.offset, range.len), (block.offset, block.len));
        solo.input(Input::BodyDone {
            conn,
            outcome: BodyOutcome::Landed,
        });
    }
    assert_eq!(
        solo.engine.outstanding(),
        u64::from(PIECE - 1000),
        "until it is verified"
    );
    let (content, outcome) = (content(1), PieceOutcome::Good);
    solo.input(Input::PieceDone {
        conn,
        content,
        piece: 0,
        outcome,
    });
    assert_eq!(solo.engine.outstanding(), 0);
    assert!(solo.events().contains(&Event::Completed { content }));
}

#[test]
fn in_the_endgame_the_first_good_copy_wins() {
    let config = Config {
        request_size: RequestSize::Blocks(1 << 19),
        ..Config::default()
    };
    let mut solo = Solo::with(config);
    solo.add(1, PieceMap::empty(1));
    let conns = [1, 2, 3].map(|n| solo.joined(n, &PieceMap::full(1)));
    for conn in conns {
        solo.says(conn, Head::Unchoke);
    }
    let blocks = solo.requests(conns[0]);
    assert_eq!(solo.requests(conns[1]), blocks);
    assert_eq!(solo.requests(conns[2]), [], "twice is enough");
    // Both begin; the second is faster.
    solo.says(conns[0], Head::Piece(blocks[0]));
    for &block in &blocks {
        solo.says(conns[1], Head::Piece(block));
        solo.input(Input::BodyDone {
            conn: conns[1],
            outcome: BodyOutcome::Landed,
        });
    }
    solo.take();
    let (conn, outcome) = (conns[1], PieceOutcome::Good);
    solo.input(Input::PieceDone {
        conn,
        content: content(1),
        piece: 0,
        outcome,
    });
    assert_eq!(
        solo.sent(conns[0]),
        [Head::Cancel(blocks[1]), Head::Have(0), Head::NotInterested]
    );
    let abandon = Output::Abandon {
        conn: conns[0],
        content: content(1),
        piece: 0,
    };
    assert!(solo.out.contains(&abandon));
    assert_eq!(solo.engine.outstanding(), 0);
    // The body that was under way comes to its end.
    solo.input(Input::BodyDone {
        conn: conns[0],
        outcome: BodyOutcome::Landed,
    });
    assert_eq!(solo.closed(conns[0]), None);
}

#[test]
fn whoever_is_idle_helps_once_nothing_else_is_open() {
    let mut solo = Solo::leech(9);
    let busy = solo.joined(1, &PieceMap::full(9));
    solo.says(busy, Head::Unchoke);
    let mut asked = solo.requests(busy);
    let held = asked[0];
    let idle = solo.joined(2, &map(9, &[held.piece]));
    solo.says(idle, Head::Unchoke);
    let mut answered = 1;
    while let Some(&block) = asked.get(answered) {
        assert_eq!(
            solo.requests(idle),
            [],
            "other pieces are open, though not here"
        );
        solo.take();
        solo.answers(busy, block, PieceOutcome::Good);
        answered += 1;
        asked.extend(solo.requests(busy));
        if asked.len() == 9 {
            break;
        }
    }
    assert_eq!(solo.requests(idle), [held]);
}

#[test]
fn what_is_being_verified_is_not_asked_for_again() {
    let mut solo = Solo::leech(1);
    let first = solo.joined(1, &PieceMap::full(1));
    solo.says(first, Head::Unchoke);
    let block = solo.requests(first)[0];
    solo.says(first, Head::Piece(block));
    solo.input(Input::BodyDone {
        conn: first,
        outcome: BodyOutcome::Landed,
    });
    let second = solo.joined(2, &PieceMap::full(1));
    solo.says(second, Head::Unchoke);
    assert_eq!(solo.requests(second), []);
    // Until it turns out to be bad.
    let (content, outcome) = (content(1), PieceOutcome::Bad);
    solo.input(Input::PieceDone {
        conn: first,
        content,
        piece: 0,
        outcome,
    });
    assert_eq!(solo.requests(second), [block]);
}

#[test]
fn a_bad_copy_in_the_endgame_leaves_the_other_running() {
    let mut solo = Solo::leech(1);
    let conns = [1, 2].map(|n| solo.joined(n, &PieceMap::full(1)));
    conns
        .iter()
        .for_each(|&conn| solo.says(conn, Head::Unchoke));
    let block = solo.requests(conns[0])[0];
    solo.answers(conns[0], block, PieceOutcome::Bad);
    assert!(!solo.has_sent(conns[1], &Head::Cancel(block)));
    solo.answers(conns[1], block, PieceOutcome::Good);
    assert!(solo.engine.content(&content(1)).unwrap().have.is_full());
}

#[test]
fn a_lost_connection_frees_its_pieces_for_others() {
    let mut solo = Solo::leech(9);
    let first = solo.joined(1, &PieceMap::full(9));
    solo.says(first, Head::Unchoke);
    let lost: BTreeSet<u32> = solo
        .requests(first)
        .iter()
        .map(|block| block.piece)
        .collect();
    let second = solo.joined(2, &map(9, &lost.iter().copied().collect::<Vec<_>>()));
    solo.says(second, Head::Unchoke);
    assert_eq!(solo.requests(second), [], "they are under way elsewhere");
    solo.input(Input::Closed {
        conn: first,
        reset: true,
    });
    let asked: BTreeSet<u32> = solo
        .requests(second)
        .iter()
        .map(|block| block.piece)
        .collect();
    assert_eq!(asked, lost);
}

#[test]
fn a_piece_that_landed_outlives_its_connection() {
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::full(9));
    solo.says(conn, Head::Unchoke);
    let block = solo.requests(conn)[0];
    solo.says(conn, Head::Piece(block));
    solo.input(Input::BodyDone {
        conn,
        outcome: BodyOutcome::Landed,
    });
    solo.input(Input::Closed { conn, reset: true });
    assert!(solo.engine.outstanding() > 0);
    let (piece, outcome) = (block.piece, PieceOutcome::Good);
    solo.input(Input::PieceDone {
        conn,
        content: content(1),
        piece,
        outcome,
    });
    assert!(
        solo.engine
            .content(&content(1))
            .unwrap()
            .have
            .contains(piece)
    );
    assert_eq!(solo.engine.outstanding(), 0);
}

#[test]
fn several_bad_pieces_ban_the_peer_and_its_address() {
    let mut solo = Solo::leech(9);
    solo.candidate(1, addr(1));
    let (conn, _) = solo.dials()[0];
    solo.input(Input::Connected { conn });
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(1)),
    });
    solo.says(conn, bits(&PieceMap::full(9)));
    solo.says(conn, Head::Unchoke);
    let mut asked = solo.requests(conn);
    for strike in 1..=3 {
        assert_eq!(solo.closed(conn), None);
        let block = asked.remove(0);
        solo.take();
        solo.answers(conn, block, PieceOutcome::Bad);
        let bad = solo.events().into_iter().find_map(|event| match event {
            Event::PieceBad { banned, .. } => Some(banned),
            _ => None,
        });
        assert_eq!(bad, Some(strike == 3));
        asked.extend(solo.requests(conn));
    }
    assert_eq!(solo.closed(conn), Some(CloseReason::Banned));
    assert_eq!(solo.engine.counters().bans, 1);
    assert_eq!(solo.engine.counters().bad_pieces, 3);
    assert!(solo.engine.content(&content(1)).unwrap().have.count() == 0);

    // Neither its address nor its name is let in again, and nobody dials it, until hours later.
    solo.take();
    let again = solo.accept(addr(1));
    assert_eq!(solo.closed(again), Some(CloseReason::Banned));
    let moved = solo.accept(addr(2));
    solo.input(Input::Handshake {
        conn: moved,
        handshake: hello(content(1), peer(1)),
    });
    assert_eq!(solo.closed(moved), Some(CloseReason::Banned));
    assert!(
        !solo
            .out
            .iter()
            .any(|output| matches!(output, Output::SendHandshake { .. }))
    );
    solo.take();
    solo.candidate(1, addr(1));
    solo.wait(Config::default().ban_duration - Duration::from_secs(10));
    assert_eq!(solo.dials(), []);
    solo.wait(Duration::from_secs(20));
    assert_eq!(solo.dials().len(), 1);
}

#[test]
fn peers_of_this_machine_are_not_banned_for_each_other() {
    let mut solo = Solo::with(Config {
        bad_pieces_until_ban: 1,
        ..Config::default()
    });
    solo.add(1, PieceMap::empty(9));
    let local = ([127, 0, 0, 1], 9999).into();
    let conns = [1, 2].map(|n| {
        let conn = solo.accept(local);
        solo.input(Input::Handshake {
            conn,
            handshake: hello(content(1), peer(n)),
        });
        solo.says(conn, bits(&PieceMap::full(9)));
        solo.says(conn, Head::Unchoke);
        conn
    });
    let block = solo.requests(conns[0])[0];
    solo.answers(conns[0], block, PieceOutcome::Bad);
    assert_eq!(solo.closed(conns[0]), Some(CloseReason::Banned));
    assert_eq!(solo.closed(conns[1]), None);
}

#[test]
fn a_full_disk_pauses_the_content_and_keeps_what_is_there() {
    let mut solo = Solo::leech(9);
    let first = solo.joined(1, &PieceMap::full(9));
    let second = solo.joined(2, &PieceMap::full(9));
    solo.says(first, Head::Unchoke);
    solo.says(second, Head::Unchoke);
    let (one, other) = (solo.requests(first)[0], solo.requests(second)[0]);
    solo.answers(second, other, PieceOutcome::Good);
    solo.take();
    solo.answers(first, one, PieceOutcome::StoreFailed);
    assert_eq!(
        solo.events(),
        [Event::Failed {
            content: content(1),
            piece: one.piece
        }]
    );
    assert!(solo.has_sent(second, &Head::NotInterested));
    assert_eq!(solo.engine.outstanding(), 0);
    assert!(solo.engine.content(&content(1)).unwrap().failed);
    // It still shares.
    solo.says(second, Head::Interested);
    assert!(solo.has_sent(second, &Head::Unchoke));
    // Taking it out and putting it in again resumes.
    let have = solo.engine.content(&content(1)).unwrap().have.clone();
    solo.command(Command::Remove {
        content: content(1),
    });
    solo.add(1, have);
    let third = solo.joined(3, &PieceMap::full(9));
    solo.says(third, Head::Unchoke);
    assert!(!solo.requests(third).is_empty());
}

#[test]
fn the_budget_bounds_all_pieces_and_leaves_room_beside_a_stuck_content() {
    let config = Config {
        max_outstanding: 12 << 20,
        ..Config::default()
    };
    let mut solo = Solo::with(config);
    solo.add(1, PieceMap::empty(40));
    solo.add(2, PieceMap::empty(40));
    let stuck = solo.joined_for(1, 1, &PieceMap::full(40));
    solo.says(stuck, Head::Unchoke);
    // Everything lands and nothing is ever verified: the disk hangs.
    loop {
        let blocks = solo.requests(stuck);
        if blocks.is_empty() {
            break;
        }
        solo.take();
        for block in blocks {
            solo.says(stuck, Head::Piece(block));
            solo.input(Input::BodyDone {
                conn: stuck,
                outcome: BodyOutcome::Landed,
            });
        }
    }
    // The last piece is shorter, and may be among them.
    let held = solo.engine.outstanding();
    assert_eq!(held.next_multiple_of(1 << 20), 8 << 20, "two thirds");
    let other = solo.joined_for(2, 2, &PieceMap::full(40));
    solo.says(other, Head::Unchoke);
    assert!(!solo.requests(other).is_empty());
    assert!(solo.engine.outstanding() <= 12 << 20);
}

#[test]
fn peers_share_the_budget_evenly() {
    let config = Config {
        max_outstanding: 9 << 20,
        ..Config::default()
    };
    let mut solo = Solo::with(config);
    solo.add(1, PieceMap::empty(40));
    let conns = [1, 2, 3].map(|n| solo.joined(n, &PieceMap::full(40)));
    conns
        .iter()
        .for_each(|&conn| solo.says(conn, Head::Unchoke));
    let counts = conns.map(|conn| solo.requests(conn).len());
    assert_eq!(
        counts,
        [2, 2, 2],
        "two thirds of nine for this content, two for each peer"
    );
}

#[test]
fn one_request_after_the_other_fits_the_limits_of_a_connection() {
    let config = Config {
        request_size: RequestSize::Blocks(1 << 10),
        max_requests_per_connection: 7,
        ..Config::default()
    };
    let mut solo = Solo::with(config);
    solo.add(1, PieceMap::empty(9));
    let conn = solo.joined(1, &PieceMap::full(9));
    solo.says(conn, Head::Unchoke);
    assert_eq!(solo.requests(conn).len(), 7);
    let first = solo.requests(conn)[0];
    assert_eq!(
        first,
        Block {
            len: 1 << 10,
            ..whole(first.piece)
        }
    );
    solo.says(conn, Head::Piece(first));
    solo.input(Input::BodyDone {
        conn,
        outcome: BodyOutcome::Landed,
    });
    assert_eq!(solo.requests(conn).len(), 8);
}

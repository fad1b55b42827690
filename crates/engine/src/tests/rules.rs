//! What a peer must not do, and what only looks like it.

use dolab_content::PieceMap;
use dolab_wire::swarm::{Block, Head};

use super::solo::{Solo, addr, bits, content, hello, map, whole};
use crate::{
    BodyOutcome, CloseReason, Config, ConnId, Input, Output, PeerViolation, PieceOutcome,
    RequestSize,
};

fn violation(solo: &Solo, conn: ConnId) -> PeerViolation {
    match solo.closed(conn) {
        Some(CloseReason::Violation(violation)) => violation,
        other => panic!("closed with {other:?}"),
    }
}

#[test]
fn a_piece_that_the_content_does_not_have_can_not_be_had() {
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Have(8));
    assert_eq!(solo.closed(conn), None);
    solo.says(conn, Head::Have(9));
    assert_eq!(
        violation(&solo, conn),
        PeerViolation::HaveOutOfRange {
            piece: 9,
            pieces: 9
        }
    );
}

#[test]
fn requests_have_to_lie_inside_a_piece_that_was_offered() {
    let last = Block {
        piece: 8,
        offset: 0,
        len: (1 << 20) - 1000,
    };
    let cases = [
        (whole(0), None),
        (last, None),
        (whole(8), Some(PeerViolation::RequestOutOfRange(whole(8)))),
        (whole(9), Some(PeerViolation::RequestOutOfRange(whole(9)))),
        (
            Block {
                piece: 0,
                offset: u32::MAX,
                len: u32::MAX,
            },
            Some(PeerViolation::RequestOutOfRange(Block {
                piece: 0,
                offset: u32::MAX,
                len: u32::MAX,
            })),
        ),
        (whole(3), Some(PeerViolation::RequestNotOffered(3))),
    ];
    for (block, wrong) in cases {
        let mut solo = Solo::new();
        solo.add(1, map(9, &[0, 8]));
        let conn = solo.joined(1, &PieceMap::empty(9));
        solo.says(conn, Head::Interested);
        solo.says(conn, Head::Request(block));
        match wrong {
            Some(wrong) => assert_eq!(violation(&solo, conn), wrong),
            None => assert!(solo.has_sent(conn, &Head::Piece(block))),
        }
    }
}

#[test]
fn a_request_that_was_never_allowed_is_a_violation() {
    let mut solo = Solo::seed(9);
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Request(whole(1)));
    assert_eq!(violation(&solo, conn), PeerViolation::RequestWhileChoked(1));
}

#[test]
fn requests_that_crossed_a_choke_are_ignored_but_not_for_ever() {
    let mut solo = Solo::with(Config {
        max_requests_per_connection: 5,
        ..Config::default()
    });
    solo.add(1, PieceMap::full(9));
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    solo.says(conn, Head::NotInterested);
    for _ in 0..5 {
        solo.says(conn, Head::Request(whole(1)));
        assert_eq!(solo.closed(conn), None);
        assert_eq!(solo.sent(conn), [Head::Unchoke, Head::Choke]);
    }
    assert_eq!(solo.engine.counters().crossed_requests, 5);
    solo.says(conn, Head::Request(whole(1)));
    assert_eq!(violation(&solo, conn), PeerViolation::RequestWhileChoked(1));
}

#[test]
fn too_many_requests_are_a_violation() {
    let config = Config {
        max_requests_per_connection: 5,
        max_unsent_bodies: 4,
        ..Config::default()
    };
    let mut solo = Solo::with(config);
    solo.add(1, PieceMap::full(9));
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Interested);
    for _ in 0..6 {
        solo.says(conn, Head::Request(whole(1)));
        assert_eq!(solo.closed(conn), None);
    }
    solo.says(conn, Head::Request(whole(1)));
    assert_eq!(violation(&solo, conn), PeerViolation::TooManyRequests(5));
}

#[test]
fn a_piece_that_was_never_asked_for_is_a_violation() {
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::full(9));
    solo.says(conn, Head::Piece(whole(1)));
    assert_eq!(violation(&solo, conn), PeerViolation::Unrequested(whole(1)));
    assert_eq!(violation(&solo, conn).do_code().to_string(), "0x80D06804");

    // Nor may its block differ from what was asked for.
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::full(9));
    solo.says(conn, Head::Unchoke);
    let asked = solo.requests(conn)[0];
    let half = Block {
        len: asked.len / 2,
        ..asked
    };
    solo.says(conn, Head::Piece(half));
    assert_eq!(violation(&solo, conn), PeerViolation::Unrequested(half));

    // Not even before its bitfield.
    let mut solo = Solo::leech(9);
    let conn = solo.accept(addr(1));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), super::solo::peer(1)),
    });
    solo.says(conn, Head::Piece(whole(1)));
    assert_eq!(violation(&solo, conn), PeerViolation::Unrequested(whole(1)));
}

#[test]
fn blocks_of_a_piece_come_in_order() {
    let config = Config {
        request_size: RequestSize::Blocks(1 << 18),
        ..Config::default()
    };
    let mut solo = Solo::with(config);
    solo.add(1, PieceMap::empty(9));
    let conn = solo.joined(1, &PieceMap::full(9));
    solo.says(conn, Head::Unchoke);
    let asked = solo.requests(conn);
    let (first, second) = (asked[0], asked[1]);
    assert_eq!(
        (first.piece, first.offset, first.len),
        (second.piece, 0, 1 << 18)
    );
    assert_eq!(second.offset, 1 << 18);
    // Another piece's may come in between.
    let other = asked
        .iter()
        .find(|block| block.piece != first.piece)
        .unwrap();
    solo.says(conn, Head::Piece(*other));
    solo.input(Input::BodyDone {
        conn,
        outcome: BodyOutcome::Landed,
    });
    assert_eq!(solo.closed(conn), None);
    solo.says(conn, Head::Piece(second));
    assert_eq!(violation(&solo, conn), PeerViolation::Unrequested(second));
}

#[test]
fn what_was_cancelled_may_come_all_the_same() {
    let mut solo = Solo::leech(1);
    let first = solo.joined(1, &PieceMap::full(1));
    let second = solo.joined(2, &PieceMap::full(1));
    solo.says(first, Head::Unchoke);
    solo.says(second, Head::Unchoke);
    let asked = solo.requests(first)[0];
    assert_eq!(
        solo.requests(second),
        [asked],
        "the last piece is asked for twice"
    );
    solo.answers(first, asked, PieceOutcome::Good);
    assert!(solo.has_sent(second, &Head::Cancel(asked)));
    assert_eq!(solo.closed(second), None);
    solo.take();
    solo.says(second, Head::Piece(asked));
    assert_eq!(
        solo.take(),
        [Output::Discard {
            conn: second,
            len: asked.len
        }]
    );
    solo.input(Input::BodyDone {
        conn: second,
        outcome: BodyOutcome::Landed,
    });
    assert_eq!(solo.engine.counters().discarded_bytes, u64::from(asked.len));
    // But not twice.
    solo.says(second, Head::Piece(asked));
    assert_eq!(violation(&solo, second), PeerViolation::Unrequested(asked));
}

#[test]
fn a_choke_loses_what_was_asked_for_and_is_not_to_be_repeated_for_ever() {
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::full(9));
    solo.says(conn, Head::Unchoke);
    assert!(solo.requests(conn).len() >= 2);
    assert!(solo.engine.outstanding() > 0);
    solo.says(conn, Head::Choke);
    assert_eq!(solo.engine.outstanding(), 0);
    for round in 2..=16 {
        assert_eq!(solo.closed(conn), None, "round {round}");
        solo.says(conn, Head::Unchoke);
        solo.says(conn, Head::Choke);
    }
    assert_eq!(violation(&solo, conn), PeerViolation::Teasing(16));
}

#[test]
fn unknown_messages_are_skipped_and_keepalives_welcome() {
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::empty(9));
    solo.says(conn, Head::Opaque { id: 20, len: 5 });
    assert_eq!(solo.take(), [Output::Discard { conn, len: 5 }]);
    solo.input(Input::BodyDone {
        conn,
        outcome: BodyOutcome::Landed,
    });
    solo.says(conn, Head::Opaque { id: 77, len: 0 });
    solo.says(conn, Head::KeepAlive);
    assert_eq!(solo.take(), []);
}

#[test]
fn interest_follows_what_there_is_to_have() {
    let mut solo = Solo::leech(9);
    let conn = solo.joined(1, &PieceMap::empty(9));
    assert!(!solo.engine.connection(conn).unwrap().interested);
    solo.says(conn, Head::Have(2));
    assert_eq!(solo.sent(conn), [Head::Interested]);
    solo.says(conn, Head::Have(3));
    solo.says(conn, Head::Unchoke);
    solo.take();
    solo.answers(conn, whole(2), PieceOutcome::Good);
    assert_eq!(solo.sent(conn), [Head::Have(2)]);
    solo.take();
    solo.answers(conn, whole(3), PieceOutcome::Good);
    assert_eq!(solo.sent(conn), [Head::Have(3), Head::NotInterested]);
}

#[test]
fn a_full_map_is_read_as_such() {
    let mut solo = Solo::leech(9);
    let conn = solo.accept(addr(1));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), super::solo::peer(1)),
    });
    solo.says(conn, bits(&PieceMap::full(9)));
    assert!(solo.has_sent(conn, &Head::Interested));
}

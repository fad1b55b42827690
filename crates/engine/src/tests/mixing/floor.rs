//! How much HTTP brings beside peers.

use dolab_wire::swarm::Head;

use super::{super::solo::whole, *};

const MIB: u64 = 1 << 20;

/// A request over HTTP takes so much of a second.
const TICKS: u32 = 20;

fn floor(mib: u64) -> Rules {
    Rules {
        floor: Some(mib * MIB),
        ..Rules::new(Priority::Background)
    }
}

/// Lets a peer bring so many pieces a second, and HTTP all that it is asked for, for some seconds.
/// Returns how many pieces each brought.
fn blend(solo: &mut Solo, per_second: u32, seconds: u32) -> (u64, u64) {
    let pieces = solo.engine.content(&content(1)).unwrap().layout.pieces();
    let mut asked = solo.asked();
    let peer = solo.joined(1, &PieceMap::full(pieces));
    solo.says(peer, Head::Unchoke);
    let (mut from_peer, mut from_http) = (0, 0);
    let mut wanted = Vec::new();
    for tick in 0..seconds * TICKS {
        solo.wait(SECOND / TICKS);
        asked.extend(solo.asked());
        wanted.extend(solo.requests(peer));
        solo.take();
        for asked in std::mem::take(&mut asked) {
            from_http += asked.pieces.len() as u64;
            solo.delivers(&asked);
        }
        asked.extend(solo.asked());
        wanted.extend(solo.requests(peer));
        solo.take();
        let turn = per_second > 0 && tick % (TICKS / per_second) == 0;
        if turn && !wanted.is_empty() {
            solo.answers(peer, wanted.remove(0), PieceOutcome::Good);
            from_peer += 1;
        }
    }
    (from_peer, from_http)
}

#[test]
fn with_good_peers_http_falls_to_nearly_nothing() {
    let mut solo = Solo::mixed(2000, vec![origin("o")], floor(2));
    // The initial request goes to HTTP.
    assert!(!solo.asked().is_empty());
    let (from_peer, from_http) = blend(&mut solo, 20, 60);
    assert_eq!(from_peer, 1200);
    assert!(from_http <= 12, "HTTP brought {from_http} pieces");
}

#[test]
fn what_peers_lack_to_the_floor_is_made_up_and_no_more() {
    // Four pieces a second are wanted, and peers bring one.
    let mut solo = Solo::mixed(2000, vec![origin("o")], floor(4));
    let (from_peer, from_http) = blend(&mut solo, 1, 60);
    assert_eq!(from_peer, 60);
    let wanted = 3 * 60;
    let slack = 16;
    assert!(
        (wanted - slack..=wanted + slack).contains(&from_http),
        "HTTP brought {from_http} pieces, not some {wanted}"
    );
}

#[test]
fn a_peer_that_brings_nothing_leaves_the_floor_to_http() {
    let mut solo = Solo::mixed(2000, vec![origin("o")], floor(1));
    let (from_peer, from_http) = blend(&mut solo, 0, 60);
    assert_eq!(from_peer, 0);
    assert!((52..=80).contains(&from_http), "{from_http}");
}

#[test]
fn where_no_peer_can_deliver_http_brings_all_it_can() {
    let mut solo = Solo::mixed(300, vec![origin("o")], floor(1));
    let mut largest = 0;
    loop {
        let all = solo.asked();
        solo.take();
        if all.is_empty() {
            break;
        }
        for asked in all {
            largest = largest.max(asked.pieces.len());
            solo.delivers(&asked);
        }
    }
    assert!(solo.engine.content(&content(1)).unwrap().have.is_full());
    assert_eq!(largest, 8, "requests grow to several pieces");
}

#[test]
fn a_piece_that_came_from_elsewhere_is_not_fetched_twice() {
    let mut solo = Solo::mixed(2, vec![origin("o")], freely());
    let asked = solo.asked();
    assert_eq!(asked.len(), 2);
    let peer = solo.joined(1, &PieceMap::full(2));
    solo.says(peer, Head::Unchoke);
    // Nothing is open: the peer is asked for one that HTTP fetches.
    let doubled = solo.requests(peer)[0].piece;
    solo.take();
    let other = asked.iter().find(|it| it.pieces.start == doubled).unwrap();
    solo.says(peer, Head::Piece(whole_of(doubled)));
    solo.input(Input::OriginProgress {
        fetch: other.fetch,
        bytes: 1000,
    });
    solo.input(Input::BodyDone {
        conn: peer,
        outcome: crate::BodyOutcome::Landed,
    });
    solo.input(Input::PieceDone {
        conn: peer,
        content: content(1),
        piece: doubled,
        outcome: PieceOutcome::Good,
    });
    assert!(solo.cancelled(other.fetch));
    let traffic = *solo.engine.content(&content(1)).unwrap().traffic;
    assert_eq!(traffic.wasted.of(PeerType::Cdn), 1000);
    let expected = u64::from(whole_of(doubled).len);
    assert_eq!(traffic.down.of(PeerType::Lan), expected);
}

#[test]
fn http_that_is_first_is_told_to_the_peer() {
    let mut solo = Solo::mixed(1, vec![origin("o")], freely());
    let asked = solo.only_asked();
    let peer = solo.joined(1, &PieceMap::full(1));
    solo.says(peer, Head::Unchoke);
    let block = solo.requests(peer)[0];
    solo.take();
    solo.delivers(&asked);
    assert!(solo.has_sent(peer, &Head::Cancel(block)));
    assert!(solo.events().contains(&Event::Completed {
        content: content(1)
    }));
    // The block was on its way, and is of no use.
    solo.says(peer, Head::Piece(block));
    let traffic = *solo.engine.content(&content(1)).unwrap().traffic;
    assert_eq!(traffic.down.of(PeerType::Cdn), u64::from(block.len));
    assert_eq!(traffic.wasted.of(PeerType::Lan), u64::from(block.len));
}

/// The last piece is shorter.
fn whole_of(piece: u32) -> dolab_wire::swarm::Block {
    let mut block = whole(piece);
    block.len = layout(2).piece_len(piece).unwrap();
    block
}

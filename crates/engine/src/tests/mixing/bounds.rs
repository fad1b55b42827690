//! What binds the device: rates, the month's bytes, and silence.

use dolab_wire::swarm::Head;

use super::{
    super::solo::{hello, peer, whole},
    *,
};
use crate::{CloseReason, Limits};

const MIB: u64 = 1 << 20;

fn capped(mib: u64) -> Limits {
    Limits {
        foreground: Some(mib * MIB),
        ..Limits::default()
    }
}

/// A connection to a peer that was offered as this, which has all.
fn offered(solo: &mut Solo, n: u8, kind: PeerType, pieces: u32) -> ConnId {
    solo.candidate_of(n, kind);
    let conn = solo.joined(n, &PieceMap::full(pieces));
    assert_eq!(solo.engine.connection(conn).unwrap().kind, kind);
    conn
}

/// Lets a peer bring all that it is asked for, for some seconds. Returns how many pieces.
fn drain(solo: &mut Solo, from: ConnId, seconds: u64) -> u64 {
    let mut came = 0;
    let mut wanted = solo.requests(from);
    for _ in 0..seconds * 10 {
        while let Some(block) = wanted.pop() {
            solo.take();
            solo.answers(from, block, PieceOutcome::Good);
            came += 1;
            wanted.extend(solo.requests(from));
        }
        solo.take();
        solo.wait(SECOND / 10);
        wanted.extend(solo.requests(from));
    }
    came
}

#[test]
fn a_cap_binds_all_but_the_lan() {
    for (kind, bound) in [
        (PeerType::Lan, false),
        (PeerType::LinkLocal, false),
        (PeerType::Group, true),
        (PeerType::Internet, true),
    ] {
        let mut solo = Solo::leech(500);
        solo.command(Command::Limits(capped(2)));
        let conn = offered(&mut solo, 1, kind, 500);
        solo.says(conn, Head::Unchoke);
        let came = drain(&mut solo, conn, 20);
        if bound {
            assert!((39..=42).contains(&came), "{kind}: {came} pieces in 20 s");
        } else {
            assert_eq!(came, 500, "{kind}");
        }
    }
}

#[test]
fn a_cap_binds_http_as_well() {
    let mut solo = Solo::with(Config::default());
    solo.command(Command::Limits(capped(2)));
    solo.add(1, PieceMap::empty(500));
    solo.sources(1, vec![cache("c", "o"), origin("o")], freely());
    let mut came = 0;
    for _ in 0..200 {
        let all = solo.asked();
        solo.take();
        for asked in all {
            came += asked.pieces.len();
            solo.delivers(&asked);
        }
        solo.wait(SECOND / 10);
    }
    // The last request is paid for behind it.
    assert!((40..=48).contains(&came), "{came} pieces in 20 s");
}

#[test]
fn a_cap_of_nothing_is_waited_out_and_lifted() {
    let mut solo = Solo::mixed(4, vec![origin("o")], freely());
    let asked = solo.asked();
    solo.command(Command::Limits(capped(0)));
    solo.take();
    asked.iter().for_each(|asked| solo.delivers(asked));
    assert_eq!(solo.asked(), []);
    solo.wait(Duration::from_secs(100));
    assert_eq!(solo.asked(), []);
    solo.command(Command::Limits(Limits::default()));
    assert!(!solo.asked().is_empty());
}

#[test]
fn background_and_foreground_have_caps_of_their_own() {
    let mut solo = Solo::new();
    solo.command(Command::Limits(Limits {
        background: Some(0),
        ..Limits::default()
    }));
    for (n, priority) in [(1, Priority::Background), (2, Priority::Foreground)] {
        solo.add(n, PieceMap::empty(8));
        let rules = Rules {
            priority,
            floor: None,
            ..Rules::new(priority)
        };
        solo.take();
        solo.sources(n, vec![origin("o")], rules);
        assert_eq!(solo.asked().is_empty(), priority == Priority::Background);
    }
}

/// A seed, and a peer of a type that wants all of it.
fn taker(limits: Limits, kind: PeerType) -> (Solo, ConnId) {
    let mut solo = Solo::seed(64);
    solo.command(Command::Limits(limits));
    let strangers = Rules {
        strangers: kind,
        ..Rules::new(Priority::Foreground)
    };
    solo.sources(1, vec![], strangers);
    let conn = solo.accept(addr(1));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(1)),
    });
    solo.says(conn, super::super::solo::bits(&PieceMap::empty(64)));
    assert_eq!(solo.engine.connection(conn).unwrap().kind, kind);
    solo.take();
    solo.says(conn, Head::Interested);
    (solo, conn)
}

/// Pieces that were handed out.
fn sent(solo: &Solo, to: ConnId) -> u64 {
    let is_piece = |head: &&Head| matches!(head, Head::Piece(_));
    solo.sent(to).iter().filter(is_piece).count() as u64
}

#[test]
fn the_cap_on_uploads_binds_all_but_the_lan() {
    for (kind, bound) in [(PeerType::Lan, false), (PeerType::Group, true)] {
        let limits = Limits {
            upload: Some(MIB),
            ..Limits::default()
        };
        let (mut solo, conn) = taker(limits, kind);
        assert!(solo.has_sent(conn, &Head::Unchoke));
        solo.take();
        for piece in 0..32 {
            solo.says(conn, Head::Request(whole(piece)));
        }
        let mut total = 0;
        for _ in 0..10 {
            loop {
                let now = sent(&solo, conn);
                total += now;
                solo.take();
                if now == 0 {
                    break;
                }
                (0..now).for_each(|_| solo.input(Input::BodySent { conn }));
            }
            solo.wait(SECOND);
        }
        assert_eq!(total, if bound { 10 } else { 32 }, "{kind}");
    }
}

#[test]
fn the_months_bytes_are_for_internet_peers_and_end() {
    let limits = Limits {
        internet_upload: Some(2 * MIB),
        ..Limits::default()
    };
    let (mut solo, conn) = taker(limits.clone(), PeerType::Internet);
    for piece in 0..4 {
        solo.says(conn, Head::Request(whole(piece)));
    }
    for handed_over in [1, 2] {
        assert_eq!(sent(&solo, conn), handed_over);
        solo.input(Input::BodySent { conn });
    }
    assert_eq!(sent(&solo, conn), 2);
    assert!(solo.has_sent(conn, &Head::Choke));
    assert!(solo.events().contains(&Event::InternetUploadsEnded));
    assert_eq!(solo.engine.limits().internet_upload, Some(0));
    // The next month.
    solo.take();
    solo.command(Command::Limits(limits.clone()));
    assert!(solo.has_sent(conn, &Head::Unchoke));
    // Others are served all the same.
    let (mut solo, conn) = taker(limits, PeerType::Group);
    for piece in 0..4 {
        solo.says(conn, Head::Request(whole(piece)));
    }
    solo.input(Input::BodySent { conn });
    assert_eq!(sent(&solo, conn), 4);
    assert!(!solo.has_sent(conn, &Head::Choke));
}

#[test]
fn who_may_not_upload_is_silent_and_goes_on_when_it_may() {
    let silent = Limits {
        uploads: false,
        ..Limits::default()
    };
    let (mut solo, conn) = taker(silent.clone(), PeerType::Lan);
    assert!(!solo.has_sent(conn, &Head::Unchoke));
    solo.command(Command::Limits(Limits::default()));
    assert!(solo.has_sent(conn, &Head::Unchoke));
    solo.take();
    solo.command(Command::Limits(silent));
    assert!(solo.has_sent(conn, &Head::Choke));
}

#[test]
fn what_was_sent_is_told_by_type() {
    let (mut solo, conn) = taker(Limits::default(), PeerType::Group);
    solo.says(conn, Head::Request(whole(0)));
    solo.input(Input::BodySent { conn });
    let traffic = *solo.engine.content(&content(1)).unwrap().traffic;
    assert_eq!(traffic.up.of(PeerType::Group), MIB);
    assert_eq!(traffic.up.total(), MIB);
}

#[test]
fn a_content_without_peers_meets_them_with_silence() {
    let mut solo = Solo::mixed(8, vec![origin("o")], freely());
    let before = solo.joined(1, &PieceMap::full(8));
    solo.take();
    solo.sources(1, vec![origin("o")], freely().without_peers());
    assert_eq!(solo.closed(before), Some(CloseReason::NoPeers));
    solo.take();
    solo.candidate_of(2, PeerType::Lan);
    solo.command(Command::Dial {
        content: content(1),
        addr: addr(3),
    });
    assert_eq!(solo.dials(), []);
    let conn = solo.accept(addr(4));
    solo.input(Input::Handshake {
        conn,
        handshake: hello(content(1), peer(4)),
    });
    assert_eq!(solo.closed(conn), Some(CloseReason::UnknownSwarm));
    let said = |output: &Output| matches!(output, Output::SendHandshake { .. });
    assert!(!solo.out.iter().any(said));
}

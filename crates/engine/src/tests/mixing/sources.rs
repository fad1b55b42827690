//! Sources that fail: who is asked again, who is left alone, and when it is over.

use dolab_wire::DoCode;

use super::*;

#[test]
fn a_cache_that_can_not_be_reached_is_left_alone_with_all_that_it_has() {
    for why in [
        FetchFailure::TimedOut,
        FetchFailure::Name,
        FetchFailure::Connect,
    ] {
        let sources = |of: &str| vec![cache("c", of), origin(of)];
        let mut solo = Solo::mixed(8, sources("one"), freely());
        let asked = solo.asked();
        solo.take();
        asked.iter().for_each(|it| solo.fails(it.fetch, why));
        assert!(solo.asked().iter().all(|it| it.source == 1), "{why:?}");
        solo.take();
        // Another content of another origin.
        solo.add(2, PieceMap::empty(8));
        solo.sources(2, sources("two"), freely());
        assert!(solo.asked().iter().all(|it| it.source == 1), "{why:?}");
        // A quarter of an hour later it is tried again.
        solo.wait(Duration::from_secs(15 * 60));
        solo.take();
        solo.add(3, PieceMap::empty(8));
        solo.sources(3, sources("three"), freely());
        assert!(solo.asked().iter().any(|it| it.source == 0), "{why:?}");
    }
}

#[test]
fn a_cache_that_refuses_is_left_alone_for_that_origin() {
    let sources = |of: &str| vec![cache("c", of), origin(of)];
    let mut solo = Solo::mixed(8, sources("one"), freely());
    let asked = solo.asked();
    solo.take();
    asked
        .iter()
        .for_each(|it| solo.fails(it.fetch, FetchFailure::Status(403)));
    assert!(solo.asked().iter().all(|it| it.source == 1));
    solo.take();
    solo.add(2, PieceMap::empty(8));
    solo.sources(2, sources("two"), freely());
    assert!(solo.asked().iter().any(|it| it.source == 0));
}

#[test]
fn an_origin_is_asked_again_after_pauses_of_thirty_seconds_at_most() {
    let config = Config {
        max_fetches: 1,
        progress_checks: 1000,
        ..Config::default()
    };
    let mut solo = Solo::mixed_with(config, 8, vec![origin("o")], freely());
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let asked = solo.only_asked();
        solo.fails(asked.fetch, FetchFailure::Status(503));
        pauses.push(solo.wait_until_asked(100));
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30, 30]);
    // A piece that comes forgives it all.
    let asked = solo.only_asked();
    solo.brings(asked.fetch, asked.pieces.start, PieceOutcome::Good);
    solo.take();
    solo.fails(asked.fetch, FetchFailure::Broken);
    assert_eq!(solo.wait_until_asked(100), 1);
}

#[test]
fn thirty_looks_without_progress_are_the_end() {
    let mut solo = Solo::mixed(8, vec![origin("o")], freely());
    // The server answers, and sends nothing; the driver never gives up.
    solo.wait(Duration::from_secs(299));
    assert_eq!(solo.gave_up(), None);
    solo.wait(Duration::from_secs(12));
    let why = solo.gave_up().unwrap();
    assert_eq!(why, GiveUp::NoProgress);
    assert_eq!(why.do_code(), Some(DoCode::NO_PROGRESS));
    let asked = solo.asked();
    assert!(asked.iter().all(|it| solo.cancelled(it.fetch)));
    assert_eq!(solo.engine.outstanding(), 0);
    assert_eq!(solo.engine.poll_timeout(), None);
}

#[test]
fn a_trickle_is_progress() {
    let mut solo = Solo::mixed(8, vec![origin("o")], freely());
    let fetch = solo.asked()[0].fetch;
    for _ in 0..100 {
        solo.wait(Duration::from_secs(250));
        solo.input(Input::OriginProgress { fetch, bytes: 1 });
    }
    assert_eq!(solo.gave_up(), None);
}

#[test]
fn waiting_for_peers_first_is_no_lack_of_progress() {
    let rules = Rules {
        delay_http: Duration::from_secs(3600),
        ..freely()
    };
    let mut solo = Solo::mixed(8, vec![origin("o")], rules);
    solo.wait(Duration::from_secs(3599));
    assert_eq!(solo.gave_up(), None);
    solo.wait(SECOND);
    let asked = solo.asked();
    assert!(!asked.is_empty());
}

#[test]
fn an_origin_that_has_not_got_it_ends_a_download_without_peers() {
    for (why, code) in [
        (FetchFailure::Status(404), None),
        (FetchFailure::Size, Some(DoCode::SIZE_MISMATCH)),
        (FetchFailure::Certificate, Some(DoCode::CERTIFICATE)),
        (FetchFailure::BadRange, Some(DoCode::BAD_RANGE)),
        (FetchFailure::OddSuccess(203), Some(DoCode::ODD_SUCCESS)),
    ] {
        let mut solo = Solo::mixed(1, vec![origin("o")], freely().without_peers());
        let asked = solo.only_asked();
        solo.fails(asked.fetch, why);
        let gave_up = solo.gave_up().unwrap();
        assert_eq!(gave_up, GiveUp::Source(why));
        assert_eq!(gave_up.do_code(), code);
    }
}

#[test]
fn with_peers_it_is_over_once_none_is_left() {
    let mut solo = Solo::mixed(1, vec![origin("o")], freely());
    let asked = solo.only_asked();
    solo.fails(asked.fetch, FetchFailure::Status(404));
    assert_eq!(solo.gave_up(), None, "a peer may have it");
    solo.wait(Config::default().starved_after);
    assert_eq!(
        solo.gave_up(),
        Some(GiveUp::Source(FetchFailure::Status(404)))
    );
}

#[test]
fn a_second_address_takes_over() {
    let mut solo = Solo::mixed(1, vec![origin("a"), origin("b")], freely().without_peers());
    let asked = solo.only_asked();
    solo.fails(asked.fetch, FetchFailure::Status(404));
    assert_eq!(solo.gave_up(), None);
    let asked = solo.only_asked();
    assert_eq!(asked.source, 1);
    solo.delivers(&asked);
    assert!(solo.engine.content(&content(1)).unwrap().have.is_full());
}

#[test]
fn an_origin_that_sends_bad_pieces_is_no_source_any_more() {
    let mut solo = Solo::mixed(1, vec![origin("o")], freely().without_peers());
    for n in 1..=3 {
        let asked = solo.only_asked();
        solo.brings(asked.fetch, 0, PieceOutcome::Bad);
        if n < 3 {
            solo.input(Input::OriginDone { fetch: asked.fetch });
        }
    }
    let why = GiveUp::Source(FetchFailure::BadPieces);
    assert_eq!(solo.gave_up(), Some(why));
    assert_eq!(why.do_code(), Some(DoCode::BAD_HASH));
    let traffic = *solo.engine.content(&content(1)).unwrap().traffic;
    assert_eq!(traffic.wasted.of(PeerType::Cdn), 3 * layout(1).length());
}

#[test]
fn an_origin_without_ranges_sends_the_whole() {
    let mut solo = Solo::mixed(3, vec![origin("o")], freely());
    let asked = solo.asked();
    solo.take();
    for it in &asked {
        solo.fails(it.fetch, FetchFailure::NoRanges);
    }
    let whole = solo.only_asked();
    assert_eq!((whole.pieces.clone(), whole.ranged), (0..3, false));
    let fetch = whole.fetch;
    // A peer brought the second piece meanwhile.
    let peer = solo.joined(1, &super::super::solo::map(3, &[1]));
    solo.says(peer, dolab_wire::swarm::Head::Unchoke);
    solo.take();
    solo.answers(peer, super::super::solo::whole(1), PieceOutcome::Good);
    solo.take();
    for piece in 0..3 {
        solo.input(Input::OriginReached { fetch, piece });
        let said = solo.take();
        if piece == 1 {
            assert!(said.contains(&Output::SkipOrigin { fetch, piece }));
            let bytes = layout(3).piece_len(1).unwrap().into();
            solo.input(Input::OriginProgress { fetch, bytes });
        } else {
            assert!(said.contains(&Output::KeepOrigin { fetch, piece }));
            solo.brings(fetch, piece, PieceOutcome::Good);
        }
    }
    let report = solo.engine.content(&content(1)).unwrap();
    assert!(report.have.is_full());
    let expected = layout(3).length() - u64::from(layout(3).piece_len(1).unwrap());
    assert_eq!(report.traffic.down.of(PeerType::Cdn), expected);
}

#[test]
fn two_requests_that_learn_of_it_are_one_piece_of_news() {
    let mut solo = Solo::mixed(3, vec![origin("o")], freely().without_peers());
    let asked = solo.asked();
    assert_eq!(asked.len(), 2);
    solo.take();
    for it in &asked {
        solo.fails(it.fetch, FetchFailure::NoRanges);
    }
    let whole = solo.only_asked();
    solo.fails(whole.fetch, FetchFailure::Broken);
    assert_eq!(solo.gave_up(), None);
    assert_eq!(solo.wait_until_asked(10), 1);
    assert!(!solo.asked()[0].ranged);
}

#[test]
fn what_is_removed_or_stopped_is_cancelled() {
    for command in [
        Command::Remove {
            content: content(1),
        },
        Command::Stop,
    ] {
        let mut solo = Solo::mixed(8, vec![origin("o")], freely());
        let asked = solo.asked();
        solo.lands(asked[0].fetch, asked[0].pieces.start);
        solo.command(command);
        assert!(asked.iter().all(|it| solo.cancelled(it.fetch)));
        solo.input(Input::PieceDone {
            conn: asked[0].fetch,
            content: content(1),
            piece: asked[0].pieces.start,
            outcome: PieceOutcome::Good,
        });
        assert_eq!(solo.engine.outstanding(), 0);
        assert_eq!(solo.engine.poll_timeout(), None);
    }
}

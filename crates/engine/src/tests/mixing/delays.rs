//! When HTTP joins, and which source of it.

use super::*;

fn delayed(http: u64, cdn: u64) -> Rules {
    Rules {
        delay_http: Duration::from_secs(http),
        delay_cdn: Duration::from_secs(cdn),
        ..freely()
    }
}

#[test]
fn peers_and_the_origin_are_asked_at_once() {
    let mut solo = Solo::mixed(8, vec![origin("o")], freely());
    solo.candidate(1, addr(1));
    assert_eq!(solo.dials().len(), 1);
    assert!(!solo.asked().is_empty());
}

#[test]
fn http_waits_for_its_delay_and_no_longer() {
    let mut solo = Solo::mixed(8, vec![origin("o")], delayed(60, 0));
    solo.candidate(1, addr(1));
    assert_eq!(solo.dials().len(), 1, "peers are tried at once");
    solo.wait(Duration::from_millis(59_999));
    assert_eq!(solo.asked(), []);
    solo.wait(Duration::from_millis(1));
    assert!(!solo.asked().is_empty());
}

/// The known "stuck at 0 %", and the way out of it.
#[test]
fn nobody_to_wait_for_is_waited_for_all_the_same_unless_told_otherwise() {
    let mut solo = Solo::mixed(8, vec![origin("o")], delayed(60, 0));
    assert_eq!(solo.wait_until_asked(100), 60);
    let hurried = Rules {
        hurry_when_starved: true,
        ..delayed(60, 0)
    };
    let mut solo = Solo::mixed(8, vec![origin("o")], hurried);
    let patience = Config::default().starved_after.as_secs();
    assert_eq!(solo.wait_until_asked(100), patience);
}

#[test]
fn without_peers_there_is_nothing_to_wait_for() {
    let solo = Solo::mixed(8, vec![origin("o")], delayed(60, 0).without_peers());
    let asked = solo.asked();
    assert_eq!(asked[0].pieces.start, 0, "from the front");
}

#[test]
fn a_cache_comes_before_the_origin_and_the_origin_after_its_delay() {
    let sources = vec![cache("c1", "o"), cache("c2", "o"), origin("o")];
    let mut solo = Solo::mixed(8, sources, delayed(10, 30));
    assert_eq!(solo.wait_until_asked(20), 10);
    let asked = solo.asked();
    assert_eq!(asked[0].source, 0);
    solo.take();
    // Caches are tried in order.
    asked
        .iter()
        .for_each(|asked| solo.fails(asked.fetch, FetchFailure::Connect));
    let asked = solo.asked();
    assert_eq!(asked[0].source, 1);
    solo.take();
    asked
        .iter()
        .for_each(|asked| solo.fails(asked.fetch, FetchFailure::Status(404)));
    // Ten seconds are over. The origin is asked thirty seconds behind them.
    assert_eq!(solo.wait_until_asked(100), 30);
    assert!(solo.asked().iter().all(|asked| asked.source == 2));
}

#[test]
fn a_cache_that_works_is_all_that_is_asked() {
    let sources = vec![origin("o"), cache("c", "o")];
    let mut solo = Solo::mixed(64, sources, delayed(0, 0));
    while let Some(asked) = solo.asked().first().cloned() {
        assert_eq!(asked.source, 1);
        let all = solo.asked();
        solo.take();
        all.iter().for_each(|asked| solo.delivers(asked));
    }
    let report = solo.engine.content(&content(1)).unwrap();
    assert!(report.have.is_full());
    assert_eq!(report.traffic.down.of(PeerType::Doinc), layout(64).length());
    assert_eq!(report.traffic.down.total(), report.traffic.down.http());
}

#[test]
fn without_a_cache_its_delay_does_not_count() {
    let mut solo = Solo::mixed(8, vec![origin("o")], delayed(0, 1000));
    assert!(!solo.take().is_empty() || !solo.asked().is_empty());
    let mut solo = Solo::mixed(8, vec![origin("o")], delayed(5, 1000));
    assert_eq!(solo.wait_until_asked(10), 5);
}

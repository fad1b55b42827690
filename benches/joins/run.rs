//! The order of the measurements, and what is told of them.

use std::time::Duration;

use crate::{
    load::{Form, Load, Measured},
    servers::{OurCloud, Tracker},
};

const ROUNDS: usize = 3;

pub(super) fn run(time: Duration) {
    let folder = tempfile::tempdir().expect("a folder for the servers");
    let cloud = OurCloud::start(folder.path());
    let tracker = Tracker::start(folder.path());
    let kept = Load::new(Form::JoinKept, cloud.addr, &cloud.authority);
    let anew = Load::new(Form::JoinAnew, cloud.addr, &cloud.authority);
    let announce = match &tracker {
        Ok(tracker) => Some(Load::new(Form::Announce, tracker.addr, &[])),
        Err(why) => {
            dolab_tests::note(&format!("opentracker: NOT RUN: {why}"));
            None
        }
    };
    let mut rows = vec![("dolab, kept", kept), ("dolab, anew", anew)];
    rows.extend(announce.map(|announce| ("opentracker", announce)));
    let mut results: Vec<Vec<Measured>> = rows.iter().map(|_| Vec::new()).collect();
    // Everybody is registered before anybody is measured.
    let each_server = rows
        .iter()
        .filter(|(_, load)| load.form() != Form::JoinAnew);
    each_server.for_each(|(_, load)| load.register_all());
    for _ in 0..ROUNDS {
        for ((_, load), results) in rows.iter().zip(&mut results) {
            results.push(load.run(time));
        }
    }
    let middle: Vec<Measured> = results.into_iter().map(middle).collect();
    let of = rows.iter().position(|(name, _)| *name == "opentracker");
    dolab_tests::note(&format!(
        "{:>12} {:>12} {:>10} {:>10} {:>14} {:>14}",
        "", "requests/s", "p50 ms", "p99 ms", "bytes/answer", "of opentracker"
    ));
    for ((name, _), measured) in rows.iter().zip(&middle) {
        let ratio = of.map_or_else(
            || "-".into(),
            |of| format!("{:.2}", measured.rate / middle[of].rate),
        );
        dolab_tests::note(&format!(
            "{name:>12} {:>12.0} {:>10.3} {:>10.3} {:>14.0} {ratio:>14}",
            measured.rate, measured.p50_ms, measured.p99_ms, measured.bytes
        ));
    }
}

fn middle(mut results: Vec<Measured>) -> Measured {
    results.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    results.swap_remove(results.len() / 2)
}

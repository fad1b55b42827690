//! One transfer.

use dolab_tests::{Finished, Namespace, Process};

use crate::{
    competitors::{Competitor, Entry, Receiving},
    inside::{self, Measured},
    results::Transfer,
    stage::{NAME, Stage},
    usage::Usage,
};

/// Starts the sender and measures until every receiver has the file. With
/// `check` the copies are compared with the file afterwards.
///
/// # Panics
/// When it fails or takes too long: with what the programs said.
pub(crate) fn run(
    entry: &Entry,
    competitor: &dyn Competitor,
    stage: &Stage,
    check: bool,
) -> Transfer {
    let sending = competitor.send(stage);
    let folders: Vec<_> = (1..=stage.receivers().len())
        .map(|number| stage.empty_folder(&format!("receiver{number}")))
        .collect();
    stage.prepare();
    let before = Usage::of(stage.sender());

    let receivers: Vec<_> = (stage.receivers().iter().zip(&folders))
        .map(|(host, folder)| start(host, &(sending.receive)(folder)))
        .collect();
    let received: Vec<_> = receivers.into_iter().map(finish).collect();
    let after = Usage::of(stage.sender());
    drop(sending.process);

    for folder in &folders {
        let copy = folder.join(NAME);
        if entry.stores && check {
            let same = stage.is_same(&copy);
            assert!(same.is_ok_and(|same| same), "what it received differs");
        }
    }
    for number in 1..=folders.len() {
        stage.empty_folder(&format!("receiver{number}"));
    }
    let own = received
        .iter()
        .map(|(_, said)| competitor.own_goodput(said))
        .sum::<Option<f64>>();
    let measures: Vec<_> = received.into_iter().map(|(measured, _)| measured).collect();
    figures(
        stage.size,
        &measures,
        after.cpu - before.cpu,
        after.peak_kib,
        own,
    )
}

fn start(host: &Namespace, receiving: &Receiving) -> Process {
    let mut receiver = host.command(inside::own_path());
    receiver.args([inside::MEASURE, receiving.from, receiving.until]);
    receiver.arg(receiving.command.get_program());
    receiver.args(receiving.command.get_args());
    Process::start(receiver)
}

/// What the receiver took, and all that it said itself.
fn finish(receiver: Process) -> (Measured, String) {
    let Finished {
        code,
        stdout,
        stderr,
    } = receiver.finish();
    assert_eq!(code, Some(0), "the receiver failed\n{stdout}\n{stderr}");
    let (said, last) = stdout.rsplit_once('\n').expect("the measure comes last");
    let measured = serde_json::from_str(last).expect("the measure comes last");
    (measured, said.to_owned())
}

fn figures(
    size: u64,
    received: &[Measured],
    sender_cpu: f64,
    sender_peak: u64,
    own: Option<f64>,
) -> Transfer {
    let bytes = size as f64 * received.len() as f64;
    let gib = bytes / f64::from(1 << 30);
    let began = received.iter().map(|one| one.began).min().unwrap_or(0);
    let ended = received.iter().map(|one| one.ended).max().unwrap_or(0);
    let seconds = (ended - began) as f64 / 1e9;
    let peak = received.iter().map(|one| one.peak_kib).max().unwrap_or(0);
    Transfer {
        goodput: own.unwrap_or(bytes / seconds),
        sender_cpu: sender_cpu / gib,
        receiver_cpu: received.iter().map(|one| one.cpu).sum::<f64>() / gib,
        sender_mib: sender_peak as f64 / 1024.0,
        receiver_mib: peak as f64 / 1024.0,
    }
}

//! How long a program takes until it listens.

use dolab_tests::{Lan, Process};

use crate::{
    competitors::Competitor,
    inside::{self, StartedUp},
    results::Start,
};

/// Starts it once. `None` when there is nothing in it that waits for peers.
///
/// # Panics
/// When it does not start: with what it said.
pub(crate) fn run(competitor: &dyn Competitor, lan: &Lan) -> Option<Start> {
    let folder = tempfile::tempdir_in(crate::scenarios::MEMORY).expect("a folder can be made");
    let (command, port) = competitor.idle(folder.path())?;
    let mut starter = lan.hosts[0].command(inside::own_path());
    starter.args([inside::STARTUP, &port.to_string()]);
    starter.arg(command.get_program()).args(command.get_args());
    let finished = Process::run(starter);
    let last = finished.stdout.lines().last().unwrap_or_default();
    let started: StartedUp = serde_json::from_str(last)
        .unwrap_or_else(|_| panic!("it did not start: {}", finished.stderr));
    Some(Start {
        milliseconds: started.seconds * 1e3,
        idle_mib: started.idle_kib as f64 / 1024.0,
    })
}

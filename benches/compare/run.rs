//! The measurement.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use dolab_tests::{Lan, Process, note};

use crate::{
    competitors::{self, Competitor},
    inside::{self, Measured},
    options::Options,
    stage::{self, Stage},
    table::{self, Figure},
    usage::Usage,
};

/// Measures what the options ask for, and prints the table.
pub(crate) fn run(options: &Options) -> ExitCode {
    let Some(lan) = Lan::cable() else {
        return ExitCode::from(3);
    };
    let mut chosen = competitors::all(options);
    chosen.retain(|one| options.only.is_empty() || options.only.iter().any(|o| o == one.name()));
    let stage = Stage::set_up(Path::new("/dev/shm"), options.size);
    let mut figures: Vec<Figure> = Vec::new();
    for round in 1..=options.rounds {
        for competitor in &chosen {
            let figure = transfer(competitor.as_ref(), &stage, &lan);
            note(&format!(
                "round {round}  {:<8} {:.3} GB/s  CPU s/GiB {:.3} {:.3}  peak KiB {} {}",
                figure.name,
                figure.goodput / 1e9,
                figure.cpu.0,
                figure.cpu.1,
                figure.peak_kib.0,
                figure.peak_kib.1
            ));
            figures.push(figure);
        }
    }
    table::print(&figures);
    ExitCode::SUCCESS
}

fn transfer(competitor: &dyn Competitor, stage: &Stage, lan: &Lan) -> Figure {
    let [from, to] = &lan.hosts[..] else {
        panic!("a cable has two ends");
    };
    let sending = competitor.send(stage, from);
    let output: PathBuf = stage.scratch.join("received");
    stage::warm(stage.size * 5 / 4);
    let before = Usage::of(from);

    let command = (sending.receive)(&output);
    let own = env::current_exe().expect("this program has a path");
    let mut receiver = to.command(own);
    receiver.arg(inside::MEASURE);
    receiver.arg(command.get_program()).args(command.get_args());
    let finished = Process::run(receiver);
    assert_eq!(
        finished.code,
        Some(0),
        "{}: {finished:?}",
        competitor.name()
    );
    let last = finished.stdout.lines().last().unwrap_or_default();
    let measured: Measured = serde_json::from_str(last).expect("the last line is the measure");

    let after = Usage::of(from);
    drop(sending.process);
    // Those that do not store leave nothing.
    let _ = fs::remove_file(&output);
    let seconds = (measured.ended - measured.began) as f64 / 1e9;
    let gib = stage.size as f64 / (1_u64 << 30) as f64;
    Figure {
        name: competitor.name(),
        verified: competitor.verifies(),
        goodput: stage.size as f64 / seconds,
        cpu: ((after.cpu - before.cpu) / gib, measured.cpu / gib),
        peak_kib: (after.peak_kib, measured.peak_kib),
    }
}

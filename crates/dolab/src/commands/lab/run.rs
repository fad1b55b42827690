//! `dolab lab run` and `dolab lab clean`.

use std::{path::Path, process::ExitCode, time::Instant};

use dolab_lab::{
    enclosure::{self, Entered, Leftover},
    report::{Report, confusion, junit},
    run::{RunOptions, Told, run_all},
    scenario::{Scenario, Variant},
};

use serde::Serialize;

use super::{keep, progress, select};
use crate::{
    args::{Global, LabArgs, LabCommand, LabRunArgs, Twin},
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
};

/// Runs the program in an enclosure that nothing outlives, where it is about to run scenarios. `None`
/// in there, and where there is nothing to run.
pub(crate) fn enclosed(args: &LabArgs, global: &Global, output: &Output) -> Option<ExitCode> {
    let LabCommand::Run(run) = &args.what else {
        return None;
    };
    // What is wrong with what was asked for is said once, and out here.
    if global.print_config || scenarios(run).is_err() || options(run).is_err() {
        return None;
    }
    match enclosure::enter() {
        Ok(Entered::Inside) => None,
        Ok(Entered::Left(code)) => Some(code),
        Err(error) => {
            output.failure(&Failure::cannot_run(error));
            Some(Exit::CannotRun.into())
        }
    }
}

pub(super) fn run(args: &LabRunArgs, output: &Output) -> CommandResult {
    let scenarios = scenarios(args)?;
    let options = options(args)?;
    if args.keep || args.shell.is_some() {
        return keep::run(&scenarios, args, &options, output);
    }
    let runs = runs(&scenarios, args);
    let jobs = args.jobs.map_or_else(processors, usize::from);
    let began = Instant::now();
    let bar = output.runs("running", runs.len() as u64);
    let outcomes = run_all(&runs, jobs, &options, |told| match told {
        Told::Step { run, what } => {
            let (scenario, variant) = runs[run];
            progress::step(scenario, variant.name(), &what, output);
        }
        Told::Ended { outcome, .. } => {
            bar.inc(1);
            progress::ended(&outcome, output);
        }
        Told::Begins(_) => {}
    });
    bar.finish_and_clear();
    let report = Report::new(outcomes, began.elapsed().as_secs_f64(), jobs);
    tell(&report, args, output)
}

/// Writes the files that were asked for, and the answer.
pub(super) fn tell(report: &Report, args: &LabRunArgs, output: &Output) -> CommandResult {
    if let Some(path) = &args.junit {
        write(path, &junit(report), "--junit")?;
    }
    if let Some(path) = &args.confusion {
        write(path, &confusion(report), "--confusion")?;
    }
    output.line(&report.summary);
    output.document(report);
    let troubled = report.runs.iter().any(|run| run.outcome.trouble.is_some());
    Ok(match (report.is_met(), troubled) {
        (true, _) => Exit::Good,
        (false, true) => Exit::CannotRun,
        (false, false) => Exit::Finding,
    })
}

fn scenarios(args: &LabRunArgs) -> Result<Vec<Scenario>, Failure> {
    if args.all {
        return select::all();
    }
    let mut scenarios = Vec::<Scenario>::new();
    for name in &args.scenarios {
        for scenario in select::named(name)? {
            if !scenarios.iter().any(|it| it.name == scenario.name) {
                scenarios.push(scenario);
            }
        }
    }
    Ok(scenarios)
}

/// Both twins of each, so many times.
fn runs<'a>(scenarios: &'a [Scenario], args: &LabRunArgs) -> Vec<(&'a Scenario, Variant)> {
    let variants: &[Variant] = match args.only {
        None => &Variant::BOTH,
        Some(Twin::Broken) => &[Variant::Broken],
        Some(Twin::Healthy) => &[Variant::Healthy],
    };
    let once = scenarios
        .iter()
        .flat_map(|scenario| variants.iter().map(move |variant| (scenario, *variant)));
    let times = usize::from(args.times);
    once.clone().cycle().take(once.count() * times).collect()
}

fn options(args: &LabRunArgs) -> Result<RunOptions, Failure> {
    let program = match &args.program {
        Some(program) => program.canonicalize(),
        None => std::env::current_exe(),
    };
    let program = program.map_err(|error| Failure::wrong_use(format!("--program: {error}")))?;
    Ok(RunOptions {
        program,
        capture: args.capture.clone(),
        temporary: std::env::temp_dir(),
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

fn write(path: &Path, text: &str, option: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| {
        Failure::cannot_run(format!("{option} {}: {error}", path.display()))
            .hint("name a file that can be written to")
    })
}

/// Whether an earlier run left anything.
pub(super) fn clean(output: &Output) -> CommandResult {
    let found = enclosure::clean(&std::env::temp_dir());
    let name = |left: &Leftover| match left {
        Leftover::Enclosure { pid } => format!("process {pid} and all in it"),
        Leftover::Folder { at } => format!("the folder {}", at.display()),
        Leftover::Mount { at } => format!("the mount at {at}"),
    };
    let removed: Vec<_> = found.removed.iter().map(name).collect();
    let kept: Vec<_> = found.kept.iter().map(name).collect();
    let summary = match (removed.as_slice(), kept.as_slice()) {
        ([], []) => "nothing was left".to_owned(),
        (removed, []) => format!("removed: {}", removed.join(", ")),
        (_, kept) => format!("could not be removed: {}", kept.join(", ")),
    };
    output.line(&summary);
    if found.in_use > 0 {
        output.line(format_args!("in use, and let alone: {}", found.in_use));
    }
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        summary: &'a str,
        removed: &'a [String],
        kept: &'a [String],
        in_use: usize,
    }
    output.document(&Document {
        schema: "dolab.lab-clean/1",
        summary: &summary,
        removed: &removed,
        kept: &kept,
        in_use: found.in_use,
    });
    Ok(if kept.is_empty() {
        Exit::Good
    } else {
        Exit::CannotRun
    })
}

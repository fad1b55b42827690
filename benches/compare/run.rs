//! The whole run.

use std::{
    fs,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
    thread,
};

use dolab_tests::{Lan, Namespace, note};

use crate::{
    competitors::{ALL, Competitor, Entry},
    goals, machine,
    options::{Options, Scenario},
    results::{Results, Row, Start, Transfers},
    scenarios::{self, MEMORY, Plan, START_UP},
    stage::{self, Stage},
    start_up, table, transfer,
};

/// How often each is started; it takes little time.
const STARTS: usize = 10;

type Ready = (Entry, Box<dyn Competitor>);

/// Measures what the options ask for, and prints what came out.
pub(crate) fn run(options: &Options) -> ExitCode {
    let names: Vec<_> = ALL.iter().map(|entry| entry.name).collect();
    if let Some(unknown) = options.named().find(|name| !names.contains(name)) {
        note(&format!(
            "compare: {unknown}: there is none of that name; there are: {}",
            names.join(", ")
        ));
        return ExitCode::from(2);
    }
    clean_up_when_interrupted(vec![MEMORY.into(), options.disk.clone()]);
    let plans = scenarios::plans(options);
    let mut results = Results {
        schema: "dolab.compare/1",
        machine: machine::look(),
        transfers: Vec::new(),
        start_up: Vec::new(),
        not_run: Vec::new(),
    };
    let ready = find(options, &plans, &mut results);
    for plan in &plans {
        transfers(plan, options, &ready, &mut results);
    }
    if options.wants(Scenario::StartUp) {
        starts(options, &ready, &mut results);
    }
    let written = report(options, &results);
    written.map_or_else(
        |error| {
            note(&format!("compare: the results can not be written: {error}"));
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn report(options: &Options, results: &Results) -> io::Result<()> {
    let goals = goals::of(results);
    io::stdout().write_all(table::text(results, &goals).as_bytes())?;
    if let Some(path) = &options.json {
        let document = serde_json::json!({ "results": results, "goals": goals });
        fs::write(path, format!("{document:#}\n"))?;
    }
    Ok(())
}

/// Those that take part in anything, and can.
fn find(options: &Options, plans: &[Plan], results: &mut Results) -> Vec<Ready> {
    let starts = options.wants(Scenario::StartUp).then_some(START_UP);
    let takes_part = |entry: &&Entry| {
        let mut lists = plans.iter().map(|plan| plan.who).chain(starts);
        lists.any(|who| options.takes_part(entry.name, who))
    };
    let mut ready = Vec::new();
    for entry in ALL.iter().filter(takes_part) {
        match (entry.find)(options) {
            Ok(competitor) => ready.push((*entry, competitor)),
            Err(why) => not_run(results, entry.name, why),
        }
    }
    ready
}

fn not_run(results: &mut Results, what: &str, why: String) {
    note(&format!("NOT RUN: {what}: {why}"));
    results.not_run.push((what.to_owned(), why));
}

fn transfers(plan: &Plan, options: &Options, ready: &[Ready], results: &mut Results) {
    let free = machine::free_memory();
    if free < plan.memory() {
        let why = format!("it needs {} MiB of free memory", plan.memory() >> 20);
        return not_run(results, plan.name, why);
    }
    let lan = match plan.receivers {
        1 => Lan::cable(),
        many => Lan::switch(1 + many),
    };
    let Some(lan) = lan else {
        return not_run(results, plan.name, "no network namespaces".into());
    };
    if let Some(shape) = plan.shape {
        lan.hosts[0].shape("eth0", shape);
    }
    note(&format!("{}: {} MiB", plan.name, plan.size >> 20));
    let stage = Stage::set_up(lan, &plan.folder, plan.size, plan.warm);
    let mut rows: Vec<_> = ready
        .iter()
        .filter(|(entry, _)| options.takes_part(entry.name, plan.who))
        .map(|(entry, competitor)| (entry, competitor.as_ref(), row(entry)))
        .collect();
    // The first transfer of each is compared with the file and not counted: it also loads the
    // programs, and finds memory colder than any other.
    for round in 0..=options.rounds {
        rows.retain_mut(|(entry, competitor, row)| {
            match attempt(|| transfer::run(entry, *competitor, &stage, round == 0)) {
                Ok(_) if round == 0 => true,
                Ok(one) => {
                    note(&format!(
                        "  {round}  {:<14} {:.3} GB/s",
                        row.name,
                        one.goodput / 1e9
                    ));
                    row.runs.push(one);
                    true
                }
                Err(why) => {
                    not_run(results, &format!("{}, {}", plan.name, row.name), why);
                    false
                }
            }
        });
    }
    results.transfers.push(Transfers {
        name: plan.name,
        scenario: plan.scenario,
        size: plan.size,
        receivers: plan.receivers,
        mark: plan.mark,
        rows: rows.into_iter().map(|(_, _, row)| row).collect(),
    });
}

fn starts(options: &Options, ready: &[Ready], results: &mut Results) {
    let Some(lan) = Lan::cable() else {
        return not_run(results, "start-up", "no network namespaces".into());
    };
    let mut rows: Vec<(&dyn Competitor, Row<Start>)> = ready
        .iter()
        .filter(|(entry, _)| options.takes_part(entry.name, START_UP))
        .map(|(entry, competitor)| (competitor.as_ref(), row(entry)))
        .collect();
    for _ in 0..STARTS {
        rows.retain_mut(
            |(competitor, row)| match attempt(|| start_up::run(*competitor, &lan)) {
                Ok(start) => {
                    row.runs.extend(start);
                    start.is_some()
                }
                Err(why) => {
                    not_run(results, &format!("start-up, {}", row.name), why);
                    false
                }
            },
        );
    }
    results.start_up = rows.into_iter().map(|(_, row)| row).collect();
}

fn row<T>(entry: &Entry) -> Row<T> {
    Row {
        name: entry.name,
        verifies: entry.verifies,
        runs: Vec::new(),
    }
}

/// What a measurement gave, or why it gave nothing. The harness of the tests, which runs the
/// programs, panics when one fails; here that costs one row and not the run.
fn attempt<T>(measurement: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(measurement)).map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        text.and_then(|text| text.lines().next())
            .unwrap_or("it failed")
            .to_owned()
    })
}

/// Leaves nothing behind when it is told to end.
fn clean_up_when_interrupted(folders: Vec<PathBuf>) {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    thread::spawn(move || {
        runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be had");
            let mut terminate = signal(SignalKind::terminate()).expect("signals can be had");
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        Namespace::remove_all_of_this_process();
        for folder in folders {
            stage::remove_own(&folder);
        }
        std::process::exit(130);
    });
}

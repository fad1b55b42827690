//! A scenario that stays, to look around in.

use std::{
    io::{BufRead, stdin},
    process::Command,
};

use dolab_lab::{
    report::Report,
    run::{RunOptions, Step, run as run_one, what},
    scenario::{Scenario, Variant},
    world::World,
};

use super::progress;
use crate::{
    args::{LabRunArgs, Twin},
    failure::{CommandResult, Failure},
    output::Output,
};

/// Runs one twin, and leaves it standing for as long as the user wants.
pub(super) fn run(
    scenarios: &[Scenario],
    args: &LabRunArgs,
    options: &RunOptions,
    output: &Output,
) -> CommandResult {
    let [scenario] = scenarios else {
        return Err(Failure::wrong_use("only one scenario can be kept")
            .hint("name one: dolab lab run NAME --keep"));
    };
    let variant = match args.only {
        None | Some(Twin::Broken) => Variant::Broken,
        Some(Twin::Healthy) => Variant::Healthy,
    };
    let topology = scenario.topology(variant);
    if let Some(host) = &args.shell
        && topology.adapters(host).is_none()
    {
        let nodes: Vec<_> = topology.nodes().map(|(node, _)| node).collect();
        return Err(
            Failure::wrong_use(format!("--shell: there is no host or router `{host}`"))
                .hint(format_args!("there is {}", nodes.join(", "))),
        );
    }
    let mut step = |step: Step<'_>| {
        let what = what(&step);
        output.note(format_args!("{what}"));
        progress::step(scenario, variant.name(), &what, output);
    };
    let keep = |world: &World| match &args.shell {
        Some(host) => shell(host, world, output),
        None => ask(world, output),
    };
    let outcome = run_one(scenario, variant, options, &mut step, Some(&keep));
    progress::ended(&outcome, output);
    let seconds = outcome.seconds;
    super::run::tell(&Report::new(vec![outcome], seconds, 1), args, output)
}

/// Opens a shell in each host that the user names, until he names none.
fn ask(world: &World, output: &Output) {
    let nodes: Vec<_> = world.topology().nodes().map(|(node, _)| node).collect();
    output.note(format_args!(
        "all of it stands; a shell in which of {}? An empty line ends it.",
        nodes.join(", ")
    ));
    for line in stdin().lock().lines() {
        let Ok(line) = line else { break };
        match line.trim() {
            "" => break,
            node if nodes.contains(&node) => shell(node, world, output),
            other => output.note(format_args!("there is no `{other}`")),
        }
        output.note(format_args!("a shell in which of {}?", nodes.join(", ")));
    }
}

fn shell(node: &str, world: &World, output: &Output) {
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let ended = world
        .spawn(node, Command::new(shell))
        .map_err(|error| error.to_string())
        .and_then(|mut child| child.wait().map_err(|error| error.to_string()));
    if let Err(error) = ended {
        output.note(format_args!("no shell in {node}: {error}"));
    }
}

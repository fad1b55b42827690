//! The program `dolab`: arguments, progress, output. What it does is in the libraries beside it.
//!
//! A library only so that tests can reach its parts; nothing here is meant for other programs.

pub mod args;
mod commands;
mod device;
pub mod escape;
mod evidence;
pub mod exit;
mod failure;
mod interrupt;
mod logging;
mod offer;
pub mod output;
mod print_config;
mod progress;
pub mod render;
mod state;
mod station;
pub mod units;

use std::{ffi::OsString, process::ExitCode};

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::{
    args::{Cli, Command},
    exit::Exit,
    failure::CommandResult,
    output::Output,
};

/// Runs the program with the arguments as the system hands them over, the program's name first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = Cli::command()
        .try_get_matches_from(args)
        .and_then(|matches| {
            let cli = Cli::from_arg_matches(&matches)?;
            Ok((cli, matches))
        });
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version, too, come as an "error", and go to standard output.
            let _ = error.print();
            let exit = if error.use_stderr() {
                Exit::WrongUse
            } else {
                Exit::Good
            };
            return exit.into();
        }
    };
    let output = Output::new(&cli.global);
    logging::start(&cli.global, &output);
    #[cfg(target_os = "linux")]
    if let Some(Command::Lab(args)) = &cli.command
        && let Some(code) = commands::lab::enclosed(args, &cli.global, &output)
    {
        return code;
    }
    let result = dispatch(cli, &matches, &output);
    let exit = result.unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit
    });
    exit.into()
}

fn dispatch(cli: Cli, matches: &ArgMatches, output: &Output) -> CommandResult {
    let Some(command) = cli.command else {
        return commands::welcome::run(output);
    };
    if cli.global.print_config {
        // Building fills in what belongs to every command.
        let mut root = Cli::command();
        root.build();
        let (mut command, mut matches, mut names) = (&root, matches, Vec::new());
        while let Some((name, below)) = matches.subcommand() {
            command = command
                .find_subcommand(name)
                .expect("clap found it in the same tree");
            matches = below;
            names.push(name);
        }
        print_config::print(output, &names.join(" "), command, matches);
        return Ok(Exit::Good);
    }
    match command {
        Command::Demo(args) => commands::demo::run(&args, output),
        Command::Peer(args) => commands::peer::run(&args, output),
        Command::Check(args) => commands::check::run(&args, output),
        Command::Bench(args) => commands::bench::run(&args, output),
        Command::Cloud(args) => commands::cloud::run(&args, output),
        Command::Fetch(args) => commands::fetch::run(&args, output),
        Command::Diagnose(args) => commands::diagnose::run(&args, output),
        Command::Explain(args) => commands::explain::run(&args, output),
        Command::Status(args) => commands::status::run(&args, output),
        Command::Perfsnap(args) => commands::perfsnap::run(&args, output),
        Command::Log(args) => commands::log::run(&args, output),
        Command::Config(args) => commands::config::run(&args, cli.global.verbose > 0, output),
        Command::Discover(args) => commands::discover::run(&args, output),
        Command::Dissect(args) => commands::dissect::run(&args, output),
        Command::Lab(args) => commands::lab::run(&args, output),
        Command::Firewall(args) => commands::firewall::run(&args, output),
        Command::Policy(args) => commands::policy::run(&args, output),
        Command::Error(args) => commands::error::run(&args, output),
        Command::Completions(args) => commands::completions::run(&args, output),
        Command::Man(args) => commands::man::run(&args, output),
    }
}

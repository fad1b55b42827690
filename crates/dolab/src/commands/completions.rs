//! `dolab completions`.

use clap::CommandFactory;

use crate::{
    args::{Cli, CompletionsArgs},
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
};

pub(crate) fn run(args: &CompletionsArgs, output: &Output) -> CommandResult {
    if output.is_json() {
        return Err(
            Failure::wrong_use("completions are a script and no JSON").hint("leave --json out")
        );
    }
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dolab", &mut script);
    output.line(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Good)
}

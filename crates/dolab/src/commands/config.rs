//! `dolab config`.

use dolab_device::report::{DoConfig, Json};
use serde::Serialize;

use crate::{args::ConfigArgs, exit::Exit, failure::CommandResult, output::Output, render, state};

/// `verbose` is the cmdlet's own switch, and `-v` of ours.
pub(crate) fn run(args: &ConfigArgs, verbose: bool, output: &Output) -> CommandResult {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        config: Json<'a, DoConfig>,
    }
    let mut config = state::view(&args.state)?.state.config;
    if !verbose {
        config.verbose = None;
    }
    output.line(render::list(std::slice::from_ref(&config)).trim_end());
    output.document(&Document {
        schema: "dolab.do-config/1",
        config: Json(&config),
    });
    Ok(Exit::Good)
}

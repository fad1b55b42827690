//! What someone sees who types nothing but `dolab`.

use crate::{
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
};

const TEXT: &str = "\
dolab: can two Windows hosts share updates by Delivery Optimization, and if not, why?

  dolab demo           see it work, on this machine alone, within seconds

On two hosts:

  dolab peer           on the one: leave it running
  dolab check HOST     on the other: HOST is the name or address of the first
  dolab check          ... or let it find the first one by itself

Then, perhaps:

  dolab firewall       the firewall rules that let this host share
  dolab discover       who is there
  dolab peer --share FILE, dolab fetch ID --from HOST
                       share a file, and download it

dolab --help lists everything, dolab COMMAND --help explains one command.";

/// Prints the text. Exits 0: nothing was asked, and nothing was wrong. With `--json` there is
/// nothing to answer, which is wrong use.
pub(crate) fn run(output: &Output) -> CommandResult {
    if output.is_json() {
        return Err(
            Failure::wrong_use("no command was given").hint("dolab --help lists the commands")
        );
    }
    output.line(TEXT);
    Ok(Exit::Good)
}

//! `dolab explain`.

use dolab_catalogue::{Failure, all, failure, near, search};
use serde::Serialize;

use crate::{
    args::ExplainArgs, escape::escape, exit::Exit, failure::CommandResult,
    failure::Failure as Wrong, output::Output, render,
};

pub(crate) fn run(args: &ExplainArgs, output: &Output) -> CommandResult {
    let found: Vec<_> = if args.list {
        all().iter().collect()
    } else {
        look_up(&args.what)?
    };
    let style = output.style();
    output.line(match found.as_slice() {
        [one] => render::failure(style, one),
        several => render::failure_list(style, several),
    });
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        failures: &'a [&'static Failure],
    }
    output.document(&Document {
        schema: "dolab.failures/1",
        failures: &found,
    });
    Ok(Exit::Good)
}

fn look_up(what: &[String]) -> Result<Vec<&'static Failure>, Wrong> {
    let text = what.join(" ");
    if text.trim().is_empty() {
        return Err(Wrong::wrong_use("no code and no word to look for")
            .hint("such as `dolab explain DL014` or `dolab explain vpn`; --list lists all"));
    }
    // Several codes are no words of one failure.
    let codes: Option<Vec<_>> = what.iter().map(|code| failure(code)).collect();
    let found = codes.unwrap_or_else(|| search(&text));
    if !found.is_empty() {
        return Ok(found);
    }
    let shown = escape(&text).into_owned();
    let near: Vec<_> = near(&text)
        .iter()
        .map(|it| format!("{} ({})", it.code, it.title))
        .collect();
    let hint = if near.is_empty() {
        "`dolab explain --list` shows all of them, `dolab error CODE` explains a code of delivery \
         optimization alone"
            .to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    Err(Wrong::wrong_use(format!("no failure is known as `{shown}`")).hint(hint))
}

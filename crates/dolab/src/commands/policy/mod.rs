//! `dolab policy`.

mod document;
mod load;

pub(crate) use self::load::{policies, situation};

use std::path::Path;

use dolab_policy::{
    Name,
    gates::{self, Judgement, Transfer, Verdict},
};
use dolab_wire::Priority;
use serde::Serialize;

use self::document::{PolicyDocument, Shown};
use crate::{
    args::{PolicyArgs, PolicyCommand, PolicyOptions},
    exit::Exit,
    failure::CommandResult,
    output::Output,
    render,
    units::Size,
};

pub(crate) fn run(args: &PolicyArgs, output: &Output) -> CommandResult {
    match &args.what {
        PolicyCommand::List => Ok(list(output)),
        PolicyCommand::Explain { names } => Ok(explain(names, output)),
        PolicyCommand::Show { given } => show(given, output),
        PolicyCommand::Gates {
            size,
            foreground,
            cache,
            given,
        } => judge(*size, *foreground, cache, given, output),
    }
}

fn list(output: &Output) -> Exit {
    output.line(render::policy_list(output.style()).trim_end());
    document(Name::all(), output);
    Exit::Good
}

fn explain(names: &[Name], output: &Output) -> Exit {
    let texts: Vec<_> = names
        .iter()
        .map(|name| render::policy(output.style(), name.policy()))
        .collect();
    output.line(texts.join("\n").trim_end());
    document(names.iter().copied(), output);
    Exit::Good
}

/// What the table says about policies.
fn document(names: impl Iterator<Item = Name>, output: &Output) {
    #[derive(Serialize)]
    struct Document {
        schema: &'static str,
        policies: Vec<PolicyDocument>,
    }
    output.document(&Document {
        schema: "dolab.policy-table/1",
        policies: names.map(|name| name.policy().into()).collect(),
    });
}

fn show(given: &PolicyOptions, output: &Output) -> CommandResult {
    let policies = policies(given, output)?;
    output.line(render::policies(output.style(), &policies).trim_end());
    let group = situation(given)?.map(|situation| policies.group(&situation.group));
    if let Some(group) = &group {
        output.line(render::group(group));
    }
    output.document(&Shown::new(&policies, group.as_ref()));
    Ok(Exit::Good)
}

fn judge(
    size: Option<Size>,
    foreground: bool,
    cache: &Path,
    given: &PolicyOptions,
    output: &Output,
) -> CommandResult {
    let policies = policies(given, output)?;
    let conditions = match situation(given)? {
        Some(situation) => situation.conditions,
        None => dolab_host::conditions(cache),
    };
    let transfer = Transfer {
        priority: if foreground {
            Priority::Foreground
        } else {
            Priority::Background
        },
        size: size.map(|size| size.0),
        ..Transfer::default()
    };
    let judgement = gates::judge(&policies, &conditions, &transfer);
    output.line(render::gates(output.style(), &judgement).trim_end());
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        conditions: &'a gates::Conditions,
        transfer: &'a Transfer,
        judgement: &'a Judgement,
    }
    output.document(&Document {
        schema: "dolab.gates/1",
        conditions: &conditions,
        transfer: &transfer,
        judgement: &judgement,
    });
    let shut = |it: &gates::Decision| it.verdict == Verdict::Closed;
    Ok(if judgement.decisions.iter().any(shut) {
        Exit::Finding
    } else {
        Exit::Good
    })
}

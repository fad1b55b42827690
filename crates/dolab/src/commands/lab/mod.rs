//! `dolab lab`.

#[cfg(target_os = "linux")]
mod keep;
#[cfg(target_os = "linux")]
mod progress;
#[cfg(target_os = "linux")]
mod run;
mod select;
mod show;

use dolab_lab::scenario::Scenario;
use serde::Serialize;

use crate::{
    args::{LabArgs, LabCommand},
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
};

#[cfg(target_os = "linux")]
pub(crate) use run::enclosed;

pub(crate) fn run(args: &LabArgs, output: &Output) -> CommandResult {
    match &args.what {
        LabCommand::List { code } => list(code.as_deref(), output),
        LabCommand::Show { scenario } => show::show(scenario, output),
        #[cfg(target_os = "linux")]
        LabCommand::Run(args) => run::run(args, output),
        #[cfg(target_os = "linux")]
        LabCommand::Clean => run::clean(output),
        #[cfg(not(target_os = "linux"))]
        LabCommand::Run(_) | LabCommand::Clean => Err(Failure::cannot_run(
            "the lab is made of network namespaces, which only linux has",
        )
        .hint("`dolab lab list` and `dolab lab show` work here")),
    }
}

fn list(code: Option<&str>, output: &Output) -> CommandResult {
    let scenarios = select::all()?;
    let wanted = |scenario: &&Scenario| {
        code.is_none_or(|code| {
            scenario
                .codes
                .iter()
                .any(|it| it.eq_ignore_ascii_case(code))
        })
    };
    let scenarios: Vec<_> = scenarios.iter().filter(wanted).collect();
    if scenarios.is_empty() {
        let code = code.unwrap_or_default();
        return Err(
            Failure::wrong_use(format!("no scenario shows the failure {code}"))
                .hint("`dolab lab list` lists all"),
        );
    }
    let codes = scenarios.iter().flat_map(|scenario| &scenario.codes);
    let codes = codes.collect::<std::collections::BTreeSet<_>>().len();
    let summary = format!(
        "{} scenarios of {codes} failures: run one with `dolab lab run NAME`",
        scenarios.len()
    );
    output.line(&summary);
    output.line("");
    let width = scenarios.iter().map(|it| it.name.len()).max().unwrap_or(0);
    for scenario in &scenarios {
        output.line(format_args!(
            "{:8}{:width$}  {}",
            scenario.codes[0], scenario.name, scenario.title
        ));
    }
    #[derive(Serialize)]
    struct Listed<'a> {
        name: &'a str,
        title: &'a str,
        codes: &'a [String],
    }
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        summary: &'a str,
        scenarios: Vec<Listed<'a>>,
    }
    output.document(&Document {
        schema: "dolab.lab-list/1",
        summary: &summary,
        scenarios: scenarios
            .iter()
            .map(|it| Listed {
                name: &it.name,
                title: &it.title,
                codes: &it.codes,
            })
            .collect(),
    });
    Ok(Exit::Good)
}

//! `--print-config`: every setting of a command, and where it comes from.

use clap::{ArgMatches, Command, parser::ValueSource};
use serde::Serialize;

use crate::output::Output;

/// One setting.
#[derive(Debug, Serialize)]
struct Setting {
    name: String,
    values: Vec<String>,
    source: &'static str,
    #[serde(skip)]
    help: String,
}

/// Prints the settings of the command that `matches` is for.
pub(crate) fn print(output: &Output, name: &str, command: &Command, matches: &ArgMatches) {
    let settings: Vec<_> = command
        .get_arguments()
        .filter(|arg| !["help", "version", "print_config"].contains(&arg.get_id().as_str()))
        .map(|arg| {
            let id = arg.get_id().as_str();
            let source = match matches.value_source(id) {
                Some(ValueSource::CommandLine) => "command line",
                Some(ValueSource::EnvVariable) => "environment",
                Some(_) => "default",
                None => "not set",
            };
            let raw = matches.try_get_raw(id).ok().flatten();
            let values = raw.map_or_else(Vec::new, |raw| {
                raw.map(|value| value.to_string_lossy().into_owned())
                    .collect()
            });
            let secret = arg.is_hide_env_values_set() && !values.is_empty();
            Setting {
                name: arg.get_long().unwrap_or(id).to_owned(),
                values: if secret {
                    vec!["(hidden)".to_owned()]
                } else {
                    values
                },
                source,
                help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
            }
        })
        .collect();

    output.line(format_args!("# dolab {name}"));
    for setting in &settings {
        output.line(format_args!("\n# {}", setting.help));
        let values: Vec<_> = setting
            .values
            .iter()
            .map(|value| format!("{value:?}"))
            .collect();
        let (name, source) = (&setting.name, setting.source);
        output.line(match values.as_slice() {
            [] => format!("# {name}: {source}"),
            values => format!("{name} = {}  # {source}", values.join(", ")),
        });
    }
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        command: &'a str,
        settings: &'a [Setting],
    }
    output.document(&Document {
        schema: "dolab.config/1",
        command: name,
        settings: &settings,
    });
}

//! Which scenarios are meant.

use std::path::Path;

use dolab_lab::scenario::{FileError, Scenario, embedded};

use crate::failure::Failure;

/// All that the program brings along.
pub(super) fn all() -> Result<Vec<Scenario>, Failure> {
    embedded::all().map_err(|error| wrong(&error))
}

/// What a user names: a scenario, a failure's code, or a file.
pub(super) fn named(name: &str) -> Result<Vec<Scenario>, Failure> {
    let is_path = name.contains(std::path::is_separator) || name.ends_with(".toml");
    if is_path || Path::new(name).exists() {
        return file(Path::new(name)).map(|scenario| vec![scenario]);
    }
    if let Some(scenario) = embedded::named(name).map_err(|error| wrong(&error))? {
        return Ok(vec![scenario]);
    }
    let mut of_code = all()?;
    of_code.retain(|it| it.codes.iter().any(|code| code.eq_ignore_ascii_case(name)));
    if !of_code.is_empty() {
        return Ok(of_code);
    }
    let failure = Failure::wrong_use(format!("there is no scenario `{name}`"));
    Err(match embedded::nearest(name) {
        Some(meant) => failure.hint(format_args!("did you mean `{meant}`?")),
        None => failure.hint("`dolab lab list` lists all; a file's name ends in .toml"),
    })
}

/// Exactly one.
pub(super) fn one(name: &str) -> Result<Scenario, Failure> {
    let mut named = named(name)?;
    match named.len() {
        1 => Ok(named.remove(0)),
        _ => {
            let names: Vec<_> = named.iter().map(|it| it.name.as_str()).collect();
            Err(
                Failure::wrong_use(format!("{name} is shown by several scenarios"))
                    .hint(format_args!("name one: {}", names.join(", "))),
            )
        }
    }
}

fn file(path: &Path) -> Result<Scenario, Failure> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::InvalidData {
            return Failure::wrong_use(format!("{place}: this is no text")).hint(
                "a scenario is a file in TOML: `dolab lab show NAME` shows those that come along",
            );
        }
        Failure::unreadable(path, &error)
            .hint("`dolab lab list` lists the scenarios that come along")
    })?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Scenario::parse(&name, &place, &text).map_err(|error| wrong(&error))
}

/// The error has its own hint, behind the line in question.
fn wrong(error: &FileError) -> Failure {
    Failure::wrong_use(error)
}

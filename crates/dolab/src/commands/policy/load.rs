//! Where the policies of a command come from.

use std::{fs, io::Read, path::Path};

use dolab_policy::{Basis, MAX_FILE, Policies, Problem, ReadError, Settings, Situation, Trouble};

use crate::{args::PolicyOptions, escape::escape, failure::Failure, output::Output};

/// What holds by the files that are named; without one, by this host's registry where it has one.
pub(crate) fn policies(given: &PolicyOptions, output: &Output) -> Result<Policies, Failure> {
    let mut settings = Settings::new();
    for path in &given.policy {
        settings.extend(file(path)?);
    }
    if given.policy.is_empty()
        && let Some((live, problems)) = dolab_host::live_policies()
    {
        for problem in problems {
            output.note(format_args!("warning: in this host's registry:{problem}"));
        }
        settings.extend(live);
    }
    let basis = Basis {
        os: given.os,
        page: given.defaults,
    };
    Ok(Policies::new(basis, &settings))
}

/// The device's situation, if a file states it.
pub(crate) fn situation(given: &PolicyOptions) -> Result<Option<Situation>, Failure> {
    let Some(path) = &given.conditions else {
        return Ok(None);
    };
    let (name, bytes) = read(path)?;
    let situation = Situation::read(&name, &bytes).map_err(|error| {
        refused(&error).hint("docs/diagnosis.md has every key of a file for --conditions")
    })?;
    Ok(Some(situation))
}

fn file(path: &Path) -> Result<Settings, Failure> {
    let (name, bytes) = read(path)?;
    Settings::read(&name, &bytes).map_err(|error| {
        let form = |problem: &Problem| {
            matches!(
                problem.what,
                Trouble::Toml(_) | Trouble::Export(_) | Trouble::NoText
            )
        };
        refused(&error).hint(match error.problems.iter().all(form) {
            true => {
                "a file of policies has lines such as `DODownloadMode = 2`, or is an export of the \
                 registry (.reg)"
            }
            false => "`dolab policy explain NAME` tells what a policy may be",
        })
    })
}

fn read(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::wrong_use(format!("{name}: {error}")))?;
    Ok((name, bytes))
}

fn refused(error: &ReadError) -> Failure {
    // A line for each mistake: they are mended together.
    let problems: Vec<_> = error
        .to_string()
        .lines()
        .map(|it| escape(it).into_owned())
        .collect();
    Failure::wrong_use(problems.join("\n       "))
}

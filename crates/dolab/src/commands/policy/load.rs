//! Where the policies of a command come from.

use std::{fs, io::Read, path::Path};

use dolab_policy::{Basis, MAX_FILE, Policies, Settings};

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

fn file(path: &Path) -> Result<Settings, Failure> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::wrong_use(format!("{name}: {error}")))?;
    Settings::read(&name, &bytes).map_err(|error| {
        // A line for each mistake: they are mended together.
        let problems: Vec<_> = error
            .to_string()
            .lines()
            .map(|it| escape(it).into_owned())
            .collect();
        Failure::wrong_use(problems.join("\n       "))
            .hint("`dolab policy explain NAME` tells what a policy may be")
    })
}

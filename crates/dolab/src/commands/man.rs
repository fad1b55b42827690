//! `dolab man`.

use std::{fs, io};

use clap::CommandFactory;
use clap_mangen::Man;

use crate::{
    args::{Cli, ManArgs},
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
};

pub(crate) fn run(args: &ManArgs, output: &Output) -> CommandResult {
    let mut root = Cli::command();
    root.build();
    let Some(dir) = &args.dir else {
        let page = page(root).map_err(Failure::cannot_run)?;
        output.line(String::from_utf8_lossy(&page).trim_end());
        return Ok(Exit::Good);
    };
    let commands: Vec<_> = root.get_subcommands().cloned().collect();
    let pages = commands.into_iter().map(|command| {
        let name = format!("dolab-{}", command.get_name());
        // Its own page is headed and called by the name that `man` finds it under.
        let command = command.display_name(name.clone());
        (name, command)
    });
    fs::create_dir_all(dir)
        .and_then(|()| {
            [("dolab".to_owned(), root)]
                .into_iter()
                .chain(pages)
                .try_for_each(|(name, command)| {
                    let path = dir.join(format!("{name}.1"));
                    fs::write(&path, page(command)?)?;
                    output.line(path.display());
                    Ok(())
                })
        })
        .map_err(|error: io::Error| {
            Failure::cannot_run(format!("{}: {error}", dir.display()))
                .hint("name a folder that can be written to")
        })?;
    Ok(Exit::Good)
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}

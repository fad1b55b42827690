//! `dolab fetch`.

mod catalogue;
mod destination;
mod device;
mod member;
mod transfer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use dolab_check::Key;
use dolab_content::{Existing, Store, StoreError};
use dolab_discovery::Candidate;

use self::catalogue::{Reasons, Wanted};
use crate::{
    args::FetchArgs,
    commands::{block_on, hosts},
    escape::escape,
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    output::Output,
};

pub(crate) fn run(args: &FetchArgs, output: &Output) -> CommandResult {
    if args.by_device() {
        return block_on(device::run(args, output))?;
    }
    let key = args.device.access.key()?;
    block_on(async {
        let prepared = tokio::select! {
            prepared = prepare(args, key.as_ref(), output) => prepared,
            // When the system lets nobody listen for Ctrl-C, it ends the program by itself.
            Ok(()) = interrupted() => {
                let why = "interrupted before anything was downloaded";
                Err(Failure::new(Exit::Inconclusive, why))
            }
        };
        let Prepared {
            hosts,
            wanted,
            path,
            store,
        } = prepared?;
        transfer::run(args, &hosts, &wanted, store, &path, output).await
    })?
}

/// All that has to be known before bytes can move.
struct Prepared {
    hosts: Vec<Candidate>,
    wanted: Wanted,
    path: PathBuf,
    store: Arc<Store>,
}

async fn prepare(
    args: &FetchArgs,
    key: Option<&Key>,
    output: &Output,
) -> Result<Prepared, Failure> {
    destination::look_at(&args.output, args.force)?;
    let (hosts, mut reasons) = sources(args, output).await?;
    let wanted = wanted(args, key, &hosts, &mut reasons, output).await?;
    let path = destination::choose(&args.output, wanted.name.as_deref(), args.id())?;
    let store = open(args, &path, &wanted, output).await?;
    Ok(Prepared {
        hosts,
        wanted,
        path,
        store,
    })
}

/// The hosts to download from, and why others are not among them.
async fn sources(args: &FetchArgs, output: &Output) -> Result<(Vec<Candidate>, Reasons), Failure> {
    if args.from.is_empty() {
        let has_it = |found: &Candidate| found.may_have(args.id());
        let hosts = hosts::on_the_link(args.wait, args.device.access.allow_public, output, has_it)
            .await
            .map_err(|failure| failure.hint("name a host that shares it: --from HOST"))?;
        return Ok((hosts, Reasons::new()));
    }
    let (hosts, left_out) = hosts::named(&args.from, args.device.access.allow_public).await?;
    for out in left_out.iter().filter(|_| !hosts.is_empty()) {
        output.note(format_args!("note: left out: {}", escape(&out.why)));
    }
    Ok((
        hosts,
        left_out
            .into_iter()
            .map(|out| (out.host, out.why))
            .collect(),
    ))
}

async fn wanted(
    args: &FetchArgs,
    key: Option<&Key>,
    hosts: &[Candidate],
    reasons: &mut Reasons,
    output: &Output,
) -> Result<Wanted, Failure> {
    if let Some(path) = &args.pieces_hash_file {
        return catalogue::read(path, args.id());
    }
    let spinner = output.spinner(format!("asking {} for the piece hashes", names(hosts)));
    let answer = catalogue::ask(hosts, args.id(), key).await;
    spinner.finish_and_clear();
    answer.map_err(|more| {
        reasons.extend(more);
        nobody_has_it(reasons)
    })
}

/// Names the reason of each host: the user has to see which of them to look after.
fn nobody_has_it(reasons: &Reasons) -> Failure {
    let list: Vec<_> = reasons
        .iter()
        .map(|(host, why)| match why.starts_with(host.as_str()) {
            true => why.clone(),
            false => format!("{host}: {why}"),
        })
        .collect();
    Failure::new(
        Exit::Finding,
        format!("no peer offers this content: {}", escape(&list.join("; "))),
    )
    .hint("`dolab peer --share FILE` offers it; `dolab check HOST` finds what is in the way")
}

async fn open(
    args: &FetchArgs,
    path: &Path,
    wanted: &Wanted,
    output: &Output,
) -> Result<Arc<Store>, Failure> {
    let existing = if args.force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    let (path, hashes) = (path.to_owned(), Arc::clone(&wanted.hashes));
    let length = hashes.layout().length();
    let (verify, forced) = (args.verify, !args.no_sync);
    let bar = output.transfer("verifying what is there", length);
    let opened = tokio::task::spawn_blocking(move || -> Result<_, StoreError> {
        let mut store = Store::open(path, hashes, existing)?;
        if !forced {
            store = store.unforced();
        }
        let before = store.pieces().count();
        if verify && before > 0 {
            let threads = thread::available_parallelism().map_or(1, Into::into);
            let bad = store.verify(threads, &|done| bar.set_position(done))?;
            if !bad.is_empty() {
                tracing::warn!(
                    "{} of {before} pieces were damaged, and are fetched again",
                    bad.len()
                );
            }
        }
        bar.finish_and_clear();
        Ok(store)
    })
    .await
    .expect("the store does not panic");
    opened
        .map(Arc::new)
        .map_err(|error| destination::cannot_keep(&error, length))
}

fn names(hosts: &[Candidate]) -> String {
    let names: Vec<_> = hosts.iter().map(|host| host.name.as_str()).collect();
    escape(&names.join(", ")).into_owned()
}

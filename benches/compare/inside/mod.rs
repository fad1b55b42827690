//! What this program does when it calls itself, to be inside a namespace or to be a process of
//! its own: the first argument is one of these words.

mod measure;
mod startup;
mod tracker;
mod warm;

pub(crate) use measure::Measured;
pub(crate) use startup::StartedUp;

use std::{env, ffi::OsString, io, process::Command, process::ExitCode};

use nix::time::{ClockId, clock_gettime};

/// `FROM UNTIL PROGRAM ...`: runs a program and then prints what it took, as [`Measured`]. The
/// clock runs from the line that holds FROM to the one that holds UNTIL, which also ends the
/// program; where one is empty, from its start and to its end.
pub(crate) const MEASURE: &str = "inside-measure";
/// `PORT PROGRAM ...`: starts a program, waits until it listens on the port of 127.0.0.1, lets it
/// idle, ends it, and prints [`StartedUp`].
pub(crate) const STARTUP: &str = "inside-startup";
/// `ADDRESS PEER`: a BitTorrent tracker that tells everyone else of this one peer.
pub(crate) const TRACKER: &str = "inside-tracker";
/// `BYTES`: touches memory and frees it.
pub(crate) const WARM: &str = "inside-warm";

/// Does what the first argument says, if this program was called by itself.
pub(crate) fn dispatch() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let word = arguments.next()?;
    let work = match word.to_str()? {
        MEASURE => measure::run,
        STARTUP => startup::run,
        TRACKER => tracker::run,
        WARM => warm::run,
        _ => return None,
    };
    let done = work(&arguments.collect::<Vec<_>>());
    Some(done.unwrap_or_else(|error| {
        dolab_tests::note(&format!("{}: {error}", word.display()));
        ExitCode::FAILURE
    }))
}

/// The path of this program.
pub(crate) fn own_path() -> std::path::PathBuf {
    env::current_exe().expect("this program has a path")
}

/// Nanoseconds of the monotonic clock, which all processes of a machine share.
fn now() -> io::Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    let nanoseconds = i128::from(now.tv_sec()) * 1_000_000_000 + i128::from(now.tv_nsec());
    u64::try_from(nanoseconds).map_err(io::Error::other)
}

fn command(words: &[OsString]) -> io::Result<Command> {
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| wrong("say which program"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

fn text(words: &[OsString], index: usize) -> io::Result<&str> {
    let word = words.get(index).and_then(|word| word.to_str());
    word.ok_or_else(|| wrong("a word is missing"))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

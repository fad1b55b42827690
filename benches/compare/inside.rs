//! What this program does when it is called by itself, inside a namespace or to be rid of its
//! memory at the end: the first argument is one of these words.

use std::{
    env,
    ffi::OsString,
    hint::black_box,
    io::{self, Write as _},
    process::{Command, ExitCode},
};

use nix::{
    sys::resource::{UsageWho, getrusage},
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

/// Runs a program to its end, and then prints what it took.
pub(crate) const MEASURE: &str = "inside-measure";
/// Touches memory and frees it.
pub(crate) const WARM: &str = "inside-warm";

/// What [`MEASURE`] prints as its last line.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Nanoseconds of the monotonic clock, which all processes of a machine share.
    pub(crate) began: u64,
    pub(crate) ended: u64,
    /// Seconds on a processor, of the program and of all that it waited for.
    pub(crate) cpu: f64,
    /// The most memory that was resident at once, of the largest of them.
    pub(crate) peak_kib: u64,
}

/// Does what the first argument says, if this program was called by itself.
pub(crate) fn dispatch() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let word = arguments.next()?;
    let done = match word.to_str()? {
        MEASURE => measure(arguments.collect()),
        WARM => warm(arguments.next()),
        _ => return None,
    };
    Some(done.unwrap_or_else(|error| {
        dolab_tests::note(&format!("{}: {error}", word.display()));
        ExitCode::FAILURE
    }))
}

/// Nanoseconds of the monotonic clock.
pub(crate) fn now() -> io::Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    let nanoseconds = i128::from(now.tv_sec()) * 1_000_000_000 + i128::from(now.tv_nsec());
    u64::try_from(nanoseconds).map_err(io::Error::other)
}

fn measure(words: Vec<OsString>) -> io::Result<ExitCode> {
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| io::Error::other("no program"))?;
    let began = now()?;
    let status = Command::new(program).args(arguments).status()?;
    let ended = now()?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .sum();
    let measured = Measured {
        began,
        ended,
        cpu,
        peak_kib: u64::try_from(usage.max_rss()).map_err(io::Error::other)?,
    };
    writeln!(io::stdout(), "\n{}", serde_json::to_string(&measured)?)?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn warm(bytes: Option<OsString>) -> io::Result<ExitCode> {
    let bytes = bytes
        .and_then(|bytes| bytes.to_str()?.parse().ok())
        .ok_or_else(|| io::Error::other("how many bytes?"))?;
    let mut memory = vec![0_u8; bytes];
    for page in memory.iter_mut().step_by(4096) {
        *page = 1;
    }
    black_box(&memory);
    Ok(ExitCode::SUCCESS)
}

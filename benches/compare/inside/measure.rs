//! What one program takes.

use std::{
    ffi::OsString,
    io::{self, BufReader, Read, Write as _},
    process::{Child, ExitCode, Stdio},
    sync::mpsc::{Sender, channel},
    thread,
};

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use super::now;

/// What a program has taken, with all that it started and waited for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Nanoseconds of the monotonic clock.
    pub(crate) began: u64,
    /// The same.
    pub(crate) ended: u64,
    /// Seconds on a processor, from its very start to its end.
    pub(crate) cpu: f64,
    /// The most memory that was resident at once, of the largest of them.
    pub(crate) peak_kib: u64,
}

pub(super) fn run(words: &[OsString]) -> io::Result<ExitCode> {
    let (from, until) = (super::text(words, 0)?, super::text(words, 1)?);
    let mut command = super::command(&words[2..])?;
    let (began, ended, code) = if from.is_empty() && until.is_empty() {
        let began = now()?;
        let status = command.status()?;
        (began, now()?, status.code())
    } else {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = now()?;
        between(began, command.spawn()?, from, until)?
    };
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
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// When the two lines came. A program that said the last one has done its work.
fn between(
    mut began: u64,
    mut child: Child,
    from: &str,
    until: &str,
) -> io::Result<(u64, u64, Option<i32>)> {
    let (to, lines) = channel();
    let stdout = child.stdout.take().expect("standard output is a pipe");
    let stderr = child.stderr.take().expect("standard error is a pipe");
    let errors = to.clone();
    thread::spawn(move || read(stdout, &to));
    thread::spawn(move || read(stderr, &errors));
    for (line, at) in lines {
        writeln!(io::stdout(), "{line}")?;
        if !from.is_empty() && line.contains(from) {
            began = at;
        }
        if !until.is_empty() && line.contains(until) {
            child.kill()?;
            child.wait()?;
            return Ok((began, at, Some(0)));
        }
    }
    let status = child.wait()?;
    if until.is_empty() {
        return Ok((began, now()?, status.code()));
    }
    Err(io::Error::other(format!(
        "it ended before it said `{until}`: {status}"
    )))
}

/// Lines, also those that a carriage return ends, each with the time when it came.
fn read(from: impl Read, to: &Sender<(String, u64)>) {
    let mut line = Vec::new();
    for byte in BufReader::new(from).bytes() {
        match byte {
            Ok(b'\n' | b'\r') => {
                let text = String::from_utf8_lossy(&line).into_owned();
                line.clear();
                let sent = now().is_ok_and(|at| to.send((text, at)).is_ok());
                if !sent {
                    return;
                }
            }
            Ok(byte) => line.push(byte),
            Err(_) => return,
        }
    }
}

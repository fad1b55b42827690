//! How long a program takes until it listens, and what it holds while it idles.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, TcpStream},
    process::{ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::now;

/// How long it idles before its memory is looked at.
const IDLE: Duration = Duration::from_secs(1);

/// How a program started up.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct StartedUp {
    /// Seconds from its start to the first connection that was accepted.
    pub(crate) seconds: f64,
    /// Resident memory a second later.
    pub(crate) idle_kib: u64,
}

pub(super) fn run(words: &[OsString]) -> io::Result<ExitCode> {
    let port: u16 = super::text(words, 0)?.parse().map_err(io::Error::other)?;
    let mut command = super::command(&words[1..])?;
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let began = now()?;
    let mut child = command.spawn()?;
    let deadline = Instant::now() + dolab_tests::PATIENCE;
    while let Err(refused) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
        if child.try_wait()?.is_some() || Instant::now() > deadline {
            child.kill()?;
            return Err(refused);
        }
    }
    let seconds = (now()? - began) as f64 / 1e9;
    // Not to wait for something: this is for how long it is looked at.
    thread::sleep(IDLE);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    child.kill()?;
    child.wait()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let idle_kib = resident
        .and_then(|text| text.trim().trim_end_matches(" kB").parse().ok())
        .ok_or_else(|| super::wrong("it has no memory"))?;
    let started = StartedUp { seconds, idle_kib };
    writeln!(io::stdout(), "{}", serde_json::to_string(&started)?)?;
    Ok(ExitCode::SUCCESS)
}

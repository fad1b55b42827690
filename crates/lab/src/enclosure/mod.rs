//! A place for networks that nothing outlives: new process, mount and network namespaces, and a user
//! namespace where the user is not root.
//!
//! ```text
//!  outer   what the user started: forwards signals, passes the exit code on
//!    └─ init    process 1 of the enclosure: dies with the outer, and everything in it with init
//!         └─ inside   the program: has the machine's files, no network, and may make namespaces
//! ```
//!
//! All three are the same executable with the same arguments. SIGKILL of any of them ends all, and
//! the kernel then removes what they held: processes, mounts, interfaces, namespaces.

mod clean;
mod folder;
mod init;
mod signals;

use std::{
    fs,
    io::{self, PipeReader},
    os::{
        fd::AsRawFd as _,
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Command, ExitCode, ExitStatus},
};

pub use clean::{Leftover, Leftovers, clean};
pub use folder::Folder;
use nix::sched::{CloneFlags, unshare};

use self::signals::Signals;

/// Says to a process where it is: `init:FD:PID`, with a pipe of the outer process and its number,
/// or `inside`.
const MARK: &str = "DOLAB_ENCLOSURE";
const INSIDE: &str = "inside";

/// The source of every mount of ours, as the table of mounts shows it.
pub(crate) const SOURCE: &str = "dolab-lab";

/// Where a program is after [`enter`].
#[derive(Debug)]
pub enum Entered {
    /// In the enclosure: go on.
    Inside,
    /// Outside, and the program has run in an enclosure: end with this.
    Left(ExitCode),
}

/// Why a program can not be enclosed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnclosureError {
    /// This user may not make namespaces.
    #[error(
        "this user may not make namespaces: {0}; run it as root, or allow user namespaces (sysctl \
         kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0, \
         user.max_user_namespaces above 0)"
    )]
    NotAllowed(#[source] io::Error),
    /// The program has several threads already, with which it can not leave its user's namespace:
    /// a mistake of ours.
    #[error("the program has several threads already: an ordinary user enters before that")]
    Threads,
    /// The system failed otherwise.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> EnclosureError {
    move |error| EnclosureError::System { what, error }
}

/// Runs the rest of the program in an enclosure. To be called first of all, before there are
/// threads: the program is started again with the same arguments, and comes here again.
///
/// # Errors
/// When this user may not, and when the system fails.
pub fn enter() -> Result<Entered, EnclosureError> {
    match std::env::var(MARK) {
        Ok(mark) if mark == INSIDE => {
            signals::unblock().map_err(system("unblocking signals"))?;
            Ok(Entered::Inside)
        }
        Ok(mark) => init::run(&mark),
        Err(_) => leave().map(Entered::Left),
    }
}

/// The outer process.
fn leave() -> Result<ExitCode, EnclosureError> {
    separate()?;
    let signals = Signals::block().map_err(system("blocking signals"))?;
    // Its far end closes with this process: init then knows, even if it was not there yet.
    let (reader, _writer) = io::pipe().map_err(system("a pipe"))?;
    let mark = format!("init:{}:{}", reader.as_raw_fd(), std::process::id());
    let mut init = again(&mark);
    pass_on(&reader).map_err(system("passing a pipe on"))?;
    let mut init = init.spawn().map_err(system("starting the program again"))?;
    drop(reader);
    let status = signals
        .forward_to(init.id(), || init.try_wait())
        .map_err(system("waiting for the enclosure"))?;
    Ok(code(status))
}

/// The same program, with the same arguments.
fn again(mark: &str) -> Command {
    let mut arguments = std::env::args_os();
    // By this name even if its file has gone, or lies where this user may not look.
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).env(MARK, mark);
    command
}

/// The exit code that tells how a process ended, as a shell does.
fn code(status: ExitStatus) -> ExitCode {
    let number = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 255,
    };
    ExitCode::from(u8::try_from(number & 0xff).unwrap_or(u8::MAX))
}

/// Lets a file survive the start of a program.
fn pass_on(pipe: &PipeReader) -> io::Result<()> {
    Ok(rustix::io::fcntl_setfd(pipe, rustix::io::FdFlags::empty())?)
}

/// Leaves the machine's namespaces; for processes, with the next that is started.
fn separate() -> Result<(), EnclosureError> {
    let own = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET;
    if rustix::process::geteuid().is_root() && unshare(own).is_ok() {
        return Ok(());
    }
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    unshare(own | CloneFlags::CLONE_NEWUSER).map_err(|error| {
        if error == nix::Error::EINVAL {
            EnclosureError::Threads
        } else {
            EnclosureError::NotAllowed(error.into())
        }
    })?;
    // Who maps the groups of others has to give up changing his own.
    let map = |file: &'static str, text: String| {
        fs::write(format!("/proc/self/{file}"), text).map_err(system("mapping users and groups"))
    };
    map("setgroups", "deny".to_owned())?;
    map("uid_map", format!("0 {} 1", user.as_raw()))?;
    map("gid_map", format!("0 {} 1", group.as_raw()))
}

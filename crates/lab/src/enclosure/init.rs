//! Process 1 of an enclosure.

use std::{fs::File, io, process::ExitCode};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::wait::{WaitPidFlag, WaitStatus, waitpid},
};
use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    process::{Signal, set_parent_process_death_signal},
};

use super::{EnclosureError, Entered, INSIDE, SOURCE, again, signals::Signals, system};

/// Starts the program once more, and is a parent to all processes that have lost theirs. Ends with
/// the program, and then the kernel ends what is left.
pub(super) fn run(mark: &str) -> Result<Entered, EnclosureError> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| system("dying with the parent")(error.into()))?;
    if orphaned(mark).map_err(system("the parent's pipe"))? {
        return Ok(Entered::Left(ExitCode::FAILURE));
    }
    // What is mounted here stays here.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(|error| system("separating mounts")(error.into()))?;
    // Not every sandbox allows it; then /proc shows the processes by the machine's numbers.
    let hidden = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let _ = mount(SOURCE, "/proc", "proc", hidden, None);
    let signals = Signals::block().map_err(system("blocking signals"))?;
    let inside = again(INSIDE)
        .spawn()
        .map_err(system("starting the program again"))?;
    let id = i32::try_from(inside.id()).unwrap_or_default();
    let code = signals
        .forward_to(inside.id(), || reap(id))
        .map_err(system("waiting for the program"))?;
    Ok(Entered::Left(ExitCode::from(code)))
}

/// Whether the outer process ended before it was agreed that this one ends with it.
fn orphaned(mark: &str) -> io::Result<bool> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "the mark is for none of ours");
    let mut parts = mark.split(':');
    let (Some("init"), Some(Ok(fd))) = (parts.next(), parts.next().map(str::parse::<u32>)) else {
        return Err(wrong());
    };
    let pipe = File::open(format!("/proc/self/fd/{fd}"))?;
    let mut fds = [PollFd::new(
        std::os::fd::AsFd::as_fd(&pipe),
        PollFlags::empty(),
    )];
    poll(&mut fds, PollTimeout::ZERO)?;
    let seen = fds[0].revents().unwrap_or(PollFlags::empty());
    Ok(seen.contains(PollFlags::POLLHUP))
}

/// Takes note of all that have ended; the exit code of the program once it is among them.
fn reap(program: i32) -> io::Result<Option<u8>> {
    loop {
        let (pid, code) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, code),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, 128 + signal as i32),
            Ok(WaitStatus::StillAlive) => return Ok(None),
            Ok(_) | Err(nix::Error::EINTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if pid.as_raw() == program {
            return Ok(Some(u8::try_from(code & 0xff).unwrap_or(u8::MAX)));
        }
    }
}

//! Signals, passed on to a child until it ends.

use std::io;

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use rustix::process::{Pid, kill_process};

/// Sent by the kernel itself: of those here, by the terminal, to every process that the user sees
/// as one (SI_KERNEL).
const BY_TERMINAL: i32 = 0x80;

fn set() -> SigSet {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGCHLD,
    ] {
        set.add(signal);
    }
    set
}

/// Has the signals as always, which a process that was started by one that blocks them has not.
pub(super) fn unblock() -> io::Result<()> {
    Ok(set().thread_unblock()?)
}

/// Signals that no longer end this process, but are read.
#[derive(Debug)]
pub(super) struct Signals(SignalFd);

impl Signals {
    pub(super) fn block() -> io::Result<Self> {
        let set = set();
        set.thread_block()?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC)?))
    }

    /// Passes on what comes, until `ended` says how the child has ended. It is asked whenever a
    /// child has.
    pub(super) fn forward_to<T>(
        &self,
        child: u32,
        mut ended: impl FnMut() -> io::Result<Option<T>>,
    ) -> io::Result<T> {
        let child = i32::try_from(child).ok().and_then(Pid::from_raw);
        loop {
            if let Some(status) = ended()? {
                return Ok(status);
            }
            let Some(came) = self.0.read_signal()? else {
                continue;
            };
            let signal = i32::try_from(came.ssi_signo).unwrap_or_default();
            let terminal = came.ssi_code == BY_TERMINAL;
            if signal != Signal::SIGCHLD as i32
                && !terminal
                && let (Some(child), Some(signal)) =
                    (child, rustix::process::Signal::from_named_raw(signal))
            {
                // It may have ended just now, which the next signal says.
                let _ = kill_process(child, signal);
            }
        }
    }
}

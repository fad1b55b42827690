//! Threads that wait for packets, and for their end.

use std::{
    io,
    os::{fd::BorrowedFd, unix::net::UnixStream},
    thread::JoinHandle,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A thread of ours that ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    /// Closing it is the sign to end.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

/// The thread's side.
#[derive(Debug)]
pub(super) struct Stopped(UnixStream);

impl Worker {
    /// Starts a thread where the caller is: in the same namespaces.
    pub(super) fn start(
        name: &str,
        work: impl FnOnce(Stopped) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(Stopped(stopped)))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed when it happened.
            let _ = thread.join();
        }
    }
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There is something to read, or time is up.
    Go,
    /// The thread is to end.
    End,
}

impl Stopped {
    /// Waits until one of these has something to read, at most so long.
    pub(super) fn wait(
        &self,
        files: &[BorrowedFd<'_>],
        timeout: Option<Duration>,
    ) -> io::Result<Woken> {
        let mut fds: Vec<PollFd<'_>> = files
            .iter()
            .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
            .collect();
        fds.push(PollFd::new(&self.0, PollFlags::IN));
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ended = fds.last().is_none_or(|stop| !stop.revents().is_empty());
        Ok(if ended { Woken::End } else { Woken::Go })
    }
}

//! Everything that moves a file from one host to another. One file each.

mod aria2;
mod dolab;
mod iperf3;
mod libtorrent;
mod limit;
mod nginx;
mod rqbit;
mod rsync;
mod transmission;

use std::{fs, path::Path, process::Command, time::Instant};

use dolab_tests::{PATIENCE, Process};

use crate::{options::Options, stage::Stage};

/// One way to move a file, not looked for yet.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// As in the table and on the command line.
    pub(crate) name: &'static str,
    /// What the receiver compares the bytes with; `nothing` where it does not.
    pub(crate) verifies: &'static str,
    /// Whether the receiver ends up with a copy.
    pub(crate) stores: bool,
    /// Finds or installs what it needs, or says why it can not run.
    pub(crate) find: fn(&Options) -> Result<Box<dyn Competitor>, String>,
}

/// One way to move a file, ready to be used.
pub(crate) trait Competitor {
    /// Starts what offers the file on the sender's host, and waits until it does.
    fn send(&self, stage: &Stage) -> Sending;

    /// Bytes in a second as the receiver itself says it, where that is the figure to use.
    fn own_goodput(&self, _said: &str) -> Option<f64> {
        None
    }

    /// The command that only listens, on this port of every address, and may keep things in the
    /// folder. `None` where there is nothing that waits for peers.
    fn idle(&self, _folder: &Path) -> Option<(Command, u16)> {
        None
    }
}

/// A sender that is ready.
pub(crate) struct Sending {
    /// Keeps it running.
    pub(crate) process: Process,
    /// What has to run on the receiver's host so that the file is in the folder in the end, under
    /// the name that it has.
    pub(crate) receive: Box<dyn Fn(&Path) -> Receiving>,
}

/// A receiver, not started yet.
pub(crate) struct Receiving {
    pub(crate) command: Command,
    /// The clock starts with the line that holds this; with the program where it is empty.
    pub(crate) from: &'static str,
    /// It has the file when it prints a line that holds this; when it ends where it is empty.
    pub(crate) until: &'static str,
}

impl From<Command> for Receiving {
    fn from(command: Command) -> Self {
        Self {
            command,
            from: "",
            until: "",
        }
    }
}

/// All of them, in the order of the table.
pub(crate) const ALL: &[Entry] = &[
    iperf3::ENTRY,
    limit::RAW,
    limit::HASH,
    limit::STORE,
    limit::SERIAL,
    limit::PIPE,
    nginx::CURL,
    nginx::CURL_OPENSSL,
    nginx::CURL_SHA256SUM,
    rsync::ENTRY,
    aria2::ENTRY,
    transmission::ENTRY,
    rqbit::ENTRY,
    libtorrent::ENTRY,
    dolab::ENTRY,
];

/// Waits until a program listens on a port, for those that do not say it.
fn wait_for_port(process: &Process, port: u16) {
    let port = format!(":{port:04X}");
    let listens = |table: &str| {
        let path = format!("/proc/{}/net/{table}", process.id());
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next().is_some_and(|local| local.ends_with(&port));
            local && fields.nth(1) == Some("0A")
        })
    };
    wait_until("the sender listens", || listens("tcp") || listens("tcp6"));
}

/// Waits for what can only be looked at.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::yield_now();
    }
}

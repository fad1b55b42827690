//! What a device keeps in its state folder, for its next run and for other processes that look.
//!
//! Plain files that are replaced in one step. A socket would tell only while the device runs, and
//! would need an owner, a path and a protocol on every system; a file tells also of a device that
//! has stopped or was killed, which is when people ask. What is read is at most as old as
//! [`State::PERIOD`], and says when it was written.
//!
//! ```text
//! STATE/lock           held by the device that runs
//! STATE/state.json     this
//! STATE/log.jsonl      the log, and log.1.jsonl before it
//! STATE/cache/ID       a content, ID.partial while it is on its way, ID.phf its piece hashes
//! ```

mod account;
mod entry;
mod folder;
mod log_file;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    account::{About, Account, Gone, Registration, Trouble, TroubleKind},
    entry::Entry,
    folder::View,
};
pub(crate) use self::{
    folder::{Folder, replace},
    log_file::LogFile,
};
use crate::{
    counters::Month,
    report::{DoConfig, PerfSnap},
};

/// Everything about a device that others may read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Name and version of this form.
    pub schema: String,
    /// When it was written.
    pub written: Timestamp,
    /// The files that the device knows, oldest first. At most [`State::MAX_FILES`].
    pub files: Vec<Entry>,
    /// The device at that moment.
    pub perf: PerfSnap,
    /// The month.
    pub month: Month,
    /// Uploads to Internet peers in a month, in bytes; 0 is unlimited.
    pub monthly_cap: u64,
    /// The effective policies.
    pub config: DoConfig,
    /// Smallest file that may be peered, in bytes.
    pub min_cacheable: u64,
    /// What explains all that.
    #[serde(default)]
    pub about: About,
}

impl State {
    /// Name and version of the form.
    pub const SCHEMA: &str = "dolab.device-state/1";

    /// How often it is written while something changes.
    pub const PERIOD: Duration = Duration::from_secs(1);

    /// Files that are remembered. Of more, those that are not in the cache are forgotten first, the
    /// oldest of them first.
    pub const MAX_FILES: usize = 1024;

    /// Peers that are remembered, all files together. The oldest files lose theirs first.
    pub const MAX_PEERS: usize = 8192;

    /// As it is when nobody runs: nothing goes on.
    #[must_use]
    pub(crate) fn at_rest(mut self) -> Self {
        for file in &mut self.files {
            file.rest();
        }
        self.perf = PerfSnap {
            connections: Default::default(),
            number_of_peers: 0,
            cpu_usage_pct: 0.0,
            mem_usage_kb: 0,
            downlink_usage_bps: 0,
            uplink_usage_bps: 0,
            upload_count: 0,
            foreground_download_count: 0,
            foreground_downloads_pending: 0,
            background_download_count: 0,
            background_downloads_pending: 0,
            ..self.perf
        };
        self.about.listening = false;
        self
    }

    /// Forgets what is too much.
    pub(crate) fn trim(&mut self) {
        while self.files.len() > Self::MAX_FILES {
            let gone = self.files.iter().position(|file| !file.is_cached());
            self.files.remove(gone.unwrap_or(0));
        }
        let mut left = Self::MAX_PEERS;
        for file in self.files.iter_mut().rev() {
            file.peers.truncate(left);
            left -= file.peers.len();
        }
    }
}

/// Why a state folder can not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// There is none.
    #[error("{path} holds no device's state: `dolab fetch --cloud` or `dolab peer --cloud` with --state {path} makes one", path = .0.display())]
    Missing(PathBuf),
    /// A device runs with it.
    #[error("{path} belongs to a device that runs: stop that, or choose another folder with --state", path = .0.display())]
    InUse(PathBuf),
    /// What it holds was written by something else.
    #[error("{path} can not be read: {why}: choose another folder with --state", path = path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system says no.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

//! What is measured: who takes part, on which network, with how large a file.

use std::path::PathBuf;

use crate::options::{Options, Scenario};

/// Where a file system lives in memory.
pub(crate) const MEMORY: &str = "/dev/shm";

/// A scenario of transfers.
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) name: &'static str,
    /// Where the file and its copies lie.
    pub(crate) folder: PathBuf,
    pub(crate) size: u64,
    pub(crate) receivers: usize,
    /// In words of `tc`, what stands at the sender's end of the link.
    pub(crate) shape: Option<&'static str>,
    /// Memory that is warmed before each run.
    pub(crate) warm: u64,
    /// The competitor that the others are compared with.
    pub(crate) mark: &'static str,
    /// Who takes part when nobody is named on the command line.
    pub(crate) who: &'static [&'static str],
}

/// All of them. Transmission takes part in transfers only when it is named: its 3.00 asks for four
/// MiB twice a second, whatever the link.
pub(crate) fn plans(options: &Options) -> Vec<Plan> {
    let (size, half) = (options.size, options.size / 2);
    let one_to_one = Plan {
        scenario: Scenario::OneToOne,
        name: "one to one, in memory",
        folder: MEMORY.into(),
        size,
        receivers: 1,
        shape: None,
        warm: size * 5 / 4,
        mark: "pipe",
        who: &[
            "iperf3",
            "raw",
            "hash",
            "store",
            "serial",
            "pipe",
            "curl",
            "curl-openssl",
            "curl-sha256sum",
            "rsync",
            "aria2",
            "rqbit",
            "libtorrent",
            "dolab",
        ],
    };
    let disk = Plan {
        scenario: Scenario::Disk,
        name: "one to one, on a disk with a warm page cache",
        folder: options.disk.clone(),
        warm: size * 5 / 2,
        who: &[
            "pipe",
            "curl-openssl",
            "rsync",
            "rqbit",
            "libtorrent",
            "dolab",
        ],
        ..one_to_one.copy()
    };
    let one_to_four = Plan {
        scenario: Scenario::OneToFour,
        name: "one to four through a switch, in memory",
        size: half,
        receivers: 4,
        warm: half * 5,
        who: &["pipe", "curl", "rqbit", "libtorrent", "dolab"],
        ..one_to_one.copy()
    };
    let shaped = Plan {
        scenario: Scenario::Shaped,
        name: "one to one, over 1 Gbit/s",
        size: half,
        shape: Some("tbf rate 1gbit burst 256kb latency 20ms"),
        mark: "iperf3",
        who: &[
            "iperf3",
            "pipe",
            "curl",
            "rsync",
            "aria2",
            "rqbit",
            "libtorrent",
            "dolab",
        ],
        ..one_to_one.copy()
    };
    let mut plans = vec![one_to_one, disk, one_to_four, shaped];
    plans.retain(|plan| options.wants(plan.scenario));
    plans
}

/// Who starts up and then waits for peers.
pub(crate) const START_UP: &[&str] = &["aria2", "transmission", "rqbit", "dolab"];

impl Plan {
    fn copy(&self) -> Self {
        Self {
            folder: self.folder.clone(),
            ..*self
        }
    }

    /// Memory that has to be free for the file, its copies and the competitors themselves.
    pub(crate) fn memory(&self) -> u64 {
        let copies = self.size * self.receivers as u64;
        self.size + copies.max(self.warm) + (1 << 30)
    }
}

//! A transfer under tshark's eyes, and what it makes of the file.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::{Net, Process, Topology, not_run};
use tempfile::TempDir;

use crate::{
    content::write_sparse,
    peer::{self, Peer},
};

/// Bytes of the content that is shared: two pieces and a half.
pub(crate) const LENGTH: u64 = 5 << 19;

/// Two hosts on a switch, one of which shares a content, and tshark on its port.
pub(crate) struct Watched {
    pub(crate) net: Net,
    pub(crate) folder: TempDir,
    /// What tshark writes. Packets come to it in batches.
    pub(crate) capture: PathBuf,
    pub(crate) id: String,
    pub(crate) tshark: Process,
    _peer: Peer,
}

impl Watched {
    /// `None`, and said so, where this user may not have it or there is no tshark.
    pub(crate) fn start() -> Option<Self> {
        let net = Net::new(Topology::Switch)?;
        if version().is_none() {
            not_run("it needs tshark");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let capture = folder.path().join("transfer.pcapng");
        let original = folder.path().join("original.bin");
        write_sparse(&original, LENGTH, 1);
        let share = original.to_str().expect("the path is text");
        let peer = peer::start(net.there.dolab(), &["--share", share]);
        let mut tshark = net.middle.command("tshark");
        tshark
            .args(["-q", "-B", "64", "-i", "there", "-f", "tcp port 7680", "-w"])
            .arg(&capture);
        let tshark = Process::start(tshark);
        tshark.error_line(|line| line.contains("Capture started"));
        Some(Self {
            id: peer.content_id(),
            net,
            folder,
            capture,
            tshark,
            _peer: peer,
        })
    }

    /// Lets the other host fetch a content.
    pub(crate) fn fetch(&self, content: &str, name: &str) -> dolab_tests::Finished {
        let mut fetch = self.net.here.dolab();
        let from = self.net.there.address.to_string();
        fetch.args(["fetch", content, "--from", &from, "--output"]);
        fetch.arg(self.folder.path().join(name));
        Process::run(fetch)
    }
}

/// What it says of itself; `None` where it is not installed.
pub(crate) fn version() -> Option<String> {
    let version = Command::new("tshark").arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&version.stdout);
    Some(text.lines().next().unwrap_or_default().to_owned())
}

/// What it prints for these fields, a line for each packet that passes the filter. A file that is
/// still being written may end in the middle of a packet: then up to there.
pub(crate) fn fields(
    capture: &Path,
    preferences: &[&str],
    filter: &str,
    fields: &[&str],
) -> Vec<String> {
    let mut tshark = Command::new("tshark");
    tshark
        .args(preferences)
        .args(["-Y", filter, "-T", "fields", "-r"]);
    tshark.arg(capture);
    fields.iter().for_each(|field| {
        tshark.args(["-e", field]);
    });
    let finished = Process::run(tshark);
    finished.stdout.lines().map(str::to_owned).collect()
}

//! aria2, as a BitTorrent client.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::Process;

use super::{Competitor, Entry, Sending, wait_for_port};
use crate::{
    stage::{Stage, TORRENT_PORT},
    tools,
};

pub(super) const ENTRY: Entry = Entry {
    name: "aria2",
    verifies: "SHA-1",
    stores: true,
    find: |_| Ok(Box::new(Aria2(tools::program("aria2c", "aria2")?))),
};

struct Aria2(PathBuf);

/// No configuration of the user's, no other way to find peers than the tracker, no encryption.
const OPTIONS: &[&str] = &[
    "--no-conf",
    "--enable-dht=false",
    "--enable-dht6=false",
    "--bt-enable-lpd=false",
    "--enable-peer-exchange=false",
    "--bt-min-crypto-level=plain",
    "--file-allocation=none",
    "--console-log-level=error",
    "--summary-interval=0",
    "--show-console-readout=false",
];

impl Competitor for Aria2 {
    fn send(&self, stage: &Stage) -> Sending {
        let mut seeder = stage.sender().command(&self.0);
        seeder.args(OPTIONS);
        seeder.args(["--bt-seed-unverified=true", "--seed-ratio=0.0"]);
        seeder.arg(format!("--listen-port={TORRENT_PORT}"));
        seeder.arg("--dir").arg(&stage.shared).arg(&stage.torrent);
        let process = Process::start(seeder);
        wait_for_port(&process, TORRENT_PORT);
        let (program, torrent) = (self.0.clone(), stage.torrent.clone());
        let receive = move |folder: &Path| {
            let mut client = Command::new(&program);
            client.args(OPTIONS).arg("--seed-time=0");
            client.arg(format!("--listen-port={TORRENT_PORT}"));
            client.arg("--dir").arg(folder).arg(&torrent);
            client.into()
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }

    fn idle(&self, folder: &Path) -> Option<(Command, u16)> {
        let mut idle = Command::new(&self.0);
        idle.args(OPTIONS)
            .args(["--enable-rpc", "--rpc-listen-port=6800"]);
        idle.arg("--dir").arg(folder);
        Some((idle, 6800))
    }
}

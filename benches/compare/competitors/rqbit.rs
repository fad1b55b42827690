//! rqbit, on its single-threaded runtime: on two cores that is its best.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::Process;

use super::{Competitor, Entry, Sending};
use crate::{
    stage::{Stage, TORRENT_PORT},
    tools,
};

pub(super) const ENTRY: Entry = Entry {
    name: "rqbit",
    verifies: "SHA-1",
    stores: true,
    find: |_| Ok(Box::new(Rqbit(tools::crate_program("rqbit", "9.1.0")?))),
};

struct Rqbit(PathBuf);

/// No other way to find peers than the one that is named.
const OPTIONS: &[&str] = &[
    "--single-thread-runtime",
    "--disable-dht",
    "--disable-lsd",
    "--disable-trackers",
    "--disable-upnp-port-forward",
    "--ipv4-only",
    "--listen-ip=0.0.0.0",
];

impl Rqbit {
    fn arguments(command: &mut Command) {
        command.args(OPTIONS);
        command.arg(format!("--listen-port={TORRENT_PORT}"));
    }
}

impl Competitor for Rqbit {
    fn send(&self, stage: &Stage) -> Sending {
        let host = stage.sender();
        let mut seeder = host.command(&self.0);
        Self::arguments(&mut seeder);
        seeder.args(["download", "--disable-http-api", "--overwrite", "-o"]);
        seeder.arg(&stage.shared).arg(&stage.torrent);
        let process = Process::start(seeder);
        process.line(|line| line.contains("Initial check results"));
        let (program, torrent) = (self.0.clone(), stage.torrent.clone());
        let peer = format!("--initial-peers={}:{TORRENT_PORT}", host.address);
        let receive = move |folder: &Path| {
            let mut client = Command::new(&program);
            Self::arguments(&mut client);
            client.args(["download", "--disable-http-api", "--exit-on-finish"]);
            client.arg(&peer).arg("-o").arg(folder).arg(&torrent);
            client.into()
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }

    fn idle(&self, folder: &Path) -> Option<(Command, u16)> {
        let mut idle = Command::new(&self.0);
        Self::arguments(&mut idle);
        idle.args(["server", "start", "--disable-persistence"]);
        idle.arg(folder);
        Some((idle, TORRENT_PORT))
    }
}

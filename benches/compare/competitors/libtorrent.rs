//! libtorrent, by its Python bindings and with the best settings that were found.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::Process;

use super::{Competitor, Entry, Receiving, Sending};
use crate::{
    stage::{Stage, TORRENT_PORT},
    tools,
};

pub(super) const ENTRY: Entry = Entry {
    name: "libtorrent",
    verifies: "SHA-1",
    stores: true,
    find: |_| {
        Ok(Box::new(Libtorrent(tools::python_with(
            "libtorrent",
            "2.1.1",
        )?)))
    },
};

struct Libtorrent(PathBuf);

const SCRIPT: &str = include_str!("libtorrent.py");

impl Competitor for Libtorrent {
    fn send(&self, stage: &Stage) -> Sending {
        let host = stage.sender();
        let port = TORRENT_PORT.to_string();
        let mut seeder = host.command(&self.0);
        seeder.args(["-c", SCRIPT, "seed", &port]);
        seeder.arg(&stage.torrent).arg(&stage.shared);
        let process = Process::start(seeder);
        process.line(|line| line == "seeding");
        let (python, torrent) = (self.0.clone(), stage.torrent.clone());
        let peer = host.address.to_string();
        let receive = move |folder: &Path| {
            let mut command = Command::new(&python);
            command.args(["-c", SCRIPT, "fetch", &port]);
            command.arg(&torrent).arg(folder).arg(&peer);
            Receiving {
                command,
                from: "began", // Once Python has loaded everything.
                until: "",
            }
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }
}

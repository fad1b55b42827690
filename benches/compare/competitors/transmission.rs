//! Transmission. Its command-line client does for a transfer what its daemon does.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::Process;

use super::{Competitor, Entry, Receiving, Sending, wait_until};
use crate::{
    stage::{Stage, TORRENT_PORT},
    tools,
};

pub(super) const ENTRY: Entry = Entry {
    name: "transmission",
    verifies: "SHA-1",
    stores: true,
    find: |_| {
        Ok(Box::new(Transmission {
            client: tools::program("transmission-cli", "transmission-cli")?,
            daemon: tools::program("transmission-daemon", "transmission-daemon")?,
        }))
    },
};

struct Transmission {
    client: PathBuf,
    daemon: PathBuf,
}

/// No other way to find peers than the tracker, no encryption, no files made whole beforehand.
const SETTINGS: &str = r#"{ "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false,
"utp-enabled": false, "encryption": 0, "preallocation": 0, "port-forwarding-enabled": false,
"cache-size-mb": 16, "message-level": 2, "rpc-enabled": false }"#;

/// A folder of settings under another.
fn settings(folder: &Path) -> PathBuf {
    let folder = folder.join("settings");
    fs::create_dir(&folder).expect("a folder can be made");
    fs::write(folder.join("settings.json"), SETTINGS).expect("there is room for a few lines");
    folder
}

impl Competitor for Transmission {
    fn send(&self, stage: &Stage) -> Sending {
        let folder = stage.empty_folder("transmission");
        let said = folder.join("said");
        let mut seeder = stage.sender().command("sh");
        seeder.args(["-c", r#"exec "$@" >"$0""#]).arg(&said);
        seeder.arg(&self.client).arg("-g").arg(settings(&folder));
        seeder.args(["-p", &TORRENT_PORT.to_string(), "-w"]);
        seeder.arg(&stage.shared).arg(&stage.torrent);
        let process = Process::start(seeder);
        // Once it has checked the file. It says so without ever ending the line.
        wait_until("transmission seeds", || {
            fs::read_to_string(&said).is_ok_and(|said| said.contains("Seeding"))
        });
        let (program, torrent) = (self.client.clone(), stage.torrent.clone());
        let receive = move |folder: &Path| {
            let mut command = Command::new(&program);
            command.arg("-g").arg(settings(folder));
            command.args(["-p", &TORRENT_PORT.to_string(), "-w"]);
            command.arg(folder).arg(&torrent);
            Receiving {
                command,
                from: "",
                until: "State changed from \"Incomplete\" to \"Complete\"",
            }
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }

    fn idle(&self, folder: &Path) -> Option<(Command, u16)> {
        let mut idle = Command::new(&self.daemon);
        idle.arg("--foreground")
            .arg("--config-dir")
            .arg(settings(folder));
        idle.args(["--peerport", &TORRENT_PORT.to_string()]);
        Some((idle, TORRENT_PORT))
    }
}

//! The rsync daemon, which compares a checksum of the whole (xxh128 where both sides have it), no
//! cryptographic hash.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::Process;

use super::{Competitor, Entry, Sending, wait_for_port};
use crate::{
    stage::{NAME, Stage},
    tools,
};

pub(super) const ENTRY: Entry = Entry {
    name: "rsync",
    verifies: "xxh128",
    stores: true,
    find: |_| Ok(Box::new(Rsync(tools::program("rsync", "rsync")?))),
};

struct Rsync(PathBuf);

impl Competitor for Rsync {
    fn send(&self, stage: &Stage) -> Sending {
        let (host, folder) = (stage.sender(), stage.empty_folder("rsync"));
        let config = folder.join("rsyncd.conf");
        let text = format!(
            "uid = root\ngid = root\nuse chroot = no\nlog file = {}\n[share]\npath = {}\n",
            folder.join("log").display(),
            stage.shared.display(),
        );
        fs::write(&config, text).expect("there is room for a few lines");
        let mut daemon = host.command(&self.0);
        daemon.args(["--daemon", "--no-detach", "--port=8730", "--config"]);
        daemon.arg(&config);
        let process = Process::start(daemon);
        wait_for_port(&process, 8730);
        let (program, url) = (
            self.0.clone(),
            format!("rsync://{}:8730/share/{NAME}", host.address),
        );
        let receive = move |folder: &Path| {
            let mut client = Command::new(&program);
            client.args(["--whole-file", &url]).arg(folder.join(NAME));
            client.into()
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }
}

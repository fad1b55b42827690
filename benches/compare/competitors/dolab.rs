//! The program that all of this is about.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::Process;
use serde_json::Value;

use super::{Competitor, Entry, Sending};
use crate::stage::{NAME, Stage};

pub(super) const ENTRY: Entry = Entry {
    name: "dolab",
    verifies: "SHA-256",
    stores: true,
    find: |options| {
        let build = || dolab_tests::dolab().get_program().into();
        Ok(Box::new(Dolab(options.dolab.clone().unwrap_or_else(build))))
    },
};

/// `dolab peer --share` and `dolab fetch`.
struct Dolab(PathBuf);

impl Competitor for Dolab {
    fn send(&self, stage: &Stage) -> Sending {
        let mut peer = stage.sender().command(&self.0);
        peer.args(["peer", "--no-announce", "--json", "--share"]);
        peer.arg(&stage.file);
        let process = Process::start(peer);
        let sharing = json_line(&process, "sharing");
        let id = sharing["id"].as_str().expect("an id").to_owned();
        json_line(&process, "ready");
        let (program, address) = (self.0.clone(), stage.sender().address.to_string());
        let receive = move |folder: &Path| {
            let mut fetch = Command::new(&program);
            fetch.args([
                "fetch",
                &id,
                "--json",
                "--no-sync",
                "--from",
                &address,
                "--output",
            ]);
            fetch.arg(folder.join(NAME));
            fetch.into()
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }

    fn idle(&self, _folder: &Path) -> Option<(Command, u16)> {
        let mut idle = Command::new(&self.0);
        idle.args(["peer", "--no-announce"]);
        Some((idle, 7680))
    }
}

fn json_line(process: &Process, event: &str) -> Value {
    let wanted =
        |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|value| value["event"] == event);
    serde_json::from_str(&process.line(wanted)).expect("it was parsed a moment ago")
}

//! The program that all of this is about.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::{Namespace, Process};
use serde_json::Value;

use super::{Competitor, Sending};
use crate::stage::Stage;

/// `dolab peer --share` and `dolab fetch`.
pub(crate) struct Dolab {
    program: PathBuf,
}

impl Dolab {
    /// The program at that path, or one that is built now.
    pub(super) fn new(program: Option<PathBuf>) -> Self {
        let program = program.unwrap_or_else(|| dolab_tests::dolab().get_program().into());
        Self { program }
    }
}

impl Competitor for Dolab {
    fn name(&self) -> &'static str {
        "dolab"
    }

    fn verifies(&self) -> &'static str {
        "SHA-256"
    }

    fn send(&self, stage: &Stage, from: &Namespace) -> Sending {
        let mut peer = from.command(&self.program);
        peer.args(["peer", "--no-announce", "--json", "--share"]);
        peer.arg(&stage.file);
        let process = Process::start(peer);
        let sharing = json_line(&process, "sharing");
        let id = sharing["id"].as_str().expect("an id").to_owned();
        json_line(&process, "ready");
        let (program, address) = (self.program.clone(), from.address.to_string());
        let receive = move |output: &Path| {
            let mut fetch = Command::new(&program);
            fetch.args(["fetch", &id, "--json", "--from", &address, "--output"]);
            fetch.arg(output);
            fetch
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }
}

fn json_line(process: &Process, event: &str) -> Value {
    let wanted =
        |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|value| value["event"] == event);
    serde_json::from_str(&process.line(wanted)).expect("it was parsed a moment ago")
}

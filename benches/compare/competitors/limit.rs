//! The physical limit, and its parts: `benches/limit`.

use std::{path::Path, process::Command};

use dolab_tests::{Namespace, Process};

use super::{Competitor, Sending};
use crate::stage::{LIMIT, Stage};

/// A receiver of `benches/limit`.
pub(crate) struct Work {
    name: &'static str,
    verifies: &'static str,
}

pub(super) const WORKS: [Work; 5] = [
    work("raw", "nothing"),
    work("hash", "SHA-256"),
    work("store", "nothing"),
    work("serial", "SHA-256"),
    work("pipe", "SHA-256"),
];

const fn work(name: &'static str, verifies: &'static str) -> Work {
    Work { name, verifies }
}

impl Competitor for Work {
    fn name(&self) -> &'static str {
        self.name
    }

    fn verifies(&self) -> &'static str {
        self.verifies
    }

    fn send(&self, stage: &Stage, from: &Namespace) -> Sending {
        let address = format!("{}:9000", from.address);
        let mut sender = from.command(LIMIT);
        sender.arg("send").arg(&stage.file).arg(&address);
        let process = Process::start(sender);
        process.line(|line| line.starts_with("listening"));
        let (name, hashes) = (self.name, stage.hashes.clone());
        let receive = move |output: &Path| {
            let mut receiver = Command::new(LIMIT);
            receiver.args(["receive", name, &address]);
            receiver.arg(&hashes).arg(output);
            receiver
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }
}

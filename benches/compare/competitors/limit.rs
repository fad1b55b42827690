//! The physical limit, and its parts: `benches/limit`.

use std::{path::Path, process::Command};

use dolab_tests::Process;

use super::{Competitor, Entry, Sending};
use crate::stage::{LIMIT, NAME, Stage};

pub(super) const RAW: Entry = entry("raw", "nothing", false, |_| Ok(Box::new(Work("raw"))));
pub(super) const HASH: Entry = entry("hash", "SHA-256", false, |_| Ok(Box::new(Work("hash"))));
pub(super) const STORE: Entry = entry("store", "nothing", true, |_| Ok(Box::new(Work("store"))));
pub(super) const SERIAL: Entry = entry("serial", "SHA-256", true, |_| Ok(Box::new(Work("serial"))));
pub(super) const PIPE: Entry = entry("pipe", "SHA-256", true, |_| Ok(Box::new(Work("pipe"))));

type Find = fn(&crate::options::Options) -> Result<Box<dyn Competitor>, String>;

const fn entry(name: &'static str, verifies: &'static str, stores: bool, find: Find) -> Entry {
    Entry {
        name,
        verifies,
        stores,
        find,
    }
}

/// A receiver of `benches/limit`, by the name of its work.
struct Work(&'static str);

impl Competitor for Work {
    fn send(&self, stage: &Stage) -> Sending {
        let host = stage.sender();
        let address = format!("{}:9000", host.address);
        let mut sender = host.command(LIMIT);
        sender.arg("send").arg(&stage.file).arg(&address);
        let process = Process::start(sender);
        process.line(|line| line.starts_with("listening"));
        let (work, hashes) = (self.0, stage.hashes.clone());
        let receive = move |folder: &Path| {
            let mut receiver = Command::new(LIMIT);
            receiver.args(["receive", work, &address]);
            receiver.arg(&hashes).arg(folder.join(NAME));
            receiver.into()
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }
}

//! `dolab peer`, running.

use std::{ops::Deref, process::Command};

use dolab_tests::{Finished, Process};
use serde_json::Value;

/// A peer that is ready.
#[derive(Debug)]
pub(crate) struct Peer(Process);

/// Starts `dolab peer` with these arguments and waits until it is ready.
pub(crate) fn start(mut dolab: Command, arguments: &[&str]) -> Peer {
    dolab.args(["peer", "--json", "-vv"]).args(arguments);
    let process = Process::start(dolab);
    process.line(|line| parse(line, "ready").is_some());
    Peer(process)
}

impl Peer {
    /// The TCP port of its exchange.
    pub(crate) fn port(&self) -> u16 {
        let ready = self.event("ready")["port"].as_u64().expect("a port");
        ready.try_into().expect("a port has 16 bits")
    }

    /// The id of what it shares.
    pub(crate) fn content_id(&self) -> String {
        self.event("sharing")["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    fn event(&self, name: &str) -> Value {
        let line = self.0.line(|line| parse(line, name).is_some());
        parse(&line, name).expect("it was one a moment ago")
    }

    pub(crate) fn into_process(self) -> Process {
        self.0
    }
}

impl Deref for Peer {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

/// The event of this name that a line of `--json` holds, if it does.
pub(crate) fn parse(line: &str, name: &str) -> Option<Value> {
    let event: Value = serde_json::from_str(line).ok()?;
    (event["event"] == name).then_some(event)
}

/// The final document of `--json`.
pub(crate) fn document(finished: &Finished) -> Value {
    let line = finished.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| {
        panic!(
            "no final document: {error}\n{}\n{}",
            finished.stdout, finished.stderr
        )
    })
}

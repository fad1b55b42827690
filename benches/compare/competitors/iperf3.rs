//! The wire alone, by its own account.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use dolab_tests::Process;
use serde_json::Value;

use super::{Competitor, Entry, Sending};
use crate::{stage::Stage, tools};

pub(super) const ENTRY: Entry = Entry {
    name: "iperf3",
    verifies: "nothing",
    stores: false,
    find: |_| Ok(Box::new(Iperf3(tools::program("iperf3", "iperf3")?))),
};

struct Iperf3(PathBuf);

impl Competitor for Iperf3 {
    fn send(&self, stage: &Stage) -> Sending {
        let host = stage.sender();
        let mut server = host.command(&self.0);
        server.args(["--server", "--forceflush"]);
        let process = Process::start(server);
        process.line(|line| line.contains("Server listening"));
        let (program, size) = (self.0.clone(), stage.size.to_string());
        let address = host.address.to_string();
        let receive = move |_: &Path| {
            let mut client = Command::new(&program);
            client.args(["--json", "--reverse", "--bytes", &size]);
            client.args(["--client", &address]);
            client.into()
        };
        Sending {
            process,
            receive: Box::new(receive),
        }
    }

    fn own_goodput(&self, said: &str) -> Option<f64> {
        let report: Value = serde_json::from_str(said).ok()?;
        let bits = report["end"]["sum_received"]["bits_per_second"].as_f64()?;
        Some(bits / 8.0)
    }
}

//! A whole site: a cloud, subnets and NATs, devices in every mode. Who is offered whom, and where
//! bytes come from, is what the facts say.

mod admin;
mod bands;
mod followed;
mod gates;
mod kept;
mod killed;
mod surroundings;
mod table;

use std::path::{Path, PathBuf};

use dolab_tests::{Finished, Namespace, Process};
use serde_json::Value;

use crate::peer;

/// Larger than what runs in Simple mode for its size alone (documented: below 10 MB).
const SIZE: &str = "12MiB";

/// The cloud and its one content.
struct Cloud {
    process: Process,
    folder: tempfile::TempDir,
    address: String,
    url: String,
    bytes: u64,
}

impl Cloud {
    /// Starts it on a host, with the real ports.
    fn start(host: &Namespace, size: &str) -> Self {
        Self::start_with(host, size, &[])
    }

    /// The same, with more arguments.
    fn start_with(host: &Namespace, size: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let address = host.address.to_string();
        let mut cloud = host.dolab();
        cloud.args(["cloud", "--json", "--listen", &address]);
        cloud.args(["--share-synthetic", size]).args(more);
        cloud.arg("--ca-out").arg(folder.path().join("ca.pem"));
        let process = Process::start(cloud);
        let serving = process.line(|line| peer::parse(line, "serving").is_some());
        let serving = peer::parse(&serving, "serving").expect("it was just parsed");
        process.line(|line| peer::parse(line, "ready").is_some());
        Self {
            url: serving["url"].as_str().expect("a text").to_owned(),
            bytes: serving["bytes"].as_u64().expect("a number"),
            process,
            folder,
            address,
        }
    }

    /// The addresses of its first contents.
    fn urls(&self, count: usize) -> Vec<String> {
        let said = self.process.output_so_far();
        let serving = said.lines().filter_map(|line| peer::parse(line, "serving"));
        let urls = serving.filter_map(|it| it["url"].as_str().map(str::to_owned));
        let urls: Vec<_> = urls.take(count).collect();
        assert_eq!(urls.len(), count, "{said}");
        urls
    }

    /// A device that downloads the content, with these policies, and keeps its state under a name.
    fn device(
        &self,
        host: &Namespace,
        name: &str,
        policies: &[(&str, &str)],
        more: &[&str],
    ) -> Device {
        let state = self.folder.path().join(name);
        let file = self.folder.path().join(format!("{name}.toml"));
        let mut text = String::from(BASE);
        for (policy, value) in policies {
            text.push_str(&format!("{policy} = {value}\n"));
        }
        std::fs::write(&file, text).expect("the folder can be written to");
        let mut fetch = host.dolab();
        fetch.args(["fetch", &self.url, "--json", "-vv", "--force"]);
        fetch.args(["--cloud", &format!("https://{}", self.address)]);
        fetch.arg("--ca").arg(self.folder.path().join("ca.pem"));
        fetch.arg("--policy").arg(&file);
        fetch.arg("--state").arg(&state);
        fetch
            .arg("--output")
            .arg(self.folder.path().join(format!("{name}.bin")));
        fetch.args(more);
        Device {
            process: Process::start(fetch),
            state,
        }
    }
}

/// What lets a small machine and a small content take part.
const BASE: &str = "\
DOMinFileSizeToCache = 1
DOMinRAMAllowedToPeer = 1
DOMinDiskSizeAllowedToPeer = 1
";

/// A device.
struct Device {
    process: Process,
    state: PathBuf,
}

impl Device {
    /// Waits until it is whole, and the cloud offers it to others.
    fn seeds(&self) {
        self.process
            .line(|line| peer::parse(line, "offered").is_some());
    }

    /// Waits until it has ended.
    fn ends(self) -> (Finished, PathBuf) {
        (self.process.finish(), self.state)
    }
}

/// What the program says of a device that has stopped.
fn ask(arguments: &[&str], state: &Path) -> Value {
    let mut command = dolab_tests::dolab();
    command
        .args(arguments)
        .arg("--json")
        .arg("--state")
        .arg(state);
    let finished = Process::run(command);
    finished.assert_code(0);
    peer::document(&finished)
}

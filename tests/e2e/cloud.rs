//! `dolab cloud`, before strangers: curl asks it, nginx stands behind its cache, and it is killed.

mod killed;
pub(crate) mod nginx;

use std::{fs, path::Path, process::Command};

use dolab_tests::{Process, dolab};
use serde_json::Value;
use tempfile::TempDir;

use crate::peer::parse;

/// A cloud on loopback that is ready.
pub(crate) struct Cloud {
    pub(crate) process: Process,
    pub(crate) folder: TempDir,
}

impl Cloud {
    /// Starts one with these arguments beside those that keep it to itself.
    fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
        Self::start_in(folder, arguments)
    }

    fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        let mut command = dolab();
        command
            .args(["cloud", "--json", "--listen", "127.0.0.1"])
            .args(["--https", "0", "--http", "0", "--quic", "0", "--ca-out"])
            .arg(folder.path().join("ca.pem"))
            .args(arguments);
        let process = Process::start(command);
        process.line(|line| parse(line, "ready").is_some());
        Self { process, folder }
    }

    fn event(&self, name: &str) -> Value {
        let line = self.process.line(|line| parse(line, name).is_some());
        parse(&line, name).expect("it was one a moment ago")
    }

    fn port(&self, name: &str) -> u64 {
        self.event("ready")[name].as_u64().expect("a port")
    }

    fn https(&self) -> String {
        format!("https://127.0.0.1:{}", self.port("https"))
    }

    fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.port("http"))
    }

    fn curl(&self) -> Command {
        curl(&self.folder.path().join("ca.pem"))
    }
}

fn curl(authority: &Path) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time"])
        .args(["100", "--cacert"])
        .arg(authority);
    curl
}

/// What curl writes.
fn output(mut curl: Command) -> Vec<u8> {
    let output = curl.output().expect("curl is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{curl:?}: {said}");
    output.stdout
}

#[test]
fn a_content_is_served_as_it_was_said() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
    let shared = folder.path().join("shared");
    fs::create_dir(&shared).expect("a folder can be made");
    for (name, size) in [("a.cab", 3_000_001), ("b.cab", 10)] {
        let bytes: Vec<u8> = (0..size).map(|n: u32| (n % 251) as u8).collect();
        fs::write(shared.join(name), bytes).expect("a file can be written");
    }
    let cloud = Cloud::start(&["--share", shared.to_str().expect("the path is text")]);
    let served = cloud.event("serving");
    assert_eq!(served["name"], "a.cab");
    let field = |name: &str| served[name].as_str().expect("a text").to_owned();
    for version in ["--http1.1", "--http2"] {
        let mut curl = cloud.curl();
        curl.args([version, &field("url")]);
        let original = fs::read(shared.join("a.cab")).expect("it is there");
        assert!(output(curl) == original);
    }
    let mut curl = cloud.curl();
    curl.arg(field("pieces_hash_url"));
    let hashes: Value = serde_json::from_slice(&output(curl)).expect("JSON");
    assert_eq!(hashes["ContentLength"], 3_000_001);
    let ended = cloud.process.interrupt();
    ended.assert_code(0);
    let last = ended.stdout.lines().last().unwrap_or_default();
    assert!(last.contains("\"schema\":\"dolab.cloud/1\""), "{last}");
}

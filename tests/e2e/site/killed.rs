//! kill -9 in the middle of a download: the next run goes on from what the disk has, and only if it
//! is still of the same content.

use std::{fs, path::Path, process::Command, time::Instant};

use dolab_tests::{Lan, PATIENCE, Process, dolab};
use serde_json::Value;

use super::{Cloud, SIZE, ask, peer};
use crate::cloud::nginx::Nginx;

/// Waits until so many bytes have come, and kills it.
fn kill_at(process: Process, bytes: u64) {
    let far = |line: &str| {
        let progress = peer::parse(line, "progress")?;
        progress["bytes"].as_u64().filter(|&now| now >= bytes)
    };
    process.line(|line| far(line).is_some());
    process.kill();
}

#[test]
fn a_hybrid_download_goes_on_from_the_pieces_it_has() {
    let Some(lan) = Lan::cable() else { return };
    let [host, device] = &lan.hosts[..] else {
        panic!("a cable has two ends");
    };
    let slowly = ["--fault", "path=/filestreamingservice/*,slow=2m"];
    let slow = Cloud::start_with(host, SIZE, &slowly);
    let begun = slow.device(device, "killed", &[], &["--share-for", "10m"]);
    let number = |value: &Value| value.as_u64().expect("a number");
    // The account is written down now and then: some of it has to be there.
    let deadline = Instant::now() + PATIENCE;
    begun
        .process
        .line(|line| peer::parse(line, "progress").is_some());
    while number(&ask(&["status"], &begun.state)["files"][0]["status"]["BytesFromHttp"]) == 0 {
        assert!(Instant::now() < deadline, "nothing is accounted for");
    }
    kill_at(begun.process, 4 << 20);

    let status = ask(&["status"], &begun.state);
    assert_eq!(status["running"], false);
    let file = &status["files"][0]["status"];
    assert_eq!(file["Status"], "Paused", "{file}");
    let paid = number(&file["BytesFromHttp"]);
    let Cloud {
        process, folder, ..
    } = slow;
    process.interrupt().assert_code(0);

    // The same content, and a cloud with another authority.
    let mut cloud = Cloud::start(host, SIZE);
    let authority = folder.path().join("ca.pem");
    fs::copy(cloud.folder.path().join("ca.pem"), authority).expect("it can be copied");
    cloud.folder = folder;
    let (finished, state) = cloud.device(device, "killed", &[], &[]).ends();
    finished.assert_code(0);
    let document = peer::document(&finished);
    let (had, came) = (&document["local_cache_bytes"], &document["from"]["cdn"]);
    assert!(number(had) >= 1 << 20, "{document}");
    let file = &ask(&["status"], &state)["files"][0]["status"];
    assert_eq!(file["Status"], "Caching");
    assert_eq!(file["FileSizeInCache"], cloud.bytes);
    let sources = document["sources"].as_array().expect("an array");
    let fetched: u64 = sources.iter().map(|it| number(&it["bytes"])).sum();
    // What the first run paid for is in the account too.
    assert_eq!(number(came), paid + fetched, "{document}");
    assert_eq!(fetched + number(had), cloud.bytes, "{document}");
}

#[test]
fn a_simple_download_goes_on_where_the_disk_has_it() {
    let folder = served(1);
    let Some(nginx) = Nginx::start(folder.path(), SLOWLY) else {
        return;
    };
    let place = Place::new(folder.path(), nginx.port);
    kill_at(place.fetch(), 12 << 20);
    let finished = place.fetch().finish();
    finished.assert_code(0);
    let document = peer::document(&finished);
    assert!(
        document["local_cache_bytes"].as_u64() >= Some(8 << 20),
        "{document}"
    );
    assert!(place.bytes() == bytes(1), "every byte is the server's");
    // The server was asked for the rest, and had it.
    let log = place.log();
    assert_eq!(log.matches("\" 206 ").count(), 1, "{log}");
}

#[test]
fn a_simple_download_begins_anew_when_the_content_has_changed() {
    let folder = served(1);
    let Some(nginx) = Nginx::start(folder.path(), SLOWLY) else {
        return;
    };
    let place = Place::new(folder.path(), nginx.port);
    kill_at(place.fetch(), 12 << 20);
    serve(folder.path(), 2);
    let finished = place.fetch().finish();
    finished.assert_code(0);
    assert!(
        place.bytes() == bytes(2),
        "nothing of the old content is left"
    );
    let document = peer::document(&finished);
    assert_eq!(document["local_cache_bytes"], 0, "{document}");
    // If-Range made the server send the whole.
    let log = place.log();
    assert_eq!(log.matches("\" 200 ").count(), 2, "{log}");
}

const LENGTH: usize = 32 << 20;

/// For nginx. Progress is told every second, so several times between the bytes at which a download is
/// killed and its end.
const SLOWLY: &str = "limit_rate 6m;";

fn bytes(seed: usize) -> Vec<u8> {
    (0..LENGTH).map(|n| (n / 7 * seed % 251) as u8).collect()
}

/// A folder for nginx with one file in it.
fn served(seed: usize) -> tempfile::TempDir {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.expect("a folder can be made");
    fs::create_dir(folder.path().join("root")).expect("a folder can be made");
    serve(folder.path(), seed);
    folder
}

/// nginx makes its tag of length and time: the time of the second is another one.
fn serve(folder: &Path, seed: usize) {
    let path = folder.join("root/update.cab");
    fs::write(&path, bytes(seed)).expect("it can be written");
    let mut touch = Command::new("touch");
    touch
        .arg("-d")
        .arg(format!("2026-01-0{seed} 00:00"))
        .arg(path);
    assert!(touch.status().is_ok_and(|status| status.success()));
}

/// A device without a cloud, and what it wants of nginx.
struct Place<'a> {
    folder: &'a Path,
    url: String,
}

impl<'a> Place<'a> {
    fn new(folder: &'a Path, port: u16) -> Self {
        let url = format!("http://127.0.0.1:{port}/update.cab");
        Self { folder, url }
    }

    fn fetch(&self) -> Process {
        let mut fetch = dolab();
        fetch.args(["fetch", &self.url, "--json", "--force", "--no-announce"]);
        fetch.args(["--listen", "127.0.0.1", "--port", "0"]);
        fetch.arg("--state").arg(self.folder.join("state"));
        fetch.arg("--output").arg(self.folder.join("out.bin"));
        Process::start(fetch)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.folder.join("out.bin")).expect("it was delivered")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("access.log")).expect("nginx writes a log")
    }
}

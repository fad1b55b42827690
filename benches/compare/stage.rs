//! What every competitor finds: the file, its hashes, the hosts and places for the copies.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use dolab_content::{Source as _, Synthetic};
use dolab_tests::{Lan, Namespace, Process, note};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::{inside, torrent};

const MIB: u64 = 1 << 20;
/// The name of the shared file and of its copies.
pub(crate) const NAME: &str = "noise";
/// Where BitTorrent clients listen.
pub(crate) const TORRENT_PORT: u16 = 6881;

/// The program that serves and receives at the physical limit; cargo builds it with this one.
pub(crate) const LIMIT: &str = env!("CARGO_BIN_EXE_limit");

const PREFIX: &str = "dolab-compare-";

/// The hosts, the file that one of them shares, and what is known of it.
pub(crate) struct Stage {
    lan: Lan,
    pub(crate) size: u64,
    /// The folder that holds only the shared file.
    pub(crate) shared: PathBuf,
    pub(crate) file: PathBuf,
    /// The SHA-256 of the whole, in hex.
    pub(crate) sha256: String,
    /// The SHA-256 of each MiB, as `limit hashes` prints it.
    pub(crate) hashes: PathBuf,
    pub(crate) torrent: PathBuf,
    /// Memory that is warmed before each run: more than it will use.
    warm: u64,
    _tracker: Process,
    /// Removed with all that is in it when this is dropped.
    folder: TempDir,
}

impl Stage {
    /// Fills a folder under `parent` with noise of that size.
    pub(crate) fn set_up(lan: Lan, parent: &Path, size: u64, warm: u64) -> Self {
        remove_stale(parent);
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(parent)
            .unwrap_or_else(|error| panic!("{}: no folder there: {error}", parent.display()));
        let shared = folder.path().join("shared");
        fs::create_dir(&shared).expect("a folder can be made");
        let file = shared.join(NAME);
        write_noise(&file, size).expect("there is room for the file");
        let hashes = folder.path().join("hashes");
        let text = Command::new(LIMIT).arg("hashes").arg(&file).output();
        fs::write(&hashes, text.expect("cargo has built it").stdout)
            .expect("there is room for the hashes");
        // On a receiver's host, so that what it takes is in nobody's bill.
        let tracker = format!("{}:6969", lan.hosts[1].address);
        let url = format!("http://{tracker}/announce");
        let torrent = folder.path().join("noise.torrent");
        let bytes = torrent::of(&file, NAME, &url).expect("the file can be read");
        fs::write(&torrent, bytes).expect("there is room for the torrent");
        let tracker = start_tracker(&lan, &tracker);
        Self {
            sha256: sha256(&file).expect("the file can be read"),
            lan,
            size,
            shared,
            file,
            hashes,
            torrent,
            warm,
            _tracker: tracker,
            folder,
        }
    }

    /// The host that has the file.
    pub(crate) fn sender(&self) -> &Namespace {
        &self.lan.hosts[0]
    }

    /// The hosts that want it.
    pub(crate) fn receivers(&self) -> &[Namespace] {
        &self.lan.hosts[1..]
    }

    /// An empty folder of that name; one that was there before is gone with all that was in it.
    pub(crate) fn empty_folder(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a folder can be made");
        path
    }

    /// Gives the run that follows a machine that is at rest: nothing left to be written back to a
    /// disk, and memory that was touched and freed a moment ago.
    pub(crate) fn prepare(&self) {
        rustix::fs::sync();
        let mut warm = Command::new(inside::own_path());
        warm.args([inside::WARM, &self.warm.to_string()]);
        assert!(
            warm.status().is_ok_and(|status| status.success()),
            "{} bytes of memory can not be had",
            self.warm
        );
    }

    /// Whether a copy is the same, byte for byte.
    pub(crate) fn is_same(&self, copy: &Path) -> io::Result<bool> {
        Ok(copy.metadata()?.len() == self.size && sha256(copy)? == self.sha256)
    }
}

fn start_tracker(lan: &Lan, address: &str) -> Process {
    let mut tracker = lan.hosts[1].command(inside::own_path());
    let seeder = format!("{}:{TORRENT_PORT}", lan.hosts[0].address);
    tracker.args([inside::TRACKER, address, &seeder]);
    let tracker = Process::start(tracker);
    tracker.line(|line| line.starts_with("listening"));
    tracker
}

fn write_noise(path: &Path, size: u64) -> io::Result<()> {
    let noise = Synthetic::new(7, size);
    let mut file = fs::File::create(path)?;
    let mut buffer = vec![0; MIB as usize];
    for offset in (0..size).step_by(buffer.len()) {
        let len = (size - offset).min(MIB) as usize;
        noise
            .read_at(offset, &mut buffer[..len])
            .map_err(io::Error::other)?;
        file.write_all(&buffer[..len])?;
    }
    // On a disk, so that writing it back is over when the measuring begins.
    file.sync_all()
}

fn sha256(path: &Path) -> io::Result<String> {
    let (mut file, mut hash) = (fs::File::open(path)?, Sha256::new());
    let mut buffer = vec![0; MIB as usize];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    let digits = hash.finalize();
    Ok(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Removes what runs left that were killed before they could clean up.
fn remove_stale(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove(&entry.path());
        }
    }
}

/// Removes what this process has under `parent`: for when it has to end at once.
pub(crate) fn remove_own(parent: &Path) {
    let own = format!("{PREFIX}{}-", std::process::id());
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&own) {
            remove(&entry.path());
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path) {
        note(&format!("{}: not removed: {error}", path.display()));
    }
}

//! What every competitor finds: the file, its hashes, the network and a place for the copies.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use dolab_content::{Source as _, Synthetic};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;
/// The name of the shared file.
pub(crate) const NAME: &str = "noise";

/// The program that serves and receives at the physical limit; cargo builds it with this one.
pub(crate) const LIMIT: &str = env!("CARGO_BIN_EXE_limit");

/// The file that is shared, and what is known of it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) size: u64,
    pub(crate) file: PathBuf,
    /// The SHA-256 of each MiB, as `limit hashes` prints it.
    pub(crate) hashes: PathBuf,
    /// For all that competitors want to keep during a run.
    pub(crate) scratch: PathBuf,
    /// Removed with all that is in it when this is dropped.
    _folder: TempDir,
}

impl Stage {
    /// Fills a folder under `parent` with noise of that size.
    pub(crate) fn set_up(parent: &Path, size: u64) -> Self {
        let folder = tempfile::Builder::new()
            .prefix(&format!("dolab-compare-{}-", std::process::id()))
            .tempdir_in(parent)
            .expect("a folder can be made");
        let (shared, scratch) = (folder.path().join("shared"), folder.path().join("scratch"));
        for folder in [&shared, &scratch] {
            fs::create_dir(folder).expect("a folder can be made");
        }
        let file = shared.join(NAME);
        write_noise(&file, size);
        let hashes = folder.path().join("hashes");
        let text = Command::new(LIMIT)
            .arg("hashes")
            .arg(&file)
            .output()
            .expect("cargo has built it");
        fs::write(&hashes, text.stdout).expect("there is room for the hashes");
        Self {
            size,
            file,
            hashes,
            scratch,
            _folder: folder,
        }
    }
}

fn write_noise(path: &Path, size: u64) {
    let noise = Synthetic::new(7, size);
    let mut file = fs::File::create(path).expect("a file can be made");
    let mut buffer = vec![0; MIB as usize];
    for offset in (0..size).step_by(buffer.len()) {
        let len = (size - offset).min(MIB) as usize;
        noise
            .read_at(offset, &mut buffer[..len])
            .expect("noise can be had");
        file.write_all(&buffer[..len])
            .expect("there is room for the file");
    }
}

/// Touches and frees memory, so that the run that follows finds it warm.
pub(crate) fn warm(bytes: u64) {
    let own = env::current_exe().expect("this program has a path");
    let status = Command::new(own)
        .args([crate::inside::WARM, &bytes.to_string()])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "{bytes} bytes of memory can not be had"
    );
}

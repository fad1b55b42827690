//! Disks that are full or read-only, made with a small tmpfs in a mount namespace of their own,
//! and a limit on the size of files. The process in there is this test binary itself.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy does not take for tests"
)]

use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use dolab_content::{
    Existing, Layout, PiecesHashFile, Sink, Source, Store, StoreError, Synthetic, hash_source,
};

const FOLDER: &str = "DOLAB_TEST_DISK_FOLDER";
const LENGTH: u64 = 3 << 20;
const PIECE: u32 = 64 << 10;

fn hashes() -> Arc<PiecesHashFile> {
    let layout = Layout::new(LENGTH, PIECE).unwrap();
    Arc::new(hash_source(&content(), layout, 1, &|_| {}).unwrap())
}

fn content() -> Synthetic {
    Synthetic::new(6, LENGTH)
}

fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(folder.join("file"), hashes(), Existing::Keep)
}

/// Writes what is missing until something goes wrong.
fn fill(store: &Store) -> Result<(), StoreError> {
    let layout = store.hashes().layout();
    let there = store.pieces();
    for piece in (0..layout.pieces()).filter(|&piece| !there.contains(piece)) {
        let mut bytes = vec![0; layout.piece_len(piece).unwrap() as usize];
        content().read_at(layout.offset(piece), &mut bytes).unwrap();
        store.write_piece(piece, &bytes)?;
    }
    Ok(())
}

/// Runs the test `name` of this binary behind a shell script that prepares the ground; `$0` is a
/// folder, `$@` the command.
fn inside(script: &str, name: &str, namespace: bool) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(if namespace { "unshare" } else { "sh" });
    if namespace {
        command.args(["--map-root-user", "--mount", "sh"]);
    }
    command.args(["-c", script]).arg(folder.path());
    command
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"]);
    command.env(FOLDER, folder.path()).output().unwrap()
}

fn assert_ran(output: &Output) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

/// Whether there may be a mount namespace; where it is required there has to be.
fn namespaces() -> bool {
    let probe = Command::new("unshare")
        .args([
            "--map-root-user",
            "--mount",
            "mount",
            "-t",
            "tmpfs",
            "tmpfs",
            "/tmp",
        ])
        .output();
    let there = probe.is_ok_and(|output| output.status.success());
    let required = env::var_os("DOLAB_REQUIRE_NETNS").is_some_and(|value| value == "1");
    assert!(
        there || !required,
        "DOLAB_REQUIRE_NETNS is set, and no namespace can be made"
    );
    if !there {
        println!("did not run: no mount namespace can be made here");
    }
    there
}

#[test]
fn a_full_disk_loses_nothing() {
    if namespaces() {
        let script = "mount -t tmpfs -o size=1m tmpfs \"$0\" && exec \"$@\"";
        assert_ran(&inside(script, "in_a_disk_of_one_mebibyte", true));
    }
}

#[test]
fn in_a_disk_of_one_mebibyte() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let store = open(folder).unwrap();
    let mut counts = Vec::new();
    for _ in 0..3 {
        let error = fill(&store).unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
        counts.push(store.pieces().count());
    }
    assert!(
        (10..16).contains(&counts[0]) && counts == [counts[0]; 3],
        "{counts:?}"
    );
    assert!(store.verify(1, &|_| {}).unwrap().is_empty());
    drop(store);

    // A resume on the full disk: a whole piece can not be added, and none is lost.
    let store = match open(folder) {
        Ok(store) => {
            let error = fill(&store).unwrap_err();
            assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
            assert_eq!(store.pieces().count(), counts[0]);
            Some(store)
        }
        Err(error) => {
            assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
            None
        }
    };
    drop(store);

    // Nothing at all can be begun when there is no byte left.
    let filler = folder.join("filler");
    let full = fs::write(&filler, vec![1; 1 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let error = Store::open(folder.join("other"), hashes(), Existing::Keep).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    fs::remove_file(filler).unwrap();

    let grown = Command::new("mount")
        .args(["-o", "remount,size=8m"])
        .arg(folder)
        .status()
        .unwrap();
    assert!(grown.success());
    let store = open(folder).unwrap();
    assert_eq!(store.pieces().count(), counts[0]);
    fill(&store).unwrap();
    store.finish().unwrap();
    let mut whole = vec![0; LENGTH as usize];
    content().read_at(0, &mut whole).unwrap();
    assert!(fs::read(folder.join("file")).unwrap() == whole);
}

#[test]
fn a_read_only_disk_is_called_so() {
    if namespaces() {
        let script = "mount -t tmpfs -o size=8m tmpfs \"$0\" && exec \"$@\"";
        assert_ran(&inside(script, "in_a_disk_that_becomes_read_only", true));
    }
}

#[test]
fn in_a_disk_that_becomes_read_only() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let remount = |how| {
        let done = Command::new("mount")
            .args(["-o", how])
            .arg(folder)
            .status()
            .unwrap();
        assert!(done.success());
    };
    let store = open(folder).unwrap();
    fill(&store).unwrap();
    drop(store);
    remount("remount,ro");
    let error = open(folder).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    remount("remount,rw");
    let store = open(folder).unwrap();
    assert!(store.pieces().is_full());
    store.finish().unwrap();
}

#[test]
fn a_file_that_may_not_grow_so_large_is_called_so() {
    // The signal that goes with the limit would end the process.
    let script = "trap '' XFSZ && ulimit -f 1000 && exec \"$@\"";
    assert_ran(&inside(script, "with_a_limit_of_a_thousand_blocks", false));
}

#[test]
fn with_a_limit_of_a_thousand_blocks() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let error = open(folder.as_ref()).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
}

//! `dolab demo`, which is what a newcomer types first.

use std::{fs, path::Path};

use dolab_tests::{Finished, Process, dolab, parse_report};
use tempfile::TempDir;

#[test]
fn it_proves_itself_and_leaves_nothing_behind() {
    let home = home();
    let finished = demo(home.path(), &["--size", "32MiB"]).finish();
    finished.assert_code(0);
    assert!(!finished.stdout.is_empty());
    assert_untouched(home.path());
}

#[test]
fn its_document_is_what_the_schema_says() {
    let home = home();
    let finished = demo(home.path(), &["--size", "8MiB", "--json"]).finish();
    let report = parse_report(&finished);
    assert_eq!(report["verdict"], "pass", "{report:#}");
    for moved in report["exchange"].as_array().expect("the schema says so") {
        assert_eq!(moved["bytes"], 8 << 20, "{report:#}");
        assert_eq!(moved["verified"], moved["pieces"], "{report:#}");
    }
}

#[test]
fn several_at_once_find_free_ports() {
    let homes: Vec<TempDir> = (0..3).map(|_| home()).collect();
    let start = |home: &TempDir| demo(home.path(), &["--size", "8MiB"]);
    let demos: Vec<Process> = homes.iter().map(start).collect();
    for demo in demos {
        let Finished {
            code,
            stdout,
            stderr,
        } = demo.finish();
        assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    }
    homes.iter().for_each(|home| assert_untouched(home.path()));
}

/// Three empty folders: what the program could write into by itself.
fn home() -> TempDir {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    for name in FOLDERS {
        fs::create_dir(home.path().join(name)).expect("a folder can be made");
    }
    home
}

const FOLDERS: [&str; 3] = ["cwd", "home", "tmp"];

fn demo(home: &Path, arguments: &[&str]) -> Process {
    let mut demo = dolab();
    demo.arg("demo")
        .args(arguments)
        .current_dir(home.join("cwd"))
        .env("HOME", home.join("home"))
        .env("TMPDIR", home.join("tmp"));
    Process::start(demo)
}

fn assert_untouched(home: &Path) {
    for name in FOLDERS {
        let left = fs::read_dir(home.join(name)).expect("the folder is still there");
        let left: Vec<_> = left.flatten().map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

//! The program under test.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// The path of `dolab`, built from the present sources, or the one that `DOLAB_PROGRAM` names: a
/// measurement must not wait for a build.
///
/// The tests belong to another package than the program, so cargo does not build it for them; and
/// a binary that happens to lie in the target directory could be an old one.
///
/// # Panics
/// When it does not build.
pub fn dolab() -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    Command::new(
        PATH.get_or_init(|| match std::env::var_os("DOLAB_PROGRAM") {
            Some(path) => path.into(),
            None => build(),
        }),
    )
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--package",
            "dolab",
            "--bin",
            "dolab",
            "--message-format",
            "json",
        ])
        .current_dir(crate::repository())
        .stderr(Stdio::inherit());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.output().expect("cargo, which built this test, runs");
    assert!(
        output.status.success(),
        "`cargo build --package dolab` failed: {}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["target"]["name"] == "dolab")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the executable that it built")
}

//! Where programs come from: installed ones are used, missing ones are installed where that can
//! be done without asking.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use dolab_tests::note;

/// A program of the distribution.
///
/// # Errors
/// Why it can not be had.
pub(crate) fn program(name: &str, package: &str) -> Result<PathBuf, String> {
    if let Some(path) = find(name) {
        return Ok(path);
    }
    note(&format!("installing {package} for {name}"));
    let mut apt = Command::new("apt-get");
    apt.args(["-qq", "install", "--no-install-recommends", "-y", package]);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    run(apt).map_err(|error| format!("{name} is not installed, and {error}"))?;
    find(name).ok_or_else(|| format!("{package} has no {name}"))
}

/// A Python that has a package of PyPI in that version, in a virtual environment of its own.
///
/// # Errors
/// Why it can not be had.
pub(crate) fn python_with(package: &str, version: &str) -> Result<PathBuf, String> {
    let folder = folder().join(format!("{package}-{version}"));
    let python = folder.join("bin/python");
    let check = |python: &Path| {
        let mut check = Command::new(python);
        check.args(["-c", &format!("import {package}")]);
        run(check)
    };
    if check(&python).is_ok() {
        return Ok(python);
    }
    note(&format!("installing {package} {version} from PyPI"));
    let mut environment = Command::new(program("python3", "python3")?);
    environment.args(["-m", "venv"]).arg(&folder);
    run(environment)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet"]);
    pip.arg(format!("{package}=={version}"));
    run(pip)?;
    check(&python)?;
    Ok(python)
}

/// A program of crates.io in that version, built now if it was not before.
///
/// # Errors
/// Why it can not be had.
pub(crate) fn crate_program(name: &str, version: &str) -> Result<PathBuf, String> {
    let root = folder().join(format!("{name}-{version}"));
    let path = root.join("bin").join(name);
    if path.exists() {
        return Ok(path);
    }
    note(&format!("building {name} {version} from crates.io"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["install", "--quiet", "--locked", name, "--version", version]);
    cargo.arg("--root").arg(&root);
    run(cargo)?;
    Ok(path)
}

/// Where what is installed stays for the next time.
fn folder() -> PathBuf {
    dolab_tests::repository().join("target/compare")
}

fn find(name: &str) -> Option<PathBuf> {
    // Servers are often not in the path of a user.
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders
        .map(|folder| folder.join(name))
        .find(|path| fs::metadata(path).is_ok_and(|data| data.is_file()))
}

fn run(mut command: Command) -> Result<(), String> {
    let name = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} can not be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or_default().to_owned();
    Err(format!("{name} failed: {last}"))
}

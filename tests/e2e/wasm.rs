//! The core asks nothing of the world: built for wasm32, it imports nothing.

use std::{fs, process::Command};

use dolab_tests::{not_run, repository};

const TARGET: &str = "wasm32-unknown-unknown";

#[test]
fn the_core_imports_nothing() {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = rustc
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let libraries = String::from_utf8_lossy(&libraries).trim().to_owned();
    if libraries.is_empty() || !fs::exists(&libraries).unwrap_or(false) {
        not_run(&format!(
            "it needs the target {TARGET} (rustup target add {TARGET})"
        ));
        return;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--release",
            "--package",
            "dolab-wasm-probe",
            "--target",
            TARGET,
        ])
        .args(["--message-format", "json"])
        .current_dir(repository());
    let built = cargo.output().expect("cargo, which built this test, runs");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let messages = String::from_utf8_lossy(&built.stdout);
    let module = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "dolab-wasm-probe")
        .find_map(|message| message["executable"].as_str().map(str::to_owned))
        .expect("cargo names the module that it built");
    let sections = sections(&fs::read(module).expect("the module was just built"));
    let of = |id| sections.iter().filter(move |(section, _)| *section == id);
    let code: usize = of(CODE).map(|(_, len)| len).sum();
    // Or else the linker found nothing worth keeping, and the test would prove nothing.
    assert!(
        code > 20_000,
        "only {code} bytes of code are left of the core"
    );
    assert_eq!(of(IMPORT).count(), 0, "the core imports something");
}

const IMPORT: u8 = 2;
const CODE: u8 = 10;

/// Ids and lengths of a module's sections.
fn sections(module: &[u8]) -> Vec<(u8, usize)> {
    let mut rest = module
        .strip_prefix(b"\0asm\x01\0\0\0")
        .expect("a module of version 1");
    let mut sections = Vec::new();
    while let Some((&id, after)) = rest.split_first() {
        let (len, after) = unsigned(after);
        sections.push((id, len));
        rest = &after[len..];
    }
    sections
}

/// A number of seven bits a byte, least significant first.
fn unsigned(bytes: &[u8]) -> (usize, &[u8]) {
    let mut value = 0;
    for (i, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return (value, &bytes[i + 1..]);
        }
    }
    panic!("a module that ends inside a number")
}

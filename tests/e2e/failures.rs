//! The failure lab as a user has it: `dolab lab`.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

use dolab_tests::{Process, dolab, not_run, repository, schema_errors};
use serde_json::Value;

use crate::peer;

/// Whether this user may have labs; says so where not.
pub(crate) fn may_run() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args([
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "true",
    ]);
    let may = unshare.status().is_ok_and(|status| status.success());
    if !may {
        not_run("it needs namespaces, which this user may not make");
    }
    may
}

pub(crate) fn lab(arguments: &[&str]) -> Command {
    let mut lab = dolab();
    lab.arg("lab").args(arguments);
    lab
}

/// A few of each kind. The whole is run by `.ci/run`.
const SOME: [&str; 5] = [
    "inbound-7680-dropped",
    "router-prohibits-7680",
    "port-taken",
    "mtu-black-hole",
    "dns-sd-blocked-on-a-host",
];

#[test]
fn failures_are_recognised_and_healthy_twins_are_not_blamed() {
    if !may_run() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (junit, confusion) = (path("junit.xml"), path("confusion.md"));
    let mut run = lab(&[
        "run",
        "--json",
        "--junit",
        &junit,
        "--confusion",
        &confusion,
    ]);
    run.args(SOME);
    let finished = Process::run(run);
    finished.assert_code(0);
    let schema = repository().join("docs/schema/lab-1.json");
    let document = finished.stdout.lines().last().unwrap_or_default();
    assert_eq!(schema_errors(&schema, document), [""; 0]);
    let document = peer::document(&finished);
    assert_eq!(document["verdict"], "pass");
    let runs = document["runs"].as_array().expect("the schema says so");
    assert_eq!(runs.len(), 2 * SOME.len());
    for run in runs {
        let found: BTreeSet<&str> = codes(run).collect();
        let expected: BTreeSet<&str> = match run["twin"].as_str() {
            Some("healthy") => BTreeSet::new(),
            _ => [run["codes"][0].as_str().expect("a code")].into(),
        };
        assert_eq!(found, expected, "{run:#}");
    }
    // A stranger reads the XML.
    let mut python = Command::new("python3");
    python.args([
        "-c",
        "import sys, xml.etree.ElementTree as t; r = t.parse(sys.argv[1]).getroot(); \
         print(r.tag, r.get('tests'), r.get('failures'), r.get('errors'), \
         ' '.join(sorted(c.get('name') for c in r.iter('testcase'))))",
        &junit,
    ]);
    let read = Process::run(python);
    read.assert_code(0);
    let mut names: Vec<&str> = SOME.iter().chain(&SOME).copied().collect();
    names.sort_unstable();
    let expected = format!("testsuites {} 0 0 {}", names.len(), names.join(" "));
    assert_eq!(read.stdout.trim(), expected);
    let page = fs::read_to_string(confusion).expect("it was written");
    assert!(
        page.contains("5 failures were made, 5 were recognised."),
        "{page}"
    );
}

fn codes(run: &Value) -> impl Iterator<Item = &str> {
    let actions = run["actions"].as_array().into_iter().flatten();
    let findings = actions.flat_map(|action| action["findings"].as_array().into_iter().flatten());
    findings.filter_map(|finding| finding["code"].as_str())
}

/// As somebody who is not root and has no capabilities.
#[test]
fn an_ordinary_user_runs_failures_too() {
    if !rustix::process::geteuid().is_root() {
        // Then every test here is of an ordinary user.
        return;
    }
    if !may_run() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    // The program, where nobody else's folders are in the way.
    let program = folder.path().join("dolab");
    fs::copy(dolab().get_program(), &program).expect("a program can be copied");
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(folder.path(), open).expect("a folder can be opened");
    let mut setpriv = Command::new("setpriv");
    setpriv
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--no-new-privs",
        ])
        .arg(&program)
        .args([
            "lab",
            "run",
            "--json",
            "inbound-7680-dropped",
            "switch-drops-7680",
        ])
        .env("TMPDIR", folder.path());
    let finished = Process::run(setpriv);
    finished.assert_code(0);
    assert_eq!(peer::document(&finished)["verdict"], "pass");
}

/// SIGKILL in the middle of a run: no process, interface or mount is left.
#[test]
fn nothing_is_left_of_a_lab_that_is_killed() {
    if !may_run() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut run = lab(&["run", "--json", "stall-in-mid-transfer", "--only", "broken"]);
    run.env("TMPDIR", folder.path());
    let process = Process::start(run);
    process.line(|line| peer::parse(line, "step").is_some_and(|it| it["what"] == "a: check b"));
    let namespaces = namespaces_below(process.id());
    assert!(
        namespaces.len() > 3,
        "hosts have namespaces of their own: {namespaces:?}"
    );
    // Not as a group: what dies is the process that the user started.
    let killed = Command::new("kill")
        .args(["-9", &process.id().to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
    process.finish();
    let deadline = std::time::Instant::now() + dolab_tests::PATIENCE;
    while !users_of(&namespaces).is_empty() {
        assert!(
            std::time::Instant::now() < deadline,
            "processes are left: {:?}",
            users_of(&namespaces)
        );
        std::thread::yield_now();
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("a mount table");
    assert!(!mounts.contains("dolab-lab"), "{mounts}");
    let clean = || {
        let mut clean = lab(&["clean", "--json"]);
        clean.env("TMPDIR", folder.path());
        let finished = Process::run(clean);
        finished.assert_code(0);
        peer::document(&finished)
    };
    // The kernel removes all but what is on the disk.
    let files = || fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(files(), 1);
    let removed = clean()["removed"][0].to_string();
    assert!(removed.contains("the folder"), "{removed}");
    assert_eq!(files(), 0);
    assert_eq!(clean()["summary"], "nothing was left");
}

/// The network namespaces of a process' descendants, but for this one's own.
fn namespaces_below(pid: u32) -> BTreeSet<u64> {
    let own = inode(Path::new("/proc/self/ns/net"));
    let (mut below, mut pids) = (BTreeSet::new(), vec![pid]);
    while let Some(pid) = pids.pop() {
        let tasks = fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten();
        for task in tasks {
            below.extend(inode(&task.path().join("ns/net")));
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            pids.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    below.retain(|inode| Some(*inode) != own);
    below
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|file| file.ino())
}

/// The processes in any of these namespaces.
fn users_of(namespaces: &BTreeSet<u64>) -> Vec<String> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter(|it| inode(&it.path().join("ns/net")).is_some_and(|it| namespaces.contains(&it)))
        .map(|it| it.path().display().to_string())
        .collect()
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("mine.toml");
    let text = fs::read_to_string(repository().join("scenarios/inbound-7680-dropped.toml"))
        .expect("it is there");
    fs::write(&path, text.replace("\"b.input\"", "\"bb.input\"")).expect("it can be written");
    let finished = Process::run(lab(&["run", path.to_str().expect("text")]));
    finished.assert_code(2);
    assert!(
        finished.stderr.contains("mine.toml:"),
        "{}",
        finished.stderr
    );
    assert!(
        finished
            .stderr
            .contains("there is no host or router \"bb\""),
        "{}",
        finished.stderr
    );
    let finished = Process::run(lab(&["run", "inbound-7680-droped"]));
    finished.assert_code(2);
    assert!(
        finished
            .stderr
            .contains("did you mean `inbound-7680-dropped`?"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_shell_opens_in_any_host() {
    if !may_run() {
        return;
    }
    let mut run = lab(&["run", "nobody-listens", "--shell", "a"]);
    // Says where it is instead of waiting for what is typed.
    let folder = tempfile::tempdir().expect("a folder can be made");
    let shell = folder.path().join("shell");
    fs::write(&shell, "#!/bin/sh\nip -4 -o addr show dev eth0\nhostname\n")
        .expect("it can be written");
    let run_by_all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&shell, run_by_all).expect("it can be made to run");
    run.env("SHELL", &shell);
    let finished = Process::run(run);
    finished.assert_code(0);
    assert!(
        finished.stdout.contains("10.50.0.1/24"),
        "{}",
        finished.stdout
    );
    assert!(
        finished.stdout.lines().any(|line| line == "a"),
        "{}",
        finished.stdout
    );
}

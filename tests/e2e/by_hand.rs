//! What a user does in the lab by hand: captures, shells in a lab that is kept, and tidying up.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use dolab_tests::{Process, dolab, not_run};

use crate::failures::{lab, may_run};

/// A program of Wireshark's, on a file.
fn told_by(program: &str, file: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).arg(file);
    let finished = Process::run(command);
    finished.assert_code(0);
    finished.stdout
}

#[test]
fn a_capture_has_named_interfaces_and_what_happened_between_its_packets() {
    if !may_run() {
        return;
    }
    let is_there = Command::new("capinfos").arg("--version").output().is_ok();
    if !is_there {
        return not_run("it needs capinfos and tshark");
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut run = lab(&["run", "inbound-7680-dropped", "--capture"]);
    run.arg(folder.path());
    Process::run(run).assert_code(0);
    for (twin, hosts) in [
        ("broken", ["a", "b", "cloud"]),
        ("healthy", ["a", "b", "cloud"]),
    ] {
        let of_twin = folder.path().join(format!("inbound-7680-dropped-{twin}"));
        for host in hosts {
            let file = of_twin.join(format!("{host}.pcapng"));
            let about = told_by("capinfos", &file, &[]);
            assert!(about.contains("Name = eth0"), "{about}");
            assert!(about.contains(&format!("eth0 of {host}")), "{about}");
            let comments = [
                "-Y",
                "frame.comment",
                "-T",
                "fields",
                "-e",
                "frame.comment",
                "-r",
            ];
            let comments = told_by("tshark", &file, &comments);
            let lines: Vec<&str> = comments.lines().collect();
            let expected = match twin {
                "broken" => vec![
                    "fault 1 (block) begins: b.input: TCP to port 7680: Drop",
                    "fault 1 (block) holds",
                    "a: check b",
                    "a: check b: exit code 1, DL014",
                ],
                _ => vec!["a: check b", "a: check b: exit code 0"],
            };
            assert_eq!(lines, expected, "{twin} {host}");
        }
        // Both ends have the same conversation, and one of them its requests in vain.
        let syn = [
            "-Y",
            "tcp.dstport == 7680 && tcp.flags.syn == 1 && tcp.flags.ack == 0",
            "-r",
        ];
        let answered = [
            "-Y",
            "tcp.srcport == 7680 && tcp.flags.syn == 1 && tcp.flags.ack == 1 && ip.dst == 10.50.0.1",
            "-r",
        ];
        for host in ["a", "b"] {
            let file = of_twin.join(format!("{host}.pcapng"));
            assert_ne!(told_by("tshark", &file, &syn), "", "{twin} {host}");
            let answers = told_by("tshark", &file, &answered);
            assert_eq!(
                answers.is_empty(),
                twin == "broken",
                "{twin} {host}: {answers}"
            );
        }
        // And our own program reads them.
        let mut dissect = dolab();
        dissect.arg("dissect").arg(of_twin.join("b.pcapng"));
        let finished = Process::run(dissect);
        assert!(matches!(finished.code, Some(0 | 1)), "{}", finished.stderr);
        assert!(finished.stdout.contains("7680"), "{}", finished.stdout);
    }
}

/// What is typed at a lab that is kept: hosts one after the other, and one that is none.
#[test]
fn a_lab_that_is_kept_opens_a_shell_in_each_host_that_is_named() {
    if !may_run() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let shell = folder.path().join("shell");
    let text = "#!/bin/bash\nread < <(hostname); echo \"in $REPLY\"\n\
                ip -4 -o addr show dev eth0\n\
                if timeout 2 bash -c '</dev/tcp/10.50.0.2/443'; then echo 443 open; fi\n\
                if ! timeout 2 bash -c '</dev/tcp/10.50.0.2/7680'; then echo 7680 shut; fi\n";
    fs::write(&shell, text).expect("it can be written");
    let run_by_all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&shell, run_by_all).expect("it can be made to run");
    let program = dolab();
    let mut typed = Command::new("sh");
    typed
        .args([
            "-c",
            "printf 'cloud\\nnowhere\\na\\n\\n' | \"$0\" lab run inbound-7680-dropped --keep",
        ])
        .arg(program.get_program())
        .env("SHELL", &shell)
        .env("TMPDIR", folder.path());
    let finished = Process::run(typed);
    finished.assert_code(0);
    let out = &finished.stdout;
    // The network, its fault and the peer on b stand until the end.
    for (host, address) in [("cloud", "10.50.0.9/24"), ("a", "10.50.0.1/24")] {
        let from = out
            .find(&format!("in {host}\n"))
            .unwrap_or_else(|| panic!("{out}"));
        let said = &out[from..];
        for what in [address, "443 open", "7680 shut"] {
            assert!(said.contains(what), "{host}: {what}: {out}");
        }
    }
    assert!(
        finished.stderr.contains("there is no `nowhere`"),
        "{}",
        finished.stderr
    );
    let left = fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 1, "only the shell is there");
}

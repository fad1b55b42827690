//! Wrong input: the first line says what is wrong and where, the next what to do.

use std::{fs, path::Path, process::Stdio};

use crate::program::{Ended, dolab, run};

/// A folder with files of these contents, in which the program runs, so that messages name no other.
fn in_folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    fs::create_dir(folder.path().join("folder")).unwrap();
    folder
}

fn run_in(folder: &Path, args: &[&str]) -> Ended {
    let mut command = dolab();
    command.args(args).current_dir(folder).stdin(Stdio::null());
    Ended::from(command.output().unwrap())
}

/// Exit code, first line, and a part of the next, which says what to do.
#[track_caller]
fn assert_says(ended: &Ended, code: i32, first: &str, next: &str) {
    let mut lines = ended.stderr.lines();
    let said = (ended.code, lines.next());
    assert_eq!(said, (Some(code), Some(first)), "{}", ended.stderr);
    let rest = lines.collect::<Vec<_>>().join("\n");
    assert!(rest.contains(next), "{next}: {}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn explain_takes_codes_as_people_write_them() {
    for written in ["DL014", "dl014", "DL14", "14", " dl14 "] {
        let ended = run(&["explain", written]);
        assert_eq!(ended.code, Some(0), "{written}: {}", ended.stderr);
        let first = ended.stdout.lines().next();
        assert_eq!(first, Some("DL014: inbound TCP 7680 is blocked on a host"));
    }
    let two = run(&["explain", "DL014", "dl15"]);
    assert_eq!(two.code, Some(0), "{}", two.stderr);
    assert!(two.stdout.contains("DL014") && two.stdout.contains("DL015"));
    assert!(!two.stdout.contains("DL016"), "{}", two.stdout);
}

#[test]
fn explain_says_what_it_does_not_know() {
    for (written, shown, next) in [
        ("DL999", "DL999", "did you mean DL0"),
        ("DLO14", "DLO14", "did you mean DL014 (inbound TCP 7680"),
        ("frewall", "frewall", "`dolab explain --list` shows all"),
        ("0x80D0FFFF", "0x80D0FFFF", "`dolab error CODE`"),
        ("words\u{1b}[2Jb", "words\\u{1b}[2Jb", "--list"),
    ] {
        let first = format!("error: no failure is known as `{shown}`");
        assert_says(&run(&["explain", written]), 2, &first, next);
    }
    let nothing = "error: the following required arguments were not provided:";
    assert_says(&run(&["explain"]), 2, nothing, "<CODE|WORD>...");
    let blank = "error: no code and no word to look for";
    assert_says(&run(&["explain", ""]), 2, blank, "`dolab explain DL014`");
    assert_says(&run(&["explain", " ", ""]), 2, blank, "--list");
}

#[test]
fn diagnose_says_what_a_file_is_that_is_no_evidence() {
    let folder = in_folder(&[
        ("empty.json", b""),
        ("text.json", b"hello"),
        ("bytes.json", &[0xFF, 0x00, 0xFE]),
        (
            "check.json",
            br#"{"schema":"dolab.check/1","verdict":"pass"}"#,
        ),
        ("newer.json", br#"{"schema":"dolab.evidence/2","name":"x"}"#),
        ("other.json", br#"{"name":"x"}"#),
        ("cut.json", br#"{"schema":"dolab.evidence/1","name":"#),
        (
            "second.json",
            b"{\"schema\":\"dolab.evidence/1\"}\n{\"schema\":\"dolab.evidence/1\",\"files\":7}",
        ),
    ]);
    let writes = "`dolab diagnose --evidence-out FILE` writes evidence";
    for (file, says, next) in [
        ("missing.json", "there is no such file", writes),
        ("folder", "this is a folder, and not a file", "--state"),
        (
            "empty.json",
            "there is no evidence of a device in it",
            writes,
        ),
        (
            "text.json",
            "this is no JSON: expected value at line 1 column 1",
            writes,
        ),
        ("bytes.json", "this is no text", writes),
        (
            "check.json",
            "this is dolab.check/1, and no evidence of a device",
            writes,
        ),
        (
            "newer.json",
            "dolab.evidence/2 is newer than this dolab, which reads dolab.evidence/1: use the dolab that wrote it",
            writes,
        ),
        ("other.json", "this is no evidence of a device", writes),
        (
            "cut.json",
            "the file ends in the middle of its JSON: copy it once more",
            writes,
        ),
        (
            "second.json",
            "device 2 is not as dolab.evidence/1 has it: invalid type: integer `7`, expected a sequence",
            writes,
        ),
    ] {
        let first = format!("error: {file}: {says}");
        let ended = run_in(folder.path(), &["diagnose", "--evidence", file]);
        assert_says(&ended, 2, &first, next);
        let json = run_in(folder.path(), &["diagnose", "--json", "--evidence", file]);
        let document = json.json().remove(0);
        assert_eq!(document["schema"], "dolab.error/1");
        assert_eq!(
            format!("error: {}", document["error"].as_str().unwrap()),
            first
        );
    }
    for state in ["missing", "folder"] {
        let ended = run_in(folder.path(), &["diagnose", "--state", state]);
        let first = format!(
            "error: {state} holds no device's state: `dolab fetch --cloud` or `dolab peer --cloud` \
             with --state {state} makes one"
        );
        assert_says(&ended, 2, &first, "");
    }
}

#[test]
fn lab_says_which_scenario_is_meant_and_where_a_file_is_wrong() {
    let folder = in_folder(&[
        ("broken.toml", b"title = \"x\"\n[host.a\n"),
        ("wrong.toml", b"title = 5\n"),
        ("bytes.toml", &[0xFF, 0x00, 0xFE]),
    ]);
    let list = "`dolab lab list` lists";
    for command in ["show", "run"] {
        for (name, says, next) in [
            (
                "inbound-7680-droped",
                "there is no scenario `inbound-7680-droped`",
                "did you mean `inbound-7680-dropped`?",
            ),
            ("qqqqqqqq", "there is no scenario `qqqqqqqq`", list),
            ("DL999", "there is no scenario `DL999`", list),
            (
                "broken.toml",
                "broken.toml:2:8: unclosed table, expected `]`",
                "2 | [host.a\n  |        ^",
            ),
            (
                "wrong.toml",
                "wrong.toml:1:9: invalid type: integer `5`, expected a string",
                "1 | title = 5\n  |         ^",
            ),
            ("missing.toml", "missing.toml: there is no such file", list),
            ("folder", "folder: this is a folder, and not a file", list),
            ("bytes.toml", "bytes.toml: this is no text", "in TOML"),
        ] {
            // Elsewhere there is no lab to run in.
            if command == "run" && !cfg!(target_os = "linux") {
                continue;
            }
            let ended = run_in(folder.path(), &["lab", command, name]);
            assert_says(&ended, 2, &format!("error: {says}"), next);
        }
    }
    let several = "error: DL014 is shown by several scenarios";
    let named = "name one: inbound-7680-dropped, ";
    assert_says(&run(&["lab", "show", "DL014"]), 2, several, named);
}

/// The header of a capture file without packets.
const PCAP: [u8; 24] = [
    0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 1, 0, 0, 0,
];

#[test]
fn dissect_says_what_a_file_is_that_is_no_capture() {
    let folder = in_folder(&[
        ("empty.pcap", b""),
        ("text.pcap", b"hello, world"),
        ("packed.pcap", &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0]),
    ]);
    let capture = "capture with tcpdump -w FILE port 7680";
    for (file, says, next) in [
        ("missing.pcap", "there is no such file", "name a capture"),
        (
            "folder",
            "this is a folder, and not a file",
            "name a capture",
        ),
        ("empty.pcap", "the file is empty", capture),
        (
            "text.pcap",
            "this is neither pcap nor pcapng: it begins with \"hello, w\"",
            capture,
        ),
        (
            "packed.pcap",
            "the file is compressed (gzip): unpack it first",
            capture,
        ),
    ] {
        let ended = run_in(folder.path(), &["dissect", file]);
        assert_says(&ended, 2, &format!("error: {file}: {says}"), next);
    }
    let ended = run_in(folder.path(), &["dissect", "-"]);
    let first = "error: standard input: the file is empty";
    assert_says(&ended, 2, first, capture);
}

/// What is cut off gives what it holds, and says where it ends.
#[test]
fn dissect_reads_what_a_file_holds_that_is_cut_off() {
    let record = [&PCAP[..], &[1, 0, 0, 0, 0, 0]].concat();
    let folder = in_folder(&[
        ("header.pcap", &PCAP[..6]),
        ("record.pcap", &record),
        ("whole.pcap", &PCAP),
    ]);
    for (file, says) in [
        (
            "header.pcap",
            "byte 0: the file ends inside its header, 18 bytes early",
        ),
        (
            "record.pcap",
            "byte 24: the file ends inside a record's header, 10 bytes early",
        ),
        ("whole.pcap", "0 packets in 0.000 s"),
    ] {
        let ended = run_in(folder.path(), &["dissect", file]);
        let first = ended.stdout.lines().next();
        let wanted = "nothing of Delivery Optimization in 0 packets";
        assert_eq!((ended.code, first), (Some(4), Some(wanted)), "{file}");
        assert!(ended.stdout.contains(says), "{file}: {}", ended.stdout);
        assert_eq!(ended.stderr, "", "{file}");
    }
}

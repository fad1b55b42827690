use crate::program::run;

const COMMANDS: [&str; 15] = [
    "demo",
    "peer",
    "check",
    "fetch",
    "bench",
    "cloud",
    "diagnose",
    "explain",
    "discover",
    "dissect",
    "lab",
    "firewall",
    "policy",
    "error",
    "completions",
];

#[test]
fn nothing_typed_tells_what_to_type() {
    let ended = run(&[]);
    assert_eq!(ended.code, Some(0));
    insta::assert_snapshot!(ended.stdout);
}

#[test]
fn help_explains_every_command() {
    insta::assert_snapshot!("help", run(&["--help"]).stdout);
    for command in COMMANDS {
        let ended = run(&[command, "--help"]);
        assert_eq!(ended.code, Some(0), "{command}");
        assert!(
            ended.stdout.contains("Exit codes:") || command == "completions",
            "{command}"
        );
        insta::assert_snapshot!(format!("help-{command}"), ended.stdout);
    }
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = run(&["completions", shell]);
        assert_eq!(ended.code, Some(0), "{shell}");
        for command in COMMANDS {
            assert!(
                ended.stdout.contains(command),
                "{shell} does not know {command}"
            );
        }
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let page = run(&["man"]);
    assert!(page.stdout.starts_with(".ie"), "{}", page.stdout);
    let folder = tempfile::tempdir().unwrap();
    let ended = run(&["man", "--dir", folder.path().to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for command in COMMANDS {
        let page = std::fs::read_to_string(folder.path().join(format!("dolab-{command}.1")));
        let page = page.unwrap();
        let title = format!(".TH dolab-{command} 1");
        assert!(page.contains(&title), "{command}: {page}");
    }
}

#[test]
fn print_config_names_every_setting_and_its_source_but_no_secret() {
    let ended = crate::program::dolab()
        .args(["check", "pc7", "--print-config", "--size", "1MiB"])
        .env("DOLAB_KEY", "tops3cret")
        .output()
        .unwrap();
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(!text.contains("tops3cret"));
    insta::assert_snapshot!(text);

    let ended = run(&["peer", "--json", "--print-config"]);
    let document = ended.json().pop().unwrap();
    assert_eq!(document["schema"], "dolab.config/1");
    let port = document["settings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["name"] == "port");
    assert_eq!(port.unwrap()["values"][0], "7680");
}

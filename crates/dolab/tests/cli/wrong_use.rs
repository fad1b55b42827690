use crate::program::run;

/// Wrong use exits with 2 and says in its first line what was wrong, on standard error.
#[test]
fn wrong_use_says_what_was_wrong() {
    let id = "0".repeat(64);
    for (args, says) in [
        (&["frobnicate"][..], "frobnicate"),
        (&["demo", "--size", "lots"], "write it as 64MiB"),
        (&["check", "pc7:0"], "port"),
        (&["check", "pc7", "--wait", "30"], "30s"),
        (&["fetch"], "<ID|URL>"),
        (&["fetch", "abc"], "64 hex digits"),
        (&["fetch", &id, "--from", "not a host"], "letters, digits"),
        (&["peer", "--port", "70000"], "70000"),
        (&["peer", "--share-synthetic", "1MiB:x"], "seed"),
        (&["firewall", "--for", "pf"], "nftables"),
        (
            &["policy", "explain", "DOFrobnicate"],
            "no policy `DOFrobnicate`",
        ),
        (&["policy", "show", "--os", "beos"], "windows-11"),
        (&["error", "vpn"], "no error code"),
        (&["peer", "--key", ""], "key is empty"),
        (
            &["peer", "--key-file", "/nowhere/at/all"],
            "/nowhere/at/all",
        ),
        (&["--json"], "no command"),
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(
            ended.stderr.starts_with("error: "),
            "{args:?}: {}",
            ended.stderr
        );
        let head: String = ended.stderr.lines().take(3).collect();
        assert!(head.contains(says), "{args:?}: {}", ended.stderr);
        assert!(
            !ended.stderr.contains("panicked"),
            "{args:?}: {}",
            ended.stderr
        );
        if !args.contains(&"--json") {
            assert_eq!(ended.stdout, "", "{args:?}");
        }
    }
}

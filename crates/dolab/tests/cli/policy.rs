use std::{fs, path::PathBuf};

use tempfile::TempDir;

use crate::program::run;

const TOML: &str = r#"DODownloadMode = "Group"
DOMinFileSizeToCache = 10
DOMaxUploadBandwidth = 500
DOVpnKeywords = "Corp"

[mdm]
DODownloadMode = 1
DORestrictPeerSelectionBy = "local-discovery"
"#;

const EXPORT: &str = "Windows Registry Editor Version 5.00\r\n\r\n\
    [HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Windows\\DeliveryOptimization]\r\n\
    \"DODownloadMode\"=dword:00000003\r\n\
    \"DOGroupId\"=\"{01234567-89ab-cdef-0123-456789abcdef}\"\r\n\
    \"SetHoursToLimitBackgroundDownloadBandwidthFrom\"=dword:00000008\r\n\
    \"SetHoursToLimitBackgroundDownloadBandwidthTo\"=dword:00000011\r\n\
    \"SetHoursToLimitBackgroundDownloadBandwidthIn\"=dword:00000014\r\n\
    \"SetHoursToLimitBackgroundDownloadBandwidthOut\"=dword:00000050\r\n";

/// A folder with files, which goes with it.
fn files(files: &[(&str, &[u8])]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = files.iter().map(|(name, bytes)| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

/// As regedit writes it.
fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    [0xFF, 0xFE].into_iter().chain(units).collect()
}

#[test]
fn every_policy_is_listed() {
    let ended = run(&["policy", "list"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    insta::assert_snapshot!("policy-list", ended.stdout);
    let document = run(&["policy", "list", "--json"]).json().pop().unwrap();
    assert_eq!(document["schema"], "dolab.policy-table/1");
    assert_eq!(document["policies"].as_array().unwrap().len(), 32);
}

#[test]
fn policies_are_explained_by_any_form_of_their_names() {
    let ended = run(&[
        "policy",
        "explain",
        "minbackgroundqos",
        "DORestrictPeerSelectionBy",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    insta::assert_snapshot!("policy-explain", ended.stdout);
    let ended = run(&["policy", "explain", "DOMaxUploadBandwidth", "--json"]);
    let document = ended.json().pop().unwrap();
    let policy = &document["policies"][0];
    assert_eq!(policy["name"], "DOMaxUploadBandwidth");
    assert_eq!(policy["unit"], "kilobytes-per-second");
    assert!(policy["deprecated"].as_str().unwrap().contains("2004"));
}

#[test]
fn what_is_no_policy_is_wrong_use_and_the_nearest_is_named() {
    let ended = run(&["policy", "explain", "DODownlaodMode"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("did you mean `DODownloadMode`?"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_holds_is_shown_with_where_it_came_from() {
    let (folder, paths) = files(&[("site.toml", TOML.as_bytes()), ("gpo.reg", &utf16(EXPORT))]);
    let [toml, export] = [&paths[0], &paths[1]].map(|path| path.to_str().unwrap());
    let show = ["policy", "show", "--policy", toml, "--policy", export];
    let ended = run(&show);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // The folder's name is another each time, and so is where lines break.
    let shown = ended
        .stdout
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let shown = shown.replace(&format!("{}/", folder.path().display()), "");
    for line in [
        "DODownloadMode 3 (Internet) RegistryProvider, gpo.reg:4; not 1 (Lan) (MdmProvider, site.toml:7)",
        "DOGroupId 01234567-89ab-cdef-0123-456789abcdef RegistryProvider, gpo.reg:5",
        "DOMinFileSizeToCache 10 MB RegistryProvider, site.toml:2",
        "DOMinRAMAllowedToPeer 4 GB default, reference 2024",
        "DOMinBackgroundQos 2500 KB/s 500 KB/s [older reference]; 20480 KB/s [policy CSP]",
        "DOGroupId has no effect: the download mode is not Group (2)",
        "DOMaxUploadBandwidth was removed from Windows 10 2004",
        "8 to 17 o'clock 20 %, else 80 %",
    ] {
        assert!(cfg!(windows) || shown.contains(line), "{line}\n{shown}");
    }

    let document = run(&[&show[..], &["--json"]].concat())
        .json()
        .pop()
        .unwrap();
    assert_eq!(document["schema"], "dolab.policies/1");
    let mode = &document["policies"][0];
    assert_eq!(mode["value"], 3);
    assert_eq!(mode["provider"], "RegistryProvider");
    assert_eq!(mode["provider_id"], 5);
    assert_eq!(mode["origin"]["set"]["place"]["file"]["line"], 4);
    assert_eq!(mode["overridden"][0]["provider"], "mdm");
    assert_eq!(document["notes"].as_array().unwrap().len(), 3);
}

#[test]
fn defaults_go_by_system_and_page() {
    // A file that sets nothing, so that on Windows the registry does not count.
    let (_folder, paths) = files(&[("nothing.toml", b"")]);
    let nothing = paths[0].to_str().unwrap();
    let show = ["policy", "show", "--policy", nothing];
    insta::assert_snapshot!("policy-show-windows-11", run(&show).stdout);
    let of = |more: &[&str], name: &str| {
        let ended = run(&[&show[..], more, &["--json"]].concat());
        let document = ended.json().pop().unwrap();
        let policies = document["policies"].as_array().unwrap().clone();
        let found = policies.into_iter().find(|policy| policy["name"] == name);
        found.unwrap()["value"].clone()
    };
    assert_eq!(of(&[], "DORestrictPeerSelectionBy"), 1);
    assert_eq!(of(&["--os", "windows-10"], "DORestrictPeerSelectionBy"), 0);
    assert_eq!(of(&["--os", "windows-server"], "DODownloadMode"), 0);
    assert_eq!(of(&["--defaults", "csp"], "DOMinFileSizeToCache"), 100);
    for wrong in [["--os", "windows"], ["--defaults", "rumour"]] {
        let ended = run(&[&show[..], &wrong].concat());
        assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    }
}

#[test]
fn a_file_that_is_wrong_is_refused_with_every_line() {
    let wrong = "DODownloadMod = 1\nDOMaxCacheSize = 101\n";
    let (_folder, paths) = files(&[("wrong.toml", wrong.as_bytes())]);
    let path = paths[0].to_str().unwrap();
    let ended = run(&["policy", "show", "--policy", path]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stdout, "");
    for says in [
        "wrong.toml:1:1: there is no policy `DODownloadMod`: did you mean `DODownloadMode`?",
        "wrong.toml:2:18: DOMaxCacheSize can not be 101: it must be 1 to 100 %",
    ] {
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    let ended = run(&["policy", "show", "--policy", "/nowhere/at/all.reg"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("/nowhere/at/all.reg"),
        "{}",
        ended.stderr
    );
}

#[test]
fn gates_are_judged_and_a_shut_one_is_a_finding() {
    let (folder, paths) = files(&[
        ("mode.toml", b"DODownloadMode = 0"),
        (
            "open.toml",
            b"DOMinRAMAllowedToPeer = 1\nDOMinDiskSizeAllowedToPeer = 1\nDOAllowVPNPeerCaching = 1\nDOMinBatteryPercentageAllowedToUpload = 1",
        ),
    ]);
    let cache = folder.path().to_str().unwrap();
    let gates = |policy: &PathBuf, size: &str, json: bool| {
        let policy = policy.to_str().unwrap();
        let mut args = vec!["policy", "gates", "--policy", policy, "--cache", cache];
        args.extend(["--size", size]);
        args.extend(json.then_some("--json"));
        run(&args)
    };
    let shut = gates(&paths[0], "1GiB", false);
    assert_eq!(shut.code, Some(1), "{}", shut.stderr);
    assert!(shut.stdout.contains("0x80D03806"), "{}", shut.stdout);
    assert!(shut.stdout.contains("mode: CdnOnly (0)"), "{}", shut.stdout);
    let small = gates(&paths[1], "5MB", true);
    assert_eq!(small.code, Some(1), "{}", small.stderr);
    let document = small.json().pop().unwrap();
    assert_eq!(document["schema"], "dolab.gates/1");
    assert_eq!(document["judgement"]["mode"], "Simple");
    assert_eq!(document["judgement"]["allowed"]["from_peers"], false);
    assert_eq!(
        document["judgement"]["decisions"].as_array().unwrap().len(),
        19
    );
}

#[test]
fn codes_are_explained_in_every_form() {
    let ended = run(&["error", "0x80D03807"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    insta::assert_snapshot!("error-vpn", ended.stdout);
    for form in ["03807", "3807", "2161129479", "-2133837817", "80d03807"] {
        assert_eq!(run(&["error", form]).stdout, ended.stdout, "{form}");
    }
    let several = run(&["error", "03802", "0x80D0401B", "0x80070005"]);
    assert_eq!(several.code, Some(4), "{}", several.stderr);
    insta::assert_snapshot!("error-several", several.stdout);
    let document = run(&["error", "03807", "--json"]).json().pop().unwrap();
    assert_eq!(document["schema"], "dolab.error-codes/1");
    assert_eq!(document["codes"][0]["code"], "0x80D03807");
    assert_eq!(document["codes"][0]["decimal"], -2_133_837_817_i64);
    assert_eq!(document["codes"][0]["fault"], "settings");
}

#[test]
fn every_code_is_listed() {
    let ended = run(&["error", "list"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    insta::assert_snapshot!("error-list", ended.stdout);
    let wrong = run(&["error", "vpn"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("no error code"), "{}", wrong.stderr);
}

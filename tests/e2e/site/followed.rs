//! The service has something new to say while a device is registered: the device asks for the version
//! before it renews, leaves, and learns and joins anew.

use dolab_tests::{Lan, note};

use super::{Cloud, SIZE, ask};

/// Time enough to start a cloud again before the device asks.
const RENEW_AFTER: &str = "8s";

#[test]
fn a_registered_device_follows_what_geo_says_anew() {
    let Some(lan) = Lan::cable() else { return };
    let [host, device] = &lan.hosts[..] else {
        panic!("a cable has two ends");
    };
    let kept = tempfile::tempdir().expect("a folder can be made");
    let state = kept.path().join("cloud");
    let state = state.to_str().expect("the path is text");
    let start = |country| {
        let told = ["--state", state, "--renew-after", RENEW_AFTER];
        let more = [&told[..], &["--country", country, "-v"]].concat();
        Cloud::start_with(host, SIZE, &more)
    };
    let before = start("US");
    let device = before.device(
        device,
        "device",
        &[("DODownloadMode", "1")],
        &["--share-for", "10m"],
    );
    device.seeds();
    // The device needs its folder for longer than the cloud is there.
    let Cloud {
        process, folder, ..
    } = before;
    process.interrupt().assert_code(0);

    let after = start("DE");
    let joined = |line: &str| line.contains("/join/");
    after.process.error_line(joined);
    let said = after.process.errors_so_far();
    let asked = said.lines().filter_map(asked);
    let asked: Vec<&str> = asked.take_while(|path| *path != "/join/").collect();
    let mut asked = &asked[..];
    match asked {
        ["/geoversion", "/leave/", rest @ ..] => asked = rest,
        // A machine that was too slow to start the cloud in time: the device noticed that it was gone.
        _ => note(&format!("it was not there in time: {asked:?}")),
    }
    let [geo, key_value, discovery] = asked else {
        panic!("{said}");
    };
    assert_eq!((*geo, *key_value), ("/geo", "/all"));
    assert!(discovery.ends_with("/discovery"), "{discovery}");
    // What geo says now is what the device goes on with.
    assert!(said.contains("countryCode=DE"), "{said}");
    assert!(!said.contains("countryCode=US"), "{said}");

    device
        .process
        .error_line(|line| line.contains("GEO response"));
    let state = device.state.clone();
    device.process.interrupt();
    let log = ask(&["log"], &state).to_string();
    assert_eq!(log.matches("GEO response").count(), 1, "{log}");
    drop(folder);
}

/// The path that a line of the access log is about.
fn asked(line: &str) -> Option<&str> {
    let target = line.split_once("target=\"")?.1;
    target.split(['?', '"']).next()
}

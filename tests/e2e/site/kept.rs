//! What a device has kept: shared by `dolab peer --state` within the month's cap, and let go of when
//! room is needed.

use std::path::Path;

use dolab_tests::{Campus, Lan, Namespace, Process};
use serde_json::Value;

use super::{BASE, Cloud, SIZE, ask, peer};

/// Across two subnets of one site, in the mode that has Internet peers: whom the cloud offers is on
/// the LAN, whom nobody offered and is in no own subnet counts as an Internet peer.
const INTERNET: [(&str, &str); 2] = [
    ("DODownloadMode", "3"),
    ("DODelayForegroundDownloadFromHttp", "60"),
];
const SHORT: [(&str, &str); 2] = [
    ("DODownloadMode", "3"),
    ("DODelayForegroundDownloadFromHttp", "3"),
];

#[test]
fn a_peer_shares_what_a_device_has_kept_until_the_month_is_full() {
    let Some(campus) = Campus::new() else { return };
    let cloud = Cloud::start(&campus.cloud, SIZE);
    let (near, far) = (&campus.a1[0], &campus.a2[1]);
    let (finished, state) = cloud.device(near, "kept", &SHORT, &[]).ends();
    finished.assert_code(0);

    let sharing = share(&cloud, near, "kept");
    sharing.line(|line| peer::parse(line, "offered").is_some());
    let (finished, taker) = cloud.device(far, "taker", &INTERNET, &[]).ends();
    finished.assert_code(0);
    sharing.interrupt().assert_code(0);
    let status = &ask(&["status"], &taker)["files"][0]["status"];
    assert_eq!(status["BytesFromLanPeers"], cloud.bytes, "{status}");
    let status = &ask(&["status"], &state)["files"][0]["status"];
    assert_eq!(status["BytesToInternetPeers"], cloud.bytes, "{status}");
    let month = ask(&["perfsnap", "--this-month"], &state);
    assert_eq!(month["snap"]["UploadInternetBytes"], cloud.bytes, "{month}");
    assert_eq!(month["snap"]["UploadLimitReached"], false, "{month}");

    // As if so many others had come this month: the policy's default is 20 GB.
    fill_the_month(&state, 20 * 1024 * 1024 * 1024);
    let sharing = share(&cloud, near, "kept");
    sharing.line(|line| peer::parse(line, "offered").is_some());
    let month = ask(&["perfsnap", "--this-month"], &state);
    assert_eq!(month["snap"]["UploadLimitReached"], true, "{month}");
    let (finished, refused) = cloud.device(far, "refused", &SHORT, &[]).ends();
    finished.assert_code(0);
    sharing.interrupt().assert_code(0);
    let status = &ask(&["status"], &refused)["files"][0]["status"];
    assert_eq!(status["NumPeers"], 1, "{status}");
    assert_eq!(status["BytesFromHttp"], cloud.bytes, "{status}");
    let log = ask(&["log"], &state).to_string();
    assert!(log.contains("monthly"), "the gate is in the log");
}

/// `dolab peer` with a device's state.
fn share(cloud: &Cloud, host: &Namespace, name: &str) -> Process {
    let folder = cloud.folder.path();
    let mut peer = host.dolab();
    peer.args(["peer", "--json", "-v", "--cloud"]);
    peer.arg(format!("https://{}", cloud.address));
    peer.arg("--ca").arg(folder.join("ca.pem"));
    peer.arg("--policy")
        .arg(folder.join(format!("{name}.toml")));
    peer.arg("--state").arg(folder.join(name));
    Process::start(peer)
}

fn fill_the_month(state: &Path, bytes: u64) {
    let path = state.join("state.json");
    let text = std::fs::read_to_string(&path).expect("the device has written its state");
    let mut state: Value = serde_json::from_str(&text).expect("a state is JSON");
    state["month"]["to"]["internet"] = bytes.into();
    std::fs::write(&path, state.to_string()).expect("it can be written");
}

/// The cache's quota is a share of the disk: the state lies on a disk of 1 GB that has room for two
/// contents and not for three.
#[test]
fn the_oldest_content_makes_room_for_a_new_one() {
    let Some(lan) = Lan::cable() else { return };
    let [host, device] = &lan.hosts[..] else {
        panic!("a cable has two ends");
    };
    let more = [
        "--share-synthetic",
        "12MiB:1",
        "--share-synthetic",
        "12MiB:2",
    ];
    let cloud = Cloud::start_with(host, SIZE, &more);
    let folder = cloud.folder.path();
    std::fs::create_dir(folder.join("disk")).expect("a folder can be made");
    let policies = format!("{BASE}DOMaxCacheSize = 3\n");
    std::fs::write(folder.join("small.toml"), policies).expect("it can be written");

    let mut script = device.command("unshare");
    script.args(["--mount", "sh", "-e", "-c", SCRIPT]);
    script.arg(dolab_tests::dolab().get_program());
    script.arg(format!("https://{}", cloud.address));
    script.args(cloud.urls(3)).current_dir(folder);
    let finished = Process::run(script);
    finished.assert_code(0);
    let documents: Vec<Value> = finished
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line.get("event").is_none())
        .collect();
    let [first, second, third, status, log] = &documents[..] else {
        panic!("{}\n{}", finished.stdout, finished.stderr);
    };
    let kept: Vec<_> = status["files"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|file| (&file["status"]["FileId"], &file["status"]["Status"]))
        .collect();
    let caching = Value::from("Caching");
    assert_eq!(kept, [(&second["id"], &caching), (&third["id"], &caching)]);
    let out = format!(
        "{}: out of the cache: room is needed",
        first["id"].as_str().unwrap_or("?")
    );
    assert!(log.to_string().contains(&out), "{log}");
}

const SCRIPT: &str = r#"
dolab=$0 cloud=$1; shift
mount -t tmpfs -o size=1g disk disk
for url; do
    "$dolab" fetch "$url" --json --force --cloud "$cloud" --ca ca.pem --policy small.toml \
        --state disk/state --output out.bin
done
"$dolab" status --json --state disk/state
"$dolab" log --json --state disk/state
"#;

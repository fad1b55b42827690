//! A background download on a link that somebody else wants. What is asserted are shares of one link
//! within one run, and generously; `cargo bench -p dolab-benches --bench polite` has the figures.

use dolab_tests::{Lan, Namespace, Process, foreground, note};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    content::write_sparse,
    peer::{self, parse},
};

/// The link of the host that downloads: a tenth of a second of queue, the last packet dropped.
const LINK: &str = "tbf rate 100mbit burst 32kb latency 100ms";

/// More than the link carries in the whole test.
const LEN: u64 = 1 << 30;

/// Seconds for which the link is measured alone, and shared.
const ALONE: u32 = 4;
const SHARED: u32 = 10;

/// Bytes after which a download counts as under way.
const UNDER_WAY: u64 = 48 << 20;

#[test]
fn a_background_download_leaves_the_link_to_others_and_takes_it_when_idle() {
    let Some(lan) = Lan::switch(3) else {
        return;
    };
    let [sharer, stranger, here] = &lan.hosts[..] else {
        unreachable!("three hosts were asked for");
    };
    let switch = lan.switch.as_ref().expect("a switch was asked for");
    switch.shape("port3", LINK);

    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
    let original = folder.path().join("original.bin");
    write_sparse(&original, LEN, 9);
    let share = ["--share", original.to_str().expect("the path is text")];
    let peer = peer::start(sharer.dolab(), &share);
    let id = peer.content_id();
    let server = iperf_server(stranger);

    let whole = foreground(here, stranger, ALONE);
    let fetch = |name: &str, more: &[&str]| {
        let mut fetch = here.dolab();
        let from = sharer.address.to_string();
        fetch.args(["fetch", &id, "--from", &from, "--json", "--output"]);
        fetch.arg(folder.path().join(name)).args(more);
        Process::start(fetch)
    };

    let polite = fetch("polite.bin", &["--background"]);
    let idle = under_way(&polite);
    let view = &idle["background"];
    assert!(view["limit_bits_per_second"].is_number(), "{idle:#}");
    assert!(view["queueing_ms"].is_number(), "{idle:#}");
    let used = idle["bits_per_second"].as_f64().expect("a rate") / whole;
    let left = foreground(here, stranger, SHARED) / whole;
    polite.kill();

    let plain = fetch("plain.bin", &[]);
    under_way(&plain);
    let control = foreground(here, stranger, SHARED) / whole;
    plain.kill();
    drop(server);

    note(&format!(
        "of {:.1} Mbit/s: {used:.3} used when idle; left to others {left:.3}, by a plain fetch {control:.3}",
        whole / 1e6
    ));
    assert!(used >= 0.75, "only {used} of an idle link was used");
    assert!(left >= 0.8, "only {left} of the link was left to others");
    assert!(
        control <= left - 0.15,
        "a plain download leaves {control} and a polite one {left}: this proves nothing"
    );
}

/// A server that any number of runs may use. It says when it is ready.
fn iperf_server(host: &Namespace) -> Process {
    let mut command = host.command("iperf3");
    command.args(["--server", "--forceflush"]);
    let server = Process::start(command);
    server.line(|line| line.contains("listening"));
    server
}

/// Waits until a download is under way, and returns how it stood then.
fn under_way(fetch: &Process) -> Value {
    let progress =
        |line: &str| parse(line, "progress").filter(|now| now["bytes"].as_u64() >= Some(UNDER_WAY));
    let line = fetch.line(|line| progress(line).is_some());
    progress(&line).expect("it was one a moment ago")
}

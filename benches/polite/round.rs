use std::{
    fs::{self, File},
    path::Path,
    time::Instant,
};

use dolab_tests::{Lan, Namespace, Process, foreground, note};
use serde_json::Value;
use tempfile::TempDir;

/// Links of the host that downloads: a queue of so much, at 100 Mbit/s.
const LINKS: [(&str, &str); 3] = [
    (
        "100 Mbit/s, queue 100 ms",
        "tbf rate 100mbit burst 32kb latency 100ms",
    ),
    (
        "100 Mbit/s, queue 200 ms",
        "tbf rate 100mbit burst 32kb latency 200ms",
    ),
    (
        "100 Mbit/s, queue 25 ms",
        "tbf rate 100mbit burst 32kb latency 25ms",
    ),
];

/// More than the link carries in a round.
const LEN: u64 = 1 << 30;

/// Seconds for which the link is measured alone, and shared.
const ALONE: u32 = 4;
const SHARED: u32 = 10;

/// Bytes after which a download counts as begun, and as under way. Between them its rate is taken.
const BEGUN: u64 = 20 << 20;
const UNDER_WAY: u64 = 80 << 20;

/// Where nginx listens.
const PORT: u16 = 8080;

/// Whom a download asks.
#[derive(Clone, Copy)]
enum Server {
    /// `dolab peer`.
    Peer,
    /// nginx.
    Http,
}

impl Server {
    const ALL: [Self; 2] = [Self::Peer, Self::Http];

    fn name(self) -> &'static str {
        match self {
            Self::Peer => "a peer",
            Self::Http => "nginx",
        }
    }
}

/// Shares of what a foreground transfer gets alone.
struct Shares {
    /// What the background download takes of an idle link.
    used: f64,
    /// What it leaves to a foreground transfer.
    left: f64,
    /// What a plain download leaves.
    control: f64,
}

pub(crate) fn run(rounds: usize, links: &str) {
    // Built now, not when the clock runs.
    dolab_tests::dolab();
    note("shares of what iperf3 gets alone: median (least to most)");
    note(
        "link                     from    idle link used          left to iperf3          left by a plain fetch",
    );
    for (name, discipline) in LINKS.iter().filter(|(name, _)| name.contains(links)) {
        let mut all: [[Vec<f64>; 3]; 2] = Default::default();
        for _ in 0..rounds {
            let Some(round) = round(discipline) else {
                return;
            };
            for (all, shares) in all.iter_mut().zip(round) {
                let shares = [shares.used, shares.left, shares.control];
                for (values, share) in all.iter_mut().zip(shares) {
                    values.push(share);
                }
            }
        }
        for (server, all) in Server::ALL.iter().zip(all) {
            let [used, left, control] = all.map(spread);
            let from = server.name();
            note(&format!(
                "{name:<24} {from:<7} {used:<23} {left:<23} {control}"
            ));
        }
    }
}

/// One network of its own. `None`, said aloud, where this user may not.
fn round(discipline: &str) -> Option<[Shares; 2]> {
    let lan = Lan::switch(3)?;
    let [sharer, stranger, here] = &lan.hosts[..] else {
        unreachable!("three hosts were asked for");
    };
    let switch = lan.switch.as_ref().expect("a switch was asked for");
    switch.shape("port3", discipline);
    let folder = TempDir::new().expect("a folder can be made");
    let original = folder.path().join("original.bin");
    File::create(&original)
        .and_then(|file| file.set_len(LEN))
        .expect("a file can be made");
    let mut share = sharer.dolab();
    share.args(["peer", "--json", "--share"]).arg(&original);
    let peer = Process::start(share);
    let sharing = event(&peer, "sharing", |_| true);
    let id = sharing["id"].as_str().expect("an id");
    event(&peer, "ready", |_| true);
    let mut server = stranger.command("iperf3");
    server.args(["--server", "--forceflush"]);
    let server = Process::start(server);
    server.line(|line| line.contains("listening"));

    let nginx = nginx(sharer, folder.path(), &original);

    let url = format!("http://{}:{PORT}/original.bin", sharer.address);
    let from = sharer.address.to_string();
    let fetch = |server: Server, name: &str, more: &[&str]| {
        let mut fetch = here.dolab();
        fetch.args(["fetch", "--json", "--output"]);
        fetch.arg(folder.path().join(name)).args(more);
        // Nothing is taken up again that an earlier one left.
        let state = folder.path().join(format!("{name}.state"));
        fetch.arg("--state").arg(state);
        match server {
            Server::Peer => fetch.args([id, "--from", &from]),
            Server::Http => fetch.arg(&url),
        };
        Process::start(fetch)
    };
    let whole = foreground(here, stranger, ALONE);
    let shares = Server::ALL.map(|server| {
        let polite = fetch(server, "polite.bin", &["--background", "--force"]);
        let used = rate(&polite);
        let left = foreground(here, stranger, SHARED);
        polite.kill();
        let plain = fetch(server, "plain.bin", &["--force"]);
        rate(&plain);
        let control = foreground(here, stranger, SHARED);
        plain.kill();
        Shares {
            used: used / whole,
            left: left / whole,
            control: control / whole,
        }
    });
    nginx.kill();
    Some(shares)
}

/// nginx, which serves a file.
fn nginx(host: &Namespace, folder: &Path, file: &Path) -> Process {
    let config = folder.join("nginx.conf");
    let text = format!(
        "daemon off; worker_processes 1; user root; pid {folder}/pid; error_log stderr notice;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on;\n\
         server {{ listen {address}:{PORT}; location = /original.bin {{ alias {file}; }} }} }}\n",
        folder = folder.display(),
        address = host.address,
        file = file.display(),
    );
    fs::write(&config, text).expect("there is room for a few lines");
    let mut server = host.command("nginx");
    server.arg("-p").arg(folder).arg("-c").arg(&config);
    let process = Process::start(server);
    // By then it listens.
    process.error_line(|line| line.contains("start worker processes"));
    process
}

/// Waits until a download is under way. Returns what it takes, in bits per second.
fn rate(fetch: &Process) -> f64 {
    let reached = |bytes: u64| {
        let now = event(fetch, "progress", |now| {
            now["bytes"].as_u64() >= Some(bytes)
        });
        (Instant::now(), now["bytes"].as_f64().expect("a number"))
    };
    let (began, first) = reached(BEGUN);
    let (ended, last) = reached(UNDER_WAY);
    (last - first) * 8.0 / (ended - began).as_secs_f64()
}

/// Waits for an event that `wanted` likes.
fn event(process: &Process, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let parse = |line: &str| {
        let event: Value = serde_json::from_str(line).ok()?;
        (event["event"] == name && wanted(&event)).then_some(event)
    };
    let line = process.line(|line| parse(line).is_some());
    parse(&line).expect("it was one a moment ago")
}

fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (first, last) = (values[0], values[values.len() - 1]);
    format!("{:.3} ({first:.3} to {last:.3})", values[values.len() / 2])
}

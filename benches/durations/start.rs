//! From the start of `dolab peer` until its port can be connected to, and its memory then.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use dolab_tests::{Lan, Process, note};

use super::spread;

/// The word by which this program starts itself again inside a network namespace, where the port
/// is free and no other program's start is in the figure.
pub(super) const INSIDE: &str = "start-inside";

const ROUNDS: usize = 15;
const PORT: u16 = 7680;

/// Memory is read so long after the start: what is done once is done by then.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) fn run() {
    let Some(lan) = Lan::switch(2) else {
        return;
    };
    note(&format!(
        "{:<34} {:>8} {:>15} {:>10} {:>10}",
        "dolab peer", "ms", "range", "idle MiB", "peak MiB"
    ));
    let cases: [(&str, &[&str], usize); 3] = [
        ("until tcp 7680 accepts", &[], ROUNDS),
        ("the same, not announced", &["--no-announce"], ROUNDS),
        ("sharing 1 GiB", &["--share-synthetic", "1GiB"], 3),
    ];
    for (name, arguments, rounds) in cases {
        let figures: Vec<[f64; 3]> = (0..rounds).map(|_| once(&lan, arguments)).collect();
        let column = |at: usize| figures.iter().map(|figure| figure[at]).collect();
        let [median, least, most] = spread(column(0));
        let (idle, peak) = (spread(column(1))[0], spread(column(2))[0]);
        note(&format!(
            "{name:<34} {median:>8.1} {:>15} {idle:>10.1} {peak:>10.1}",
            format!("{least:.1} to {most:.1}")
        ));
    }
}

/// Milliseconds, and MiB when idle and at the peak.
fn once(lan: &Lan, arguments: &[&str]) -> [f64; 3] {
    let me = std::env::current_exe().expect("this program has a path");
    let mut command = lan.hosts[0].command(me);
    let dolab = dolab_tests::dolab();
    command.arg(INSIDE).arg(dolab.get_program()).args(arguments);
    let finished = Process::run(command);
    let figures: Vec<f64> = finished
        .stdout
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    figures
        .try_into()
        .unwrap_or_else(|_| panic!("it did not start: {}", finished.stderr))
}

/// What runs inside the namespace.
pub(super) fn inside(program: &str, arguments: &[String]) {
    let began = Instant::now();
    let mut peer = Command::new(program)
        .arg("peer")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let target = (Ipv4Addr::LOCALHOST, PORT);
    while TcpStream::connect(target).is_err() {
        let ended = peer.try_wait().expect("a child can be waited for");
        assert!(ended.is_none(), "it ended: {ended:?}");
        thread::yield_now();
    }
    let took = began.elapsed();
    thread::sleep(SETTLED);
    let status = fs::read_to_string(format!("/proc/{}/status", peer.id())).unwrap_or_default();
    let kibibytes = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0.0)
    };
    note_raw(took, kibibytes("VmRSS:"), kibibytes("VmHWM:"));
    peer.kill().expect("it still runs");
    peer.wait().expect("a child can be waited for");
}

#[expect(clippy::print_stdout, reason = "this is what the caller reads")]
fn note_raw(took: Duration, idle: f64, peak: f64) {
    let milliseconds = took.as_secs_f64() * 1e3;
    println!("{milliseconds} {} {}", idle / 1024.0, peak / 1024.0);
}

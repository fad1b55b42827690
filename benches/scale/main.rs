//! What a peer costs as it shares more contents and holds more connections, up to a thousand of
//! each: resident memory and processor time, with what one more of a kind adds.
//!
//! ```text
//! cargo bench -p dolab-benches --bench scale
//! ```
//!
//! The peer is `dolab_peer::Peer` in a process of its own, with the limits on connections lifted
//! and nothing of the program around it; the others are sockets of this one.

#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
mod host;

#[cfg(target_os = "linux")]
use host::Host;

const COUNTS: [usize; 4] = [1, 10, 100, 1_000];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    #[cfg(target_os = "linux")]
    if let [word, contents] = &arguments[..]
        && word == host::INSIDE
    {
        return host::inside(contents.parse().expect("a number of contents"));
    }
    // `cargo test --benches` calls this too, and wants no measurement.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return dolab_tests::note("scale: measures under `cargo bench` only");
    }
    #[cfg(target_os = "linux")]
    {
        contents();
        idle_connections();
        active_connections();
    }
    #[cfg(not(target_os = "linux"))]
    dolab_tests::note(&format!("NOT RUN: Linux only, up to {COUNTS:?}"));
}

#[cfg(target_os = "linux")]
fn title(what: &str, last: &str) {
    let (memory, more) = ("resident KiB", "KiB for each");
    dolab_tests::note(&format!("{what:>18} {memory:>14} {more:>14} {last:>16}"));
}

/// A row: `more` is what each of so many adds to what there is with none.
#[cfg(target_os = "linux")]
fn row(count: usize, kibibytes: u64, without: u64, last: f64) {
    let each = kibibytes.saturating_sub(without) as f64 / count.max(1) as f64;
    dolab_tests::note(&format!(
        "{count:>18} {kibibytes:>14} {each:>14.2} {last:>16.3}"
    ));
}

#[cfg(target_os = "linux")]
fn contents() {
    title("shared contents", "idle CPU ms/s");
    let none = Host::start(0).resident_after_settling();
    for count in COUNTS {
        let host = Host::start(count);
        let resident = host.resident_after_settling();
        row(count, resident, none, host.idle_cpu());
    }
}

#[cfg(target_os = "linux")]
fn idle_connections() {
    title("idle connections", "idle CPU ms/s");
    let host = Host::start(1);
    let none = host.resident_after_settling();
    for count in COUNTS {
        let crowd = crowd::join(&host, count);
        let resident = host.resident_after_settling();
        row(count, resident, none, host.idle_cpu());
        drop(crowd);
    }
}

#[cfg(target_os = "linux")]
fn active_connections() {
    title("busy connections", "CPU s per GiB");
    for count in COUNTS {
        let host = Host::start(1);
        let none = host.resident_after_settling();
        let before = host.cpu();
        let bytes = crowd::drink(&host, count);
        let seconds = host.cpu() - before;
        let per_gibibyte = seconds * f64::from(1 << 30) / bytes as f64;
        row(count, host.peak(), none, per_gibibyte);
    }
}

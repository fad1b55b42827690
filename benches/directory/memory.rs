//! Memory for each registration: as the directory counts it, and as the system sees it in a process
//! of its own.

use std::{fs, process::Command};

use crate::crowd::{Crowd, Kind};

/// The word by which this program starts itself again.
const INSIDE: &str = "directory-inside";

const KINDS: [(&str, Kind); 2] = [("sites", Kind::Sites), ("strangers", Kind::Strangers)];

/// Whether this process is the inner one; then it has done its work.
pub(super) fn inside(arguments: &[String]) -> bool {
    let [word, kind, count] = arguments else {
        return false;
    };
    if word != INSIDE {
        return false;
    }
    let (_, kind) = KINDS
        .into_iter()
        .find(|(name, _)| name == kind)
        .expect("a kind");
    let before = resident();
    let crowd = Crowd::new(kind, count.parse().expect("a number"));
    let counts = crowd.directory.counts();
    let grown = resident().saturating_sub(before);
    dolab_tests::note(&format!("{} {} {grown}", counts.bytes, counts.circles));
    true
}

pub(super) fn table(counts: &[u32]) {
    dolab_tests::note(&format!(
        "{:>10} {:>14} {:>10} {:>16} {:>16}",
        "kind", "registrations", "circles", "bytes counted", "bytes resident"
    ));
    for (name, _) in KINDS {
        for &count in counts {
            let me = std::env::current_exe().expect("this program has a path");
            let output = Command::new(me)
                .args([INSIDE, name, &count.to_string()])
                .output();
            let output = output.expect("this program starts again");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            let mut words = said.split_whitespace();
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
            let (bytes, circles, grown) = (number(), number(), number());
            let each = |bytes: Option<u64>| {
                bytes.map_or_else(
                    || "-".into(),
                    |bytes| format!("{:.1} each", bytes as f64 / f64::from(count)),
                )
            };
            dolab_tests::note(&format!(
                "{name:>10} {count:>14} {:>10} {:>16} {:>16}",
                circles.unwrap_or(0),
                each(bytes),
                each(grown.filter(|&grown| grown > 0)),
            ));
        }
    }
}

/// Bytes of resident memory; 0 where the system does not tell.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

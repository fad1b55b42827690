//! iperf3, as the stranger that competes for a link.

use serde_json::Value;

use crate::{Namespace, Process};

/// What a TCP transfer gets that takes all it can, in bits a second, by iperf3's own account.
/// `from` runs a server of iperf3.
///
/// # Panics
/// Where iperf3 fails.
pub fn foreground(to: &Namespace, from: &Namespace, seconds: u32) -> f64 {
    let mut command = to.command("iperf3");
    command.args(["--client", &from.address.to_string()]);
    command.args(["--reverse", "--json", "--time", &seconds.to_string()]);
    let finished = Process::run(command);
    finished.assert_code(0);
    let report: Value = serde_json::from_str(&finished.stdout).expect("iperf3 writes JSON");
    let rate = &report["end"]["sum_received"]["bits_per_second"];
    rate.as_f64().expect("a rate")
}

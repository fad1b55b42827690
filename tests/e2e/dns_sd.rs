//! Somebody else's DNS-SD sees what the program announces.

use std::process::Command;

use dolab_tests::{Namespace, Net, Process, Topology, not_run};

use crate::peer;

/// Runs avahi with a bus of its own, and a program that uses it (the arguments). In a mount namespace
/// of its own, so that it does not meet the bus and the avahi of the machine.
const AVAHI: &str = r#"
set -e
mount -t tmpfs tmpfs /run
mkdir /run/dbus /run/avahi-daemon
printf '[server]\nhost-name=stranger\nallow-interfaces=eth0\nuse-ipv6=yes\n' > /run/avahi.conf
dbus-daemon --system --nofork --nopidfile \
    --address=unix:path=/run/dbus/system_bus_socket >/dev/null &
until avahi-daemon --no-drop-root --no-chroot --no-rlimits -f /run/avahi.conf; do :; done &
until "$@"; do :; done
"#;

#[test]
fn avahi_resolves_a_peer_and_sees_it_leave() {
    let Some(net) = Net::new(Topology::Switch) else {
        return;
    };
    let browse = ["avahi-browse", "--resolve", "--parsable", "_dosvc._tcp"];
    let Some(browser) = avahi(&net.here, &browse) else {
        return;
    };
    let peer = peer::start(net.there.dolab(), &["--share-synthetic", "4MiB"]);
    let address = net.there.address.to_string();
    // `=` stands for an instance that was resolved: its fields are interface, protocol, name, type,
    // domain, host, address, port, and the TXT record.
    let resolved = browser.line(|line| line.starts_with('=') && line.contains(&address));
    let fields: Vec<&str> = resolved.splitn(10, ';').collect();
    assert_eq!(fields[..3], ["=", "eth0", "IPv4"], "{resolved}");
    assert_eq!(fields[4..6], ["_dosvc._tcp", "local"], "{resolved}");
    assert_eq!(fields[7..9], [address.as_str(), "7680"], "{resolved}");
    assert!(
        !fields[9].is_empty(),
        "the TXT record says nothing of a lab peer: {resolved}"
    );
    let instance = fields[3].to_owned();
    let finished = peer.into_process().interrupt();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    // `-` stands for an instance that took its leave.
    browser.line(|line| line.starts_with('-') && line.contains(&instance));
}

/// avahi on a host, and a program that uses it. `None` where it is not installed, which is said.
pub(crate) fn avahi(host: &Namespace, program: &[&str]) -> Option<Process> {
    if let Some(missing) = first_missing(&["avahi-daemon", program[0], "dbus-daemon"]) {
        not_run(&format!("it needs {missing}"));
        return None;
    }
    let mut shell = host.command("unshare");
    shell.args(["--mount", "--propagation", "private", "bash", "-c", AVAHI]);
    shell.arg("avahi").args(program);
    Some(Process::start(shell))
}

/// The first of these programs that this machine lacks.
fn first_missing<'a>(programs: &[&'a str]) -> Option<&'a str> {
    programs.iter().copied().find(|program| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        !found.is_ok_and(|found| found.status.success())
    })
}

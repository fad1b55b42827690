//! The commands that mend a finding, on the right host and for its system.

use crate::{
    case::Case,
    firewall::{Scope, Want, Way, rules},
    report::{Fix, FixHost, System},
};

const LINUX: [System; 4] = [
    System::Nftables,
    System::Ufw,
    System::Firewalld,
    System::Iptables,
];

/// Commands that let packets of a path pass on a host: for the system that it runs, or for every
/// system where that is not known.
pub(super) fn open(case: &Case, host: FixHost, want: Want) -> Vec<Fix> {
    let systems = match case.os(host) {
        Some("windows") => vec![System::Windows],
        Some("linux") => LINUX.to_vec(),
        _ => [System::Windows].into_iter().chain(LINUX).collect(),
    };
    let commands = |system| {
        let rules = rules(system, &[want], &Scope::default());
        rules.into_iter().map(move |rule| Fix {
            host,
            system,
            command: rule.command,
        })
    };
    systems.into_iter().flat_map(commands).collect()
}

/// Commands for a path that `port` was tried on.
pub(super) fn open_path(
    case: &Case,
    host: FixHost,
    path: &crate::case::Judged,
    way: Way,
) -> Vec<Fix> {
    open(
        case,
        host,
        Want {
            path: path.evidence.path,
            port: path.port(),
            way,
        },
    )
}

/// Stops Delivery Optimization itself, which starts again when it is next asked for something.
pub(super) fn stop_delivery_optimization(case: &Case, host: FixHost) -> Vec<Fix> {
    match case.os(host) {
        Some(os) if os != "windows" => Vec::new(),
        _ => {
            let command = "Stop-Service -Name DoSvc".to_owned();
            vec![Fix {
                host,
                system: System::Windows,
                command,
            }]
        }
    }
}

//! `dolab firewall`.

use std::path::Path;

use dolab_check::{
    firewall::{self, Cidr, Rule, Scope, Want, Way},
    report::{PathId, System},
};
use serde::Serialize;

use crate::{
    args::{FirewallArgs, FirewallSystem},
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
};

pub(crate) fn run(args: &FirewallArgs, output: &Output) -> CommandResult {
    let scope = Scope {
        remote: args
            .from
            .iter()
            .map(|text| text.parse::<Cidr>().map_err(Failure::wrong_use))
            .collect::<Result<_, _>>()?,
        profile: None,
    };
    let system = args.system.map_or_else(here, System::from);
    let rules = rules(system, &scope);
    for line in header(system) {
        output.line(format_args!("# {line}"));
    }
    for rule in &rules {
        let Rule {
            title,
            command,
            why,
        } = rule;
        output.line(format_args!("\n# {title}\n# {why}\n{command}"));
    }
    output.document(&Document {
        schema: "dolab.firewall/1",
        system,
        rules: rules
            .iter()
            .map(|rule| Line {
                title: &rule.title,
                command: &rule.command,
                why: &rule.why,
            })
            .collect(),
    });
    Ok(Exit::Good)
}

/// The rules, each once. `scope` is about the peers: the cloud, a Teredo server and the multicast
/// group of DNS-SD are none of them.
fn rules(system: System, scope: &Scope) -> Vec<Rule> {
    let elsewhere = |want: &Want| {
        want.way == Way::Out
            && matches!(
                want.path,
                PathId::Tcp443 | PathId::Udp443 | PathId::Udp3544 | PathId::Udp5353
            )
    };
    let (elsewhere, peers): (Vec<_>, Vec<_>) = Want::usual().into_iter().partition(elsewhere);
    let mut rules = firewall::rules(system, &peers, scope);
    for rule in firewall::rules(system, &elsewhere, &Scope::default()) {
        if rules.iter().all(|other| other.command != rule.command) {
            rules.push(rule);
        }
    }
    rules
}

/// What to know before pasting.
fn header(system: System) -> &'static [&'static str] {
    match system {
        System::Windows => &["windows: paste into powershell as administrator"],
        System::Nftables => &[
            "linux with nftables: run as root; they last until the rules are loaded anew",
            "where your table is no `inet filter`, `nft list ruleset` tells its name",
        ],
        System::Ufw => &["linux with ufw: run as root"],
        System::Firewalld => &["linux with firewalld: run as root"],
        System::Iptables => {
            &["linux with iptables: run as root; they last until the rules are loaded anew"]
        }
    }
}

/// What keeps the rules of this host, judged by what is installed and switched on.
fn here() -> System {
    if cfg!(windows) {
        return System::Windows;
    }
    let ufw = std::fs::read_to_string("/etc/ufw/ufw.conf").unwrap_or_default();
    let installed = |name: &str| {
        ["/usr/sbin", "/sbin", "/usr/bin"]
            .iter()
            .any(|folder| Path::new(folder).join(name).exists())
    };
    if ufw
        .lines()
        .any(|line| line.trim().eq_ignore_ascii_case("enabled=yes"))
    {
        System::Ufw
    } else if Path::new("/run/firewalld").exists() {
        System::Firewalld
    } else if installed("iptables") && !installed("nft") {
        System::Iptables
    } else {
        System::Nftables
    }
}

impl From<FirewallSystem> for System {
    fn from(system: FirewallSystem) -> Self {
        match system {
            FirewallSystem::Windows => Self::Windows,
            FirewallSystem::Nftables => Self::Nftables,
            FirewallSystem::Ufw => Self::Ufw,
            FirewallSystem::Firewalld => Self::Firewalld,
            FirewallSystem::Iptables => Self::Iptables,
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    system: System,
    rules: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    title: &'a str,
    command: &'a str,
    why: &'a str,
}

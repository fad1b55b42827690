//! `dolab firewall`.

use dolab_check::{
    firewall::{self, Cidr, Scope, Want},
    report::System,
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
    let rules: Vec<_> = firewall::rules(system, &Want::usual(), &scope);
    for rule in &rules {
        output.line(format_args!(
            "# {}: {}\n{}\n",
            rule.title, rule.why, rule.command
        ));
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

/// What most hosts of this kind have.
fn here() -> System {
    if cfg!(windows) {
        System::Windows
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

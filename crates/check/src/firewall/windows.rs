use super::{Rule, Scope, Want, Way};
use crate::report::{PathId, Protocol};

/// Windows PowerShell. Windows keeps state, so that answers need no rule; and a rule that blocks
/// beats any that allows, so that for those there is a command that shows the blocking ones.
pub(super) fn rules(want: &Want, scope: &Scope) -> Vec<Rule> {
    let mut rules = Vec::new();
    if want.way == Way::In && want.path == PathId::Tcp7680 && want.port == want.path.port() {
        rules.extend(built_in(scope));
    }
    match want.way {
        Way::In | Way::Out => rules.push(by_port(want, scope)),
        Way::AnswersIn | Way::AnswersOut => {}
    }
    if want.way != Way::In {
        rules.push(blocking(want));
    }
    rules
}

/// Delivery Optimization's own rules: switched on, or made anew where somebody removed them.
fn built_in(scope: &Scope) -> impl Iterator<Item = Rule> {
    let narrow = narrowed(scope);
    ["TCP", "UDP"].into_iter().flat_map(move |protocol| {
        let id = format!("DeliveryOptimization-{protocol}-In");
        let enable = match narrow.is_empty() {
            true => format!("Enable-NetFirewallRule -Name {id}"),
            false => format!("Set-NetFirewallRule -Name {id} -Enabled True{narrow}"),
        };
        let renew = format!(
            "New-NetFirewallRule -Name {id} -DisplayName {} -Direction Inbound -Action Allow \
             -Protocol {protocol} -LocalPort 7680 -Program {} -Service dosvc \
             -EdgeTraversalPolicy Allow{narrow}",
            quote(&format!("Delivery Optimization ({protocol}-In)")),
            quote(r"%SystemRoot%\system32\svchost.exe"),
        );
        let why = "lets others in to the service dosvc, and to no other program".to_owned();
        [
            Rule {
                title: format!("switch on Delivery Optimization's own rule {id}"),
                command: enable,
                why: why.clone(),
            },
            Rule {
                title: format!("make {id} anew, where it was removed"),
                command: renew,
                why,
            },
        ]
    })
}

fn by_port(want: &Want, scope: &Scope) -> Rule {
    let (protocol, port) = (protocol(want), want.port);
    let (direction, side, suffix) = match want.way {
        Way::Out => ("Outbound", "RemotePort", "out"),
        Way::In | Way::AnswersIn | Way::AnswersOut => ("Inbound", "LocalPort", "in"),
    };
    let name = quote(&format!(
        "dolab-{}-{port}-{suffix}",
        protocol.to_lowercase()
    ));
    let shown = quote(&format!("dolab {protocol} {port} {suffix}"));
    let narrowed = narrowed(scope);
    Rule {
        title: format!("let {protocol} {port} {suffix}, for any program"),
        command: format!(
            "New-NetFirewallRule -Name {name} -DisplayName {shown} -Direction {direction} \
             -Action Allow -Protocol {protocol} -{side} {port}{narrowed}"
        ),
        why: want.why(),
    }
}

fn blocking(want: &Want) -> Rule {
    let direction = match want.way {
        Way::Out | Way::AnswersOut => "Outbound",
        Way::In | Way::AnswersIn => "Inbound",
    };
    Rule {
        title: format!("show the rules that block {}", direction.to_lowercase()),
        command: format!(
            "Get-NetFirewallRule -Direction {direction} -Action Block -Enabled True \
             -PolicyStore ActiveStore"
        ),
        why: "a rule that blocks beats every rule that allows".to_owned(),
    }
}

fn narrowed(scope: &Scope) -> String {
    let mut text = String::new();
    if !scope.remote.is_empty() {
        let list: Vec<String> = scope.remote.iter().map(|c| quote(&c.to_string())).collect();
        text += &format!(" -RemoteAddress {}", list.join(","));
    }
    if let Some(profile) = scope.profile {
        text += &format!(" -Profile {profile}");
    }
    text
}

fn protocol(want: &Want) -> &'static str {
    match want.path.protocol() {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    }
}

/// A PowerShell literal: nothing in single quotes is expanded, and a quote is written twice.
/// PowerShell takes the typographic quotes for quotes too.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

use super::{Cidr, Rule, Scope, Want, Way};
use crate::report::Protocol;

/// nft. A packet passes only if no table drops it, so that an accepting table of our own would be
/// of no use: the rule goes to the front of the chain that drops. Its usual name is assumed.
pub(super) fn nftables(want: &Want, scope: &Scope) -> Vec<Rule> {
    let (protocol, port) = (protocol(want), want.port);
    let insert = |chain: &str, matches: String| {
        rule(
            want,
            format!("nft 'insert rule inet filter {chain} {matches} accept'"),
        )
    };
    let (chain, end) = match want.way {
        Way::In => ("input", "saddr"),
        Way::Out => ("output", "daddr"),
        Way::AnswersIn => return vec![insert("input", ESTABLISHED_NFT.to_owned())],
        Way::AnswersOut => return vec![insert("output", ESTABLISHED_NFT.to_owned())],
    };
    let by_family = families(scope)
        .into_iter()
        .map(|(four, list)| match list.as_slice() {
            [] => insert(chain, format!("{protocol} dport {port}")),
            list => {
                let family = if four { "ip" } else { "ip6" };
                let list = list.join(", ");
                insert(
                    chain,
                    format!("{family} {end} {{ {list} }} {protocol} dport {port}"),
                )
            }
        });
    // Without a scope both families are one rule.
    let mut rules: Vec<Rule> = by_family.collect();
    rules.dedup();
    rules
}

const ESTABLISHED_NFT: &str = "ct state established,related";

/// ufw. `prepend` puts the rule before those that deny (ufw 0.36 and later).
pub(super) fn ufw(want: &Want, scope: &Scope) -> Vec<Rule> {
    let (protocol, port) = (protocol(want), want.port);
    let lines: Vec<String> = match (want.way, scope.remote.as_slice()) {
        (Way::In, []) => vec![format!("in proto {protocol} to any port {port}")],
        (Way::Out, []) => vec![format!("out proto {protocol} to any port {port}")],
        (Way::In, list) => list
            .iter()
            .map(|from| format!("in proto {protocol} from {from} to any port {port}"))
            .collect(),
        (Way::Out, list) => list
            .iter()
            .map(|to| format!("out proto {protocol} to {to} port {port}"))
            .collect(),
        (Way::AnswersIn, _) => vec![format!("in proto {protocol} from any port {port}")],
        (Way::AnswersOut, _) => vec![format!("out proto {protocol} from any port {port}")],
    };
    lines
        .into_iter()
        .map(|line| rule(want, format!("ufw prepend allow {line}")))
        .collect()
}

/// firewalld: the default zone for what comes in, a direct rule for what goes out, which its zones
/// do not filter. The second command makes the running firewall take it.
pub(super) fn firewalld(want: &Want, scope: &Scope) -> Vec<Rule> {
    let (protocol, port) = (protocol(want), want.port);
    let permanent = |what: String| {
        rule(
            want,
            format!("firewall-cmd --permanent {what} && firewall-cmd --reload"),
        )
    };
    let direct = |four: bool, chain: &str, matches: &str| {
        let family = if four { "ipv4" } else { "ipv6" };
        permanent(format!(
            "--direct --add-rule {family} filter {chain} 0 {matches} -j ACCEPT"
        ))
    };
    match want.way {
        Way::In if scope.remote.is_empty() => {
            vec![permanent(format!("--add-port={port}/{protocol}"))]
        }
        Way::In => scope
            .remote
            .iter()
            .map(|from| {
                let family = if from.is_ipv4() { "ipv4" } else { "ipv6" };
                permanent(format!(
                    "--add-rich-rule='rule family=\"{family}\" source address=\"{from}\" \
                     port port=\"{port}\" protocol=\"{protocol}\" accept'"
                ))
            })
            .collect(),
        Way::Out => ends(scope)
            .into_iter()
            .map(|(four, end)| {
                let to = end.map(|e| format!("-d {e} ")).unwrap_or_default();
                direct(four, "OUTPUT", &format!("{to}-p {protocol} --dport {port}"))
            })
            .collect(),
        Way::AnswersIn => [true, false]
            .map(|four| direct(four, "INPUT", ESTABLISHED))
            .into(),
        Way::AnswersOut => [true, false]
            .map(|four| direct(four, "OUTPUT", ESTABLISHED))
            .into(),
    }
}

const ESTABLISHED: &str = "-m conntrack --ctstate ESTABLISHED,RELATED";

/// iptables and ip6tables.
pub(super) fn iptables(want: &Want, scope: &Scope) -> Vec<Rule> {
    let (protocol, port) = (protocol(want), want.port);
    let insert = |four: bool, chain: &str, matches: &str| {
        let program = if four { "iptables" } else { "ip6tables" };
        rule(want, format!("{program} -I {chain} {matches} -j ACCEPT"))
    };
    let (chain, side) = match want.way {
        Way::In => ("INPUT", "-s"),
        Way::Out => ("OUTPUT", "-d"),
        Way::AnswersIn => {
            return [true, false]
                .map(|f| insert(f, "INPUT", ESTABLISHED))
                .into();
        }
        Way::AnswersOut => {
            return [true, false]
                .map(|f| insert(f, "OUTPUT", ESTABLISHED))
                .into();
        }
    };
    ends(scope)
        .into_iter()
        .map(|(four, end)| {
            let end = end.map(|e| format!("{side} {e} ")).unwrap_or_default();
            insert(four, chain, &format!("{end}-p {protocol} --dport {port}"))
        })
        .collect()
}

fn rule(want: &Want, command: String) -> Rule {
    let (protocol, port) = (protocol(want), want.port);
    let title = match want.way {
        Way::In => format!("let {protocol} {port} in"),
        Way::Out => format!("let {protocol} {port} out"),
        Way::AnswersIn => "let answers to this host's own requests in".to_owned(),
        Way::AnswersOut => "let this host's answers out".to_owned(),
    };
    Rule {
        title,
        command,
        why: want.why(),
    }
}

fn protocol(want: &Want) -> &'static str {
    match want.path.protocol() {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// The scope by family: whether IPv4, and its networks. Both, with none, where there is no scope.
fn families(scope: &Scope) -> Vec<(bool, Vec<String>)> {
    let of = |four: bool| {
        let list = scope.remote.iter().filter(|c| c.is_ipv4() == four);
        (four, list.map(Cidr::to_string).collect::<Vec<_>>())
    };
    let everybody = scope.remote.is_empty();
    [of(true), of(false)]
        .into_iter()
        .filter(|(_, list)| everybody || !list.is_empty())
        .collect()
}

/// Each end of the scope with its family, for systems that take one at a time.
fn ends(scope: &Scope) -> Vec<(bool, Option<String>)> {
    match scope.remote.as_slice() {
        [] => vec![(true, None), (false, None)],
        list => list
            .iter()
            .map(|c| (c.is_ipv4(), Some(c.to_string())))
            .collect(),
    }
}

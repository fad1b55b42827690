//! Firewalls as text for `nft`.

use super::Act;
use crate::topology::{
    Action, Filter, Host, MiddleboxKind, NatKind, Ports, Protocol, Router, Rule, Subnet,
};

/// The firewall of a host.
pub(super) fn host(host: &Host) -> Option<Act> {
    let chains = [
        chain("input", "input", &[], &host.input),
        chain("output", "output", &[], &host.output),
    ];
    table(chains.into_iter().flatten())
}

/// The firewall of a router, and what its NATs and middleboxes need of it.
pub(super) fn router(router: &Router) -> Option<Act> {
    let mut first = Vec::new();
    for nat in &router.nat {
        let outside = &nat.outside;
        first.push(format!(
            "iifname \"{outside}\" ct state established,related accept"
        ));
        if matches!(nat.kind, NatKind::FullCone | NatKind::AddressRestricted) {
            first.push(format!("iifname \"{outside}\" ct status dnat accept"));
        }
        first.push(format!("iifname \"{outside}\" drop"));
    }
    // What comes from outside must not leave an entry in the table of connections: it would move
    // the mapping of who sends to the same address next.
    let chains = [
        chain("input", "input", &first, &router.input),
        chain("forward", "forward", &first, &router.forward),
    ];
    table(chains.into_iter().flatten())
}

fn table(chains: impl Iterator<Item = String>) -> Option<Act> {
    let chains: String = chains.collect();
    (!chains.is_empty()).then(|| Act::Nft(format!("table inet lab {{\n{chains}}}\n")))
}

/// A chain, or nothing where it would let everything pass. `first`: lines before the rules.
fn chain(name: &str, hook: &str, first: &[String], filter: &Filter) -> Option<String> {
    let open = filter.policy == Action::Accept && filter.rules.is_empty();
    if open && first.is_empty() {
        return None;
    }
    let mut text = format!("  chain {name} {{\n    type filter hook {hook} priority 0;\n");
    let mut line = |line: &str| text.push_str(&format!("    {line}\n"));
    if hook == "input" {
        line("iif lo accept");
    } else if hook == "output" {
        line("oif lo accept");
    }
    if !open {
        line(
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept",
        );
        line("ct state established,related accept");
    }
    first.iter().for_each(|first| line(first));
    for rule in &filter.rules {
        rule_lines(rule).iter().for_each(|rule| line(rule));
    }
    if filter.policy != Action::Accept {
        verdict_lines("", filter.policy)
            .iter()
            .for_each(|rule| line(rule));
    }
    text.push_str("  }\n");
    Some(text)
}

fn rule_lines(rule: &Rule) -> Vec<String> {
    let mut fits = String::new();
    if let Some(adapter) = &rule.arrived {
        fits.push_str(&format!("iifname \"{adapter}\" "));
    }
    if let Some(adapter) = &rule.leaves {
        fits.push_str(&format!("oifname \"{adapter}\" "));
    }
    fits.push_str(&addresses(rule.from, rule.to));
    fits.push_str(&transport(rule.protocol, rule.port.as_ref(), None));
    verdict_lines(&fits, rule.action)
}

/// The match for addresses, with a blank after it; empty for all.
pub(super) fn addresses(from: Option<Subnet>, to: Option<Subnet>) -> String {
    let one = |subnet: Option<Subnet>, side: &str| {
        subnet.map_or_else(String::new, |subnet| {
            let family = if subnet.address().is_ipv4() {
                "ip"
            } else {
                "ip6"
            };
            format!("{family} {side} {subnet} ")
        })
    };
    one(from, "saddr") + &one(to, "daddr")
}

/// The match for protocol and ports, with a blank after it; empty for all.
pub(super) fn transport(
    protocol: Option<Protocol>,
    to: Option<&Ports>,
    from: Option<&Ports>,
) -> String {
    let header = match protocol {
        Some(Protocol::Icmp) => return "meta l4proto { icmp, ipv6-icmp } ".to_owned(),
        Some(Protocol::Tcp) => "tcp",
        Some(Protocol::Udp) => "udp",
        None => "th",
    };
    if to.is_none() && from.is_none() {
        return protocol.map_or_else(String::new, |_| format!("meta l4proto {header} "));
    }
    let mut fits = match protocol {
        None => "meta l4proto { tcp, udp } ".to_owned(),
        Some(_) => String::new(),
    };
    for (ports, side) in [(to, "dport"), (from, "sport")] {
        if let Some(ports) = ports {
            fits.push_str(&format!("{header} {side} {ports} "));
        }
    }
    fits
}

/// Rules that do this to what fits.
pub(super) fn verdict_lines(fits: &str, action: Action) -> Vec<String> {
    let reject = |how: &str| vec![format!("{fits}reject with {how}")];
    match action {
        Action::Accept => vec![format!("{fits}accept")],
        Action::Drop => vec![format!("{fits}drop")],
        Action::Reject => reject("icmpx port-unreachable"),
        Action::HostUnreachable => reject("icmpx host-unreachable"),
        // Only IPv4 has these.
        Action::NetUnreachable => reject_v4(fits, "net-unreachable"),
        Action::HostProhibited => reject_v4(fits, "host-prohibited"),
        Action::NetProhibited => reject_v4(fits, "net-prohibited"),
        Action::AdminProhibited => reject("icmpx admin-prohibited"),
        Action::TcpReset => vec![
            // The reset is for a TCP packet only.
            format!("{fits}meta l4proto tcp reject with tcp reset"),
            format!("{fits}drop"),
        ],
    }
}

fn reject_v4(fits: &str, how: &str) -> Vec<String> {
    vec![
        format!("meta nfproto ipv4 {fits}reject with icmp {how}"),
        format!("{fits}reject with icmpx admin-prohibited"),
    ]
}

/// The table of a switch that passes no multicast. What IPv6 needs to find its neighbours, and
/// broadcast, pass.
pub(super) fn no_multicast(table: &str) -> String {
    format!(
        "table bridge {table} {{
  chain forward {{
    type filter hook forward priority 0;
    ether daddr 01:00:5e:00:00:00-01:00:5e:7f:ff:ff drop
    ether daddr 33:33:00:00:00:03-33:33:fe:ff:ff:ff drop
  }}
}}
"
    )
}

/// Where the listener of a router's middlebox is.
pub(crate) fn middlebox_port(index: usize) -> u16 {
    // Below the ports that clients get, above those that services have.
    u16::try_from(20_000 + index).expect("a router has a few")
}

/// Redirects connections to the middleboxes of a router. Nothing without one.
pub(super) fn middleboxes(router: &Router) -> Option<Act> {
    let mut text = String::new();
    for (index, middlebox) in router.middleboxes.iter().enumerate() {
        let here = middlebox_port(index);
        let from = addresses(middlebox.from, None);
        for ports in middlebox_ports(middlebox.kind, &middlebox.ports) {
            text.push_str(&format!(
                "    {from}fib daddr type != local tcp dport {ports} redirect to :{here}\n"
            ));
        }
    }
    let begin =
        "table ip middlebox {\n  chain pre {\n    type nat hook prerouting priority -110;\n";
    (!text.is_empty()).then(|| Act::Nft(format!("{begin}{text}  }}\n}}\n")))
}

/// The ports whose connections a middlebox takes.
fn middlebox_ports(kind: MiddleboxKind, ports: &[Ports]) -> Vec<Ports> {
    if !ports.is_empty() {
        return ports.to_vec();
    }
    match kind {
        MiddleboxKind::InspectTls => vec![443.into()],
        MiddleboxKind::StripRange => vec![80.into()],
        MiddleboxKind::CaptivePortal => vec![80.into(), 443.into()],
    }
}

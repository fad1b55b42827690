//! The lines that apply a fault, and those that lift it.
//!
//! Rules of a fault stand in a table of their own, before all others, so that lifting is to delete it.

use super::{
    Act, Changes, Kernel, Step, at, ip,
    network::{addresses, is_uplink, isolate, port, route_line, routes_of},
    rules::{self, transport, verdict_lines},
    shape,
};
use crate::{
    fault::{
        AfterBytes, Block, ConnectionLimit, DeadRoute, Fault, HalfOpen, Loss, LostState,
        MtuBlackHole, NewAddress, NoRoute, Place,
    },
    topology::{Action, Link, Protocol, Topology},
};

/// Connections that began after their firewall lost its memory.
const REMEMBERED: &str = "0xd01ab";

/// What a fault that was checked does. `number` tells it from others that hold at the same time.
pub(crate) fn changes(
    fault: &Fault,
    topology: &Topology,
    kernel: Kernel,
    number: u32,
    shaped: &dyn Fn(&str, &str) -> bool,
) -> Changes {
    let name = format!("fault{number}");
    match fault {
        Fault::Block(block) => blocked(block, topology, &name),
        Fault::Reset(after) => after_bytes(after, &name, Action::TcpReset),
        Fault::Stall(after) => after_bytes(after, &name, Action::Drop),
        Fault::Loss(loss) => lost(loss, &name),
        Fault::ConnectionLimit(limit) => limited(limit, &name),
        Fault::HalfOpen(half) => half_open(half, &name),
        Fault::MtuBlackHole(hole) => mtu_black_hole(hole, topology, &name),
        Fault::LostState(lost) => lost_state(lost, &name),
        Fault::Isolation(on) => isolated(topology, &on.switch),
        Fault::NoMulticast(on) => {
            let apply = at(&on.switch, [Act::Nft(rules::no_multicast(&name))]).collect();
            let lift = at(
                &on.switch,
                [Act::Nft(format!("delete table bridge {name}\n"))],
            )
            .collect();
            Changes { apply, lift }
        }
        Fault::LinkDown(cable) => {
            let (switch, port) = port_of(topology, &cable.node, &cable.adapter);
            let set = |way| at(switch, [ip(format!("link set dev {port} {way}"))]).collect();
            let (apply, mut lift): (_, Vec<Step>) = (set("down"), set("up"));
            lift.extend(at(&cable.node, [Act::Carrier(cable.adapter.clone())]));
            lift.extend(at(switch, [Act::Carrier(port.clone())]));
            Changes { apply, lift }
        }
        Fault::NoRoute(route) => no_route(route, topology, kernel),
        Fault::Dns(dns) => {
            let resolve = |answer| Act::Resolve {
                name: dns.name.clone(),
                answer,
            };
            let apply = at(&dns.host, [resolve(Some(dns.answer.clone()))]).collect();
            let lift = at(&dns.host, [resolve(None)]).collect();
            Changes { apply, lift }
        }
        Fault::HostsFile(entry) => {
            let line = |address| Act::HostsEntry {
                name: entry.name.clone(),
                address,
            };
            let apply = at(&entry.host, [line(Some(entry.address))]).collect();
            let lift = at(&entry.host, [line(None)]).collect();
            Changes { apply, lift }
        }
        Fault::Rate(rate) => {
            let rate_only = Link {
                rate: Some(rate.rate),
                ..*link_of(topology, &rate.node, &rate.adapter)
            };
            reshaped(topology, &rate.node, &rate.adapter, rate_only, shaped)
        }
        Fault::Shape(shape) => {
            reshaped(topology, &shape.node, &shape.adapter, shape.link(), shaped)
        }
        Fault::Address(new) => new_address(new, topology, kernel),
    }
}

/// A table with one chain at a place, and its end.
fn table_at(place: &Place, name: &str, sets: &str, lines: &[String]) -> Changes {
    let (node, hook) = match place {
        Place::Input(node) => (node, "input"),
        Place::Output(node) => (node, "output"),
        Place::Forward(node) | Place::Port { switch: node, .. } => (node, "forward"),
    };
    let family = if matches!(place, Place::Port { .. }) {
        "bridge"
    } else {
        "inet"
    };
    let mut text = format!(
        "table {family} {name} {{\n{sets}  chain {hook}s {{\n    type filter hook {hook} priority -10;\n"
    );
    for line in lines {
        text.push_str(&format!("    {line}\n"));
    }
    text.push_str("  }\n}\n");
    let apply = at(node, [Act::Nft(text)]).collect();
    let lift = at(node, [Act::Nft(format!("delete table {family} {name}\n"))]).collect();
    Changes { apply, lift }
}

fn blocked(block: &Block, topology: &Topology, name: &str) -> Changes {
    let addresses = rules::addresses(block.from, block.to);
    let of = |protocol| {
        let (to, from) = (block.port.as_ref(), block.from_port.as_ref());
        addresses.clone() + &transport(protocol, to, from)
    };
    let fits = of(block.protocol);
    let lines = match &block.at {
        Place::Port { switch, node } => {
            let mut ports = topology.plugged_into(switch).filter(|(n, ..)| n == node);
            let adapter = ports.next().map_or("", |(_, adapter, _)| adapter);
            let port = port(topology, switch, node, adapter);
            ["iifname", "oifname"]
                .iter()
                .map(|side| format!("{side} \"{port}\" {fits}drop"))
                .collect()
        }
        Place::Input(_) | Place::Output(_) | Place::Forward(_) => {
            if block.only_new {
                // By the flags: a firewall that did not look before takes what stands for new.
                let tcp = of(Some(Protocol::Tcp)) + "tcp flags & (syn | ack) == syn ";
                let other = match (block.protocol, &block.port, &block.from_port) {
                    (None, None, None) => addresses.clone() + "meta l4proto != tcp ct state new ",
                    (None, ..) => of(Some(Protocol::Udp)) + "ct state new ",
                    (Some(_), ..) => format!("{fits}ct state new "),
                };
                let mut lines = Vec::new();
                if block
                    .protocol
                    .is_none_or(|protocol| protocol == Protocol::Tcp)
                {
                    lines.extend(verdict_lines(&tcp, block.how));
                }
                if block.protocol != Some(Protocol::Tcp) {
                    lines.extend(verdict_lines(&other, block.how));
                }
                lines
            } else {
                verdict_lines(&fits, block.how)
            }
        }
    };
    table_at(&block.at, name, "", &lines)
}

fn after_bytes(after: &AfterBytes, name: &str, action: Action) -> Changes {
    let (port, bytes) = (&after.port, after.bytes);
    // A reset goes to the sender of the packet that it answers: only the client's are matched, so
    // that it is the client that sees it.
    let mut lines = vec![format!(
        "tcp dport {port} ct bytes > {bytes} {}",
        verdict(action)
    )];
    if action == Action::Drop {
        lines.push(format!("tcp sport {port} ct bytes > {bytes} drop"));
    }
    table_at(&after.at, name, "", &lines)
}

/// The verdict for what is TCP in any case.
fn verdict(action: Action) -> String {
    if action == Action::TcpReset {
        return "reject with tcp reset".to_owned();
    }
    let lines = verdict_lines("", action);
    lines.last().cloned().unwrap_or_default()
}

fn lost(loss: &Loss, name: &str) -> Changes {
    let fits = transport(loss.protocol, loss.port.as_ref(), None);
    let share = loss.share.hundredths();
    let line = if share < 10_000 {
        format!("{fits}numgen random mod 10000 < {share} drop")
    } else {
        format!("{fits}drop")
    };
    table_at(&loss.at, name, "", &[line])
}

fn limited(limit: &ConnectionLimit, name: &str) -> Changes {
    let (port, most) = (&limit.port, limit.most);
    let new = format!("tcp dport {port} ct state new ");
    let how = verdict(limit.how);
    if limit.per_source {
        let sets = "  set sources { type ipv4_addr; size 65535; flags dynamic; }\n";
        let line = format!("{new}add @sources {{ ip saddr ct count over {most} }} {how}");
        table_at(&limit.at, name, sets, &[line])
    } else {
        table_at(
            &limit.at,
            name,
            "",
            &[format!("{new}ct count over {most} {how}")],
        )
    }
}

fn half_open(half: &HalfOpen, name: &str) -> Changes {
    let (host, port) = (half.host.clone(), &half.port);
    if half.connected {
        let line = format!("tcp dport {port} tcp flags & syn == 0 drop");
        return table_at(&Place::Input(host), name, "", &[line]);
    }
    let line = format!("tcp sport {port} tcp flags & (syn | ack) == syn | ack drop");
    table_at(&Place::Output(host), name, "", &[line])
}

/// Every router at the hop passes smaller packets only, and says nothing of it.
fn mtu_black_hole(hole: &MtuBlackHole, topology: &Topology, name: &str) -> Changes {
    let hop = &topology.routers[&hole.router].adapters[&hole.adapter].switch;
    let mut changes = Changes::default();
    for (node, adapter, plugged) in topology.plugged_into(hop) {
        if !topology.routers.contains_key(node) {
            continue;
        }
        let before = plugged.link.mtu.unwrap_or(crate::topology::DEFAULT_MTU);
        let silence = format!(
            "table inet {name} {{
  chain outputs {{
    type filter hook output priority -10;
    icmp type destination-unreachable icmp code 4 drop
    icmpv6 type packet-too-big drop
  }}
}}
"
        );
        let mtu = |mtu| ip(format!("link set dev {adapter} mtu {mtu}"));
        changes
            .apply
            .extend(at(node, [Act::Nft(silence), mtu(hole.mtu)]));
        let talk = Act::Nft(format!("delete table inet {name}\n"));
        changes.lift.extend(at(node, [mtu(before), talk]));
    }
    changes
}

fn lost_state(lost: &LostState, name: &str) -> Changes {
    let (to, from) = match &lost.port {
        None => ("meta l4proto tcp ".to_owned(), None),
        Some(port) => (
            format!("tcp dport {port} "),
            Some(format!("tcp sport {port} ")),
        ),
    };
    // Only what begins from now on is known.
    let mut lines = vec![format!(
        "{to}tcp flags & (syn | ack) == syn ct mark set {REMEMBERED}"
    )];
    for fits in [Some(to), from].into_iter().flatten() {
        lines.push(format!(
            "{fits}ct mark != {REMEMBERED} {}",
            verdict(lost.how)
        ));
    }
    table_at(&lost.at, name, "", &lines)
}

fn isolated(topology: &Topology, name: &str) -> Changes {
    let switch = &topology.switches[name];
    let mut changes = Changes::default();
    for (node, adapter, _) in topology.plugged_into(name) {
        if is_uplink(topology, switch, node) || switch.isolated {
            continue;
        }
        let port = port(topology, name, node, adapter);
        changes.apply.extend(at(name, [ip(isolate(&port, true))]));
        changes.lift.extend(at(name, [ip(isolate(&port, false))]));
    }
    changes
}

/// The switch that an adapter is plugged into, and the port there.
fn port_of<'a>(topology: &'a Topology, node: &str, adapter: &str) -> (&'a str, String) {
    let adapters = topology.adapters(node).expect("the fault was checked");
    let switch = &adapters[adapter].switch;
    (switch, port(topology, switch, node, adapter))
}

fn link_of<'a>(topology: &'a Topology, node: &str, adapter: &str) -> &'a Link {
    let adapters = topology.adapters(node).expect("the fault was checked");
    &adapters[adapter].link
}

fn reshaped(
    topology: &Topology,
    node: &str,
    adapter: &str,
    link: Link,
    shaped: &dyn Fn(&str, &str) -> bool,
) -> Changes {
    let before = link_of(topology, node, adapter);
    if shaped(node, adapter) {
        let to = |link: &Link| {
            let (adapter, link) = (adapter.to_owned(), *link);
            at(node, [Act::Reshape { adapter, link }]).collect()
        };
        let (apply, lift) = (to(&link), to(before));
        return Changes { apply, lift };
    }
    let (switch, port) = port_of(topology, node, adapter);
    let change = |from: &Link, to: &Link| {
        let acts = shape::clear(&port, from)
            .into_iter()
            .chain(shape::set(&port, to));
        at(switch, acts).collect::<Vec<Step>>()
    };
    let (apply, lift) = (change(before, &link), change(&link, before));
    Changes { apply, lift }
}

fn no_route(route: &NoRoute, topology: &Topology, kernel: Kernel) -> Changes {
    let (gateway, routes) = routes_of(topology, &route.node);
    let known = match route.to {
        None => gateway.map(|via| (None, via)),
        Some(to) => routes
            .iter()
            .find(|known| known.to == to)
            .map(|known| (Some(known), known.via)),
    };
    let to = route
        .to
        .map_or_else(|| "default".to_owned(), |to| to.to_string());
    let six = match (route.to, gateway) {
        (Some(to), _) => to.address().is_ipv6(),
        (None, gateway) => gateway.is_some_and(|via| via.is_ipv6()),
    };
    let six = if six { "-6 " } else { "" };
    let kind = match route.instead {
        DeadRoute::Missing => None,
        DeadRoute::Blackhole => Some("blackhole"),
        DeadRoute::Unreachable => Some("unreachable"),
        DeadRoute::Prohibit => Some("prohibit"),
    };
    let gone = known.map(|_| ip(format!("{six}route del {to}")));
    let back = known.map(|(known, via)| ip(route_line("add", known, via, kernel)));
    let dead = kind.map(|kind| ip(format!("{six}route add {kind} {to}")));
    let alive = kind.map(|kind| ip(format!("{six}route del {kind} {to}")));
    Changes {
        apply: at(&route.node, gone.into_iter().chain(dead)).collect(),
        lift: at(&route.node, alive.into_iter().chain(back)).collect(),
    }
}

fn new_address(new: &NewAddress, topology: &Topology, kernel: Kernel) -> Changes {
    let host = &topology.hosts[&new.host];
    let before = &host.adapters[&new.adapter];
    let mut after = before.clone();
    after.address = new.address;
    let name = &new.adapter;
    // Routes go with the address that they were reached by.
    let routes = || {
        let multicast = format!("route replace 224.0.0.0/4 dev {name}");
        let gateway = host
            .gateway
            .map(|via| route_line("replace", None, via, kernel));
        let routes = host.routes.iter();
        let routes = routes.map(|route| route_line("replace", Some(route), route.via, kernel));
        [multicast].into_iter().chain(gateway).chain(routes).map(ip)
    };
    let change = |to| {
        let flush = ip(format!("addr flush dev {name} scope global"));
        let addresses = addresses(topology, kernel, name, to);
        at(
            &new.host,
            [flush].into_iter().chain(addresses).chain(routes()),
        )
        .collect()
    };
    let (apply, lift) = (change(&after), change(before));
    Changes { apply, lift }
}

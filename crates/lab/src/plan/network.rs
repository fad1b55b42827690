//! The lines that make a network.

use std::{collections::BTreeMap, net::IpAddr};

use super::{Act, Kernel, Step, at, ip, nat, rules, shape};
use crate::topology::{Adapter, Host, Route, Router, Switch, Topology};

/// Above all numbers that adapters of a node get.
const FIRST_INDEX: usize = 1000;
/// Above all numbers that ports of a switch get.
const LAST_INDEX: usize = 100_000;

/// Everything, in order: kernel parameters, cables, switches, then what is plugged in.
/// `taps`: adapters (node, name) whose cable may have to be disturbed later.
pub(crate) fn network(
    topology: &Topology,
    kernel: Kernel,
    taps: &dyn Fn(&str, &str) -> bool,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for name in topology.switches.keys() {
        steps.extend(at(name, switch_parameters()));
    }
    for (name, host) in &topology.hosts {
        steps.extend(at(name, parameters(&host.adapters)));
    }
    for (name, router) in &topology.routers {
        steps.extend(at(name, parameters(&router.adapters)));
        steps.extend(at(name, forwarding(&router.adapters)));
    }
    let mut index = FIRST_INDEX;
    for (node, adapters) in topology.nodes() {
        for (name, adapter) in adapters {
            index += 1;
            let tap = !kernel.netem && (adapter.link.disturbs() || taps(node, name));
            let port = port(topology, &adapter.switch, node, name);
            let cable = |port: String, index| Act::Cable {
                port,
                index,
                node: node.to_owned(),
                adapter: name.clone(),
            };
            if !tap {
                steps.extend(at(&adapter.switch, [cable(port, index)]));
                continue;
            }
            let ends = shape::ends(&port);
            steps.extend(at(
                &adapter.switch,
                [cable(ends[1].clone(), index + LAST_INDEX)],
            ));
            steps.extend(at(
                &adapter.switch,
                shape::own_cable(&port, index, &adapter.link),
            ));
            // Packets of the size of the cable, not those that a virtual interface takes whole.
            steps.extend(at(
                node,
                [ip(format!("link set dev {name} gso_max_segs 1"))],
            ));
            let shaper = Act::Shaper {
                node: node.to_owned(),
                adapter: name.clone(),
                ends,
                link: adapter.link,
            };
            steps.extend(at(&adapter.switch, [shaper]));
        }
    }
    for (name, switch) in &topology.switches {
        steps.extend(at(name, bridge(topology, name, switch)));
    }
    for (name, host) in &topology.hosts {
        let lines = plug_in(topology, kernel, &host.adapters, host.gateway, &host.routes);
        steps.extend(at(name, lines));
        steps.extend(at(name, multicast(topology, host)));
        steps.extend(at(name, rules::host(host)));
        steps.extend(at(name, [Act::Hosts(hosts_file(name, host))]));
    }
    for (name, router) in &topology.routers {
        let (adapters, gateway) = (&router.adapters, router.gateway);
        let lines = plug_in(topology, kernel, adapters, gateway, &router.routes);
        steps.extend(at(name, lines));
        steps.extend(at(name, nat::uplinks(router)));
        steps.extend(at(name, rules::router(router)));
        steps.extend(at(name, nat::tables(router)));
        steps.extend(at(name, rules::middleboxes(router)));
    }
    for (node, adapters) in topology.nodes() {
        for (name, adapter) in adapters {
            let tap = !kernel.netem && (adapter.link.disturbs() || taps(node, name));
            if !tap {
                let port = port(topology, &adapter.switch, node, name);
                steps.extend(at(&adapter.switch, shape::set(&port, &adapter.link)));
            }
        }
    }
    steps
}

/// The name of the switch's interface that leads to an adapter: the node's name, and a number where
/// a node has several adapters on one switch.
pub(crate) fn port(topology: &Topology, switch: &str, node: &str, adapter: &str) -> String {
    let mut same = topology.plugged_into(switch).filter(|(n, ..)| *n == node);
    match same.position(|(_, name, _)| name == adapter) {
        None | Some(0) => node.to_owned(),
        Some(more) => format!("{node}.{}", more + 1),
    }
}

fn sysctl(key: &str, value: &str, must: bool) -> Act {
    let (key, value) = (key.to_owned(), value.to_owned());
    Act::Sysctl { key, value, must }
}

fn switch_parameters() -> Vec<Act> {
    vec![
        sysctl("net.ipv6.conf.all.disable_ipv6", "1", false),
        sysctl("net.ipv6.conf.default.disable_ipv6", "1", false),
        // Frames that pass a switch are none of its IP rules' business.
        sysctl("net.bridge.bridge-nf-call-iptables", "0", false),
        sysctl("net.bridge.bridge-nf-call-ip6tables", "0", false),
        sysctl("net.bridge.bridge-nf-call-arptables", "0", false),
        ip("link set lo up"),
    ]
}

fn has_ipv6(adapters: &BTreeMap<String, Adapter>) -> bool {
    adapters.values().any(|adapter| adapter.address6.is_some())
}

fn parameters(adapters: &BTreeMap<String, Adapter>) -> Vec<Act> {
    let mut acts = Vec::new();
    if has_ipv6(adapters) {
        // Without duplicate address detection, which takes seconds.
        acts.push(sysctl("net.ipv6.conf.all.accept_dad", "0", false));
        acts.push(sysctl("net.ipv6.conf.default.accept_dad", "0", false));
    } else {
        acts.push(sysctl("net.ipv6.conf.all.disable_ipv6", "1", false));
        acts.push(sysctl("net.ipv6.conf.default.disable_ipv6", "1", false));
    }
    // Inherited from the machine, whose administrator had other networks in mind.
    acts.push(sysctl("net.ipv4.conf.all.rp_filter", "0", true));
    acts.push(sysctl("net.ipv4.conf.default.rp_filter", "0", true));
    // Every refusal is told, however fast they follow each other.
    acts.push(sysctl("net.ipv4.icmp_ratelimit", "0", false));
    acts.push(ip("link set lo up"));
    acts
}

fn forwarding(adapters: &BTreeMap<String, Adapter>) -> Vec<Act> {
    let mut acts = vec![
        sysctl("net.ipv4.ip_forward", "1", true),
        sysctl("net.ipv4.conf.all.send_redirects", "0", true),
        sysctl("net.ipv4.conf.default.send_redirects", "0", true),
    ];
    if has_ipv6(adapters) {
        acts.push(sysctl("net.ipv6.conf.all.forwarding", "1", true));
    }
    acts
}

fn bridge(topology: &Topology, name: &str, switch: &Switch) -> Vec<Act> {
    let mut acts = vec![
        ip("link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0"),
        ip("link set br0 up"),
    ];
    for (node, adapter, plugged) in topology.plugged_into(name) {
        let port = port(topology, name, node, adapter);
        if let Some(mtu) = plugged.link.mtu {
            acts.push(ip(format!("link set dev {port} mtu {mtu}")));
        }
        acts.push(ip(format!("link set dev {port} master br0 up")));
        if switch.isolated && !is_uplink(topology, switch, node) {
            acts.push(ip(isolate(&port, true)));
        }
    }
    // The bridge takes the smallest MTU of its ports; that of a port is what counts.
    if !switch.multicast {
        acts.push(Act::Nft(rules::no_multicast("lab")));
    }
    acts
}

pub(super) fn is_uplink(topology: &Topology, switch: &Switch, node: &str) -> bool {
    if switch.uplinks.is_empty() {
        topology.routers.contains_key(node)
    } else {
        switch.uplinks.iter().any(|uplink| uplink == node)
    }
}

pub(super) fn isolate(port: &str, on: bool) -> String {
    let on = if on { "on" } else { "off" };
    format!("link set dev {port} type bridge_slave isolated {on}")
}

fn plug_in(
    topology: &Topology,
    kernel: Kernel,
    adapters: &BTreeMap<String, Adapter>,
    gateway: Option<IpAddr>,
    routes: &[Route],
) -> Vec<Act> {
    let mut acts = Vec::new();
    for (name, adapter) in adapters {
        if let Some(mtu) = adapter.link.mtu {
            acts.push(ip(format!("link set dev {name} mtu {mtu}")));
        }
        acts.push(ip(format!("link set dev {name} up")));
        acts.extend(addresses(topology, kernel, name, adapter));
    }
    let gateway = gateway.map(|via| route_line("add", None, via, kernel));
    let routes = routes
        .iter()
        .map(|route| route_line("add", Some(route), route.via, kernel));
    acts.extend(gateway.into_iter().chain(routes).map(ip));
    acts
}

/// Gives an adapter its addresses.
pub(super) fn addresses(
    topology: &Topology,
    kernel: Kernel,
    name: &str,
    adapter: &Adapter,
) -> Vec<Act> {
    let switch = &topology.switches[&adapter.switch];
    let (subnet, prefix) = (switch.subnet, switch.subnet.prefix());
    let mut acts = Vec::new();
    for address in [&adapter.address].into_iter().chain(&adapter.also) {
        acts.push(ip(format!(
            "addr add {address}/{prefix} dev {name} noprefixroute"
        )));
    }
    if prefix < 32 {
        let (address, cubic) = (adapter.address, cubic(kernel));
        // Appended: another adapter may be in the same subnet.
        acts.push(ip(format!(
            "route append {subnet} dev {name} proto kernel scope link src {address}{cubic}"
        )));
    }
    if let (Some(address), Some(subnet)) = (adapter.address6, switch.subnet6) {
        let prefix = subnet.prefix();
        acts.push(ip(format!("addr add {address}/{prefix} dev {name} nodad")));
    }
    acts
}

/// The line of a route, or of the default route.
pub(super) fn route_line(verb: &str, route: Option<&Route>, via: IpAddr, kernel: Kernel) -> String {
    let six = if via.is_ipv6() { "-6 " } else { "" };
    let to = route.map_or_else(|| "default".to_owned(), |route| route.to.to_string());
    let cubic = cubic(kernel);
    format!("{six}route {verb} {to} via {via}{cubic}")
}

fn cubic(kernel: Kernel) -> &'static str {
    if kernel.cubic { " congctl cubic" } else { "" }
}

/// Without a route for them, groups can not be joined or sent to.
fn multicast(topology: &Topology, host: &Host) -> Option<Act> {
    let by_gateway = host.gateway.and_then(|gateway| {
        host.adapters
            .iter()
            .find(|(_, adapter)| topology.switches[&adapter.switch].subnet.contains(gateway))
    });
    let (name, _) = by_gateway.or_else(|| host.adapters.iter().next())?;
    Some(ip(format!("route add 224.0.0.0/4 dev {name}")))
}

fn hosts_file(name: &str, host: &Host) -> String {
    let own = host.host_name.as_deref().unwrap_or(name);
    let mut text = format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {own}\n");
    for (name, address) in &host.hosts {
        text.push_str(&format!("{address} {name}\n"));
    }
    text
}

/// The default route and the named ones of a host or router.
pub(super) fn routes_of<'a>(topology: &'a Topology, node: &str) -> (Option<IpAddr>, &'a [Route]) {
    if let Some(host) = topology.hosts.get(node) {
        return (host.gateway, &host.routes);
    }
    topology
        .routers
        .get(node)
        .map_or((None, &[]), |router: &Router| {
            (router.gateway, &router.routes)
        })
}

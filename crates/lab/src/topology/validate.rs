//! Whether a network can be built.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{Adapter, Dns, DnsAnswer, Filter, Link, Nat, Route, Subnet, Switch, Topology};

/// Switches, hosts and routers together, at most.
pub const AT_MOST_NODES: usize = 256;
/// Bytes of a name, at most: an interface of a switch is named after the node that it leads to.
pub const AT_MOST_NAME: usize = 12;
/// Rules of one chain, addresses of one answer and the like, at most.
const AT_MOST_EACH: usize = 256;

/// A network that can not be built, and which field is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {wrong}")]
pub struct TopologyError {
    /// The field, as in `host.a.adapter.eth0.switch`.
    pub path: String,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A name that is none.
    #[error(
        "{0:?} is no name: 1 to {AT_MOST_NAME} of a-z, 0-9 and \"-\", beginning with a letter or a number"
    )]
    Name(String),
    /// A name of an interface that the system does not take.
    #[error(
        "{0:?} is no adapter's name: 1 to 15 bytes without blanks, \"/\", \":\" and quotes, and not \"lo\""
    )]
    AdapterName(String),
    /// Two things of one name.
    #[error("{0:?} is the name of a switch, a host or a router already")]
    Twice(String),
    /// A switch that is not there.
    #[error("there is no switch {0:?}")]
    NoSwitch(String),
    /// A node that is not there.
    #[error("there is no host or router {0:?}")]
    NoNode(String),
    /// A host that is not there.
    #[error("there is no host {0:?}")]
    NoHost(String),
    /// A router that is not there.
    #[error("there is no router {0:?}")]
    NoRouter(String),
    /// An adapter that the node does not have.
    #[error("there is no adapter {0:?} here")]
    NoAdapter(String),
    /// A node that is not plugged into the switch.
    #[error("{0:?} is not plugged into this switch by one adapter")]
    NotPlugged(String),
    /// An address outside its subnet.
    #[error("{address} is not in {subnet}")]
    NotIn {
        /// The address.
        address: IpAddr,
        /// The subnet that it should be in.
        subnet: Subnet,
    },
    /// An address that two have on one switch.
    #[error("{address} is the address of {by:?} on this switch already: give one of them another")]
    Taken {
        /// The address.
        address: IpAddr,
        /// Who has it: a host or a router.
        by: String,
    },
    /// An address that names the subnet.
    #[error("{0} names the subnet as a whole: a host has one of the others in it")]
    WholeSubnet(IpAddr),
    /// A next router that no adapter reaches.
    #[error("{0} is in no subnet of an adapter here")]
    NotAttached(IpAddr),
    /// A subnet of the wrong family.
    #[error("{0} is a subnet of the other family")]
    Family(Subnet),
    /// A number that is too small or too large.
    #[error("{value} is not within {least} to {most}")]
    Range {
        /// What stands there.
        value: u64,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// Something that does not go together.
    #[error("{0}")]
    Conflict(&'static str),
}

impl TopologyError {
    pub(crate) fn new(path: impl Into<String>, wrong: Wrong) -> Self {
        let path = path.into();
        Self { path, wrong }
    }
}

type Checked = Result<(), TopologyError>;

fn fail(path: impl Into<String>, wrong: Wrong) -> Checked {
    Err(TopologyError::new(path, wrong))
}

pub(super) fn check(topology: &Topology) -> Checked {
    let nodes = topology.switches.len() + topology.hosts.len() + topology.routers.len();
    within("topology", nodes as u64, 0, AT_MOST_NODES as u64)?;
    let mut names = BTreeSet::new();
    let switches = topology.switches.keys().map(|name| ("switch", name));
    let hosts = topology.hosts.keys().map(|name| ("host", name));
    let routers = topology.routers.keys().map(|name| ("router", name));
    for (kind, name) in switches.chain(hosts).chain(routers) {
        let path = || format!("{kind}.{name}");
        if !is_name(name) {
            return fail(path(), Wrong::Name(name.clone()));
        }
        if !names.insert(name) {
            return fail(path(), Wrong::Twice(name.clone()));
        }
    }
    for (name, switch) in &topology.switches {
        check_switch(topology, name, switch)?;
    }
    for (name, host) in &topology.hosts {
        let path = format!("host.{name}");
        adapters(topology, &path, &host.adapters)?;
        routes(topology, &path, &host.adapters, host.gateway, &host.routes)?;
        filter(&format!("{path}.input"), &host.input, &host.adapters)?;
        filter(&format!("{path}.output"), &host.output, &host.adapters)?;
        if let Some(text) = &host.host_name
            && !is_host_name(text)
        {
            let wrong = "a host name has 1 to 63 letters, numbers and \"-\"";
            return fail(format!("{path}.host-name"), Wrong::Conflict(wrong));
        }
        for name in host.hosts.keys() {
            domain(&format!("{path}.hosts"), name)?;
        }
        dns(&format!("{path}.dns"), host.dns.as_ref())?;
    }
    for (name, router) in &topology.routers {
        let path = format!("router.{name}");
        adapters(topology, &path, &router.adapters)?;
        routes(
            topology,
            &path,
            &router.adapters,
            router.gateway,
            &router.routes,
        )?;
        filter(
            &format!("{path}.forward"),
            &router.forward,
            &router.adapters,
        )?;
        filter(&format!("{path}.input"), &router.input, &router.adapters)?;
        within(&format!("{path}.nat"), router.nat.len() as u64, 0, 4)?;
        for (index, nat) in router.nat.iter().enumerate() {
            check_nat(
                topology,
                &format!("{path}.nat[{index}]"),
                nat,
                &router.adapters,
            )?;
        }
        let texts = router.dhcp.iter().flat_map(|dhcp| {
            let own = [&dhcp.group, &dhcp.cache].into_iter().flatten();
            own.chain(dhcp.options.values())
        });
        // What fits into a packet of Ethernet.
        let bytes = texts.map(|text| text.len() as u64 + 4).sum();
        within(&format!("{path}.dhcp"), bytes, 0, 1000)?;
        let boxes = router.middleboxes.len() as u64;
        within(&format!("{path}.middlebox"), boxes, 0, 8)?;
    }
    Ok(())
}

fn within(path: &str, value: u64, least: u64, most: u64) -> Checked {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        fail(path, Wrong::Range { value, least, most })
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=AT_MOST_NAME).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('-')
}

fn is_host_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(fits)
}

fn domain(path: &str, name: &str) -> Checked {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(fits)
    };
    if name.len() <= 253
        && name.split('.').all(label)
        && !name.bytes().any(|b| b.is_ascii_uppercase())
    {
        Ok(())
    } else {
        let wrong = "a name consists of labels of a-z, 0-9, \"-\" and \"_\", with dots between";
        fail(format!("{path}.{name}"), Wrong::Conflict(wrong))
    }
}

fn check_switch(topology: &Topology, name: &str, switch: &Switch) -> Checked {
    let path = format!("switch.{name}");
    if !switch.subnet.address().is_ipv4() {
        return fail(format!("{path}.subnet"), Wrong::Family(switch.subnet));
    }
    if let Some(subnet) = switch.subnet6
        && subnet.address().is_ipv4()
    {
        return fail(format!("{path}.subnet6"), Wrong::Family(subnet));
    }
    for uplink in &switch.uplinks {
        if topology.plugged_into(name).all(|(node, ..)| node != uplink) {
            return fail(format!("{path}.uplinks"), Wrong::NotPlugged(uplink.clone()));
        }
    }
    let mut taken: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for (node, adapter, plugged) in topology.plugged_into(name) {
        for address in addresses(plugged) {
            let kind = match topology.hosts.contains_key(node) {
                true => "host",
                false => "router",
            };
            let field = match address {
                IpAddr::V4(four) if four == plugged.address => "address",
                IpAddr::V4(_) => "also",
                IpAddr::V6(_) => "address6",
            };
            let path = format!("{kind}.{node}.adapter.{adapter}.{field}");
            if address == switch.subnet.address() {
                return fail(path, Wrong::WholeSubnet(address));
            }
            if let Some(by) = taken.insert(address, node) {
                let by = by.to_owned();
                return fail(path, Wrong::Taken { address, by });
            }
        }
    }
    Ok(())
}

fn addresses(adapter: &Adapter) -> impl Iterator<Item = IpAddr> {
    let four = [adapter.address]
        .into_iter()
        .chain(adapter.also.iter().copied());
    four.map(IpAddr::from)
        .chain(adapter.address6.map(IpAddr::from))
}

fn adapters(topology: &Topology, path: &str, adapters: &BTreeMap<String, Adapter>) -> Checked {
    within(&format!("{path}.adapter"), adapters.len() as u64, 0, 9)?;
    for (name, adapter) in adapters {
        let path = format!("{path}.adapter.{name}");
        let fits = |c: char| c.is_ascii_graphic() && !"/:\"'\\;{}".contains(c);
        if !(1..=15).contains(&name.len())
            || !name.chars().all(fits)
            || matches!(name.as_str(), "lo" | "." | "..")
        {
            return fail(path, Wrong::AdapterName(name.clone()));
        }
        let Some(switch) = topology.switches.get(&adapter.switch) else {
            let wrong = Wrong::NoSwitch(adapter.switch.clone());
            return fail(format!("{path}.switch"), wrong);
        };
        for address in addresses(adapter) {
            let subnet = match address {
                IpAddr::V4(_) => switch.subnet,
                IpAddr::V6(_) => match switch.subnet6 {
                    Some(subnet) => subnet,
                    None => {
                        let wrong = "its switch has no subnet6";
                        return fail(format!("{path}.address6"), Wrong::Conflict(wrong));
                    }
                },
            };
            if !subnet.contains(address) {
                return fail(format!("{path}.address"), Wrong::NotIn { address, subnet });
            }
        }
        link(&format!("{path}.link"), &adapter.link)?;
    }
    Ok(())
}

pub(crate) fn link(path: &str, link: &Link) -> Checked {
    if let Some(mtu) = link.mtu {
        within(&format!("{path}.mtu"), mtu.into(), 576, 9000)?;
    }
    if link.reorder.hundredths() > 0 && link.delay.0.is_zero() && link.jitter.0.is_zero() {
        let wrong = "packets can only overtake where others wait: give it a delay";
        return fail(format!("{path}.reorder"), Wrong::Conflict(wrong));
    }
    Ok(())
}

fn attached(topology: &Topology, adapters: &BTreeMap<String, Adapter>, next: IpAddr) -> bool {
    adapters.values().any(|adapter| {
        topology
            .switches
            .get(&adapter.switch)
            .is_some_and(|switch| {
                switch.subnet.contains(next) || switch.subnet6.is_some_and(|s| s.contains(next))
            })
    })
}

fn routes(
    topology: &Topology,
    path: &str,
    adapters: &BTreeMap<String, Adapter>,
    gateway: Option<IpAddr>,
    routes: &[Route],
) -> Checked {
    if let Some(gateway) = gateway
        && !attached(topology, adapters, gateway)
    {
        return fail(format!("{path}.gateway"), Wrong::NotAttached(gateway));
    }
    within(
        &format!("{path}.route"),
        routes.len() as u64,
        0,
        AT_MOST_EACH as u64,
    )?;
    for (index, route) in routes.iter().enumerate() {
        let path = format!("{path}.route[{index}]");
        if !attached(topology, adapters, route.via) {
            return fail(format!("{path}.via"), Wrong::NotAttached(route.via));
        }
        if route.to.address().is_ipv4() != route.via.is_ipv4() {
            return fail(format!("{path}.to"), Wrong::Family(route.to));
        }
    }
    Ok(())
}

fn filter(path: &str, filter: &Filter, adapters: &BTreeMap<String, Adapter>) -> Checked {
    within(
        &format!("{path}.rule"),
        filter.rules.len() as u64,
        0,
        AT_MOST_EACH as u64,
    )?;
    for (index, rule) in filter.rules.iter().enumerate() {
        let path = format!("{path}.rule[{index}]");
        for (field, name) in [("arrived", &rule.arrived), ("leaves", &rule.leaves)] {
            if let Some(name) = name
                && !adapters.contains_key(name)
            {
                return fail(format!("{path}.{field}"), Wrong::NoAdapter(name.clone()));
            }
        }
        if rule.protocol == Some(super::Protocol::Icmp) && rule.port.is_some() {
            return fail(format!("{path}.port"), Wrong::Conflict("ICMP has no ports"));
        }
        if let (Some(from), Some(to)) = (rule.from, rule.to)
            && from.address().is_ipv4() != to.address().is_ipv4()
        {
            return fail(format!("{path}.to"), Wrong::Family(to));
        }
    }
    Ok(())
}

fn check_nat(
    topology: &Topology,
    path: &str,
    nat: &Nat,
    adapters: &BTreeMap<String, Adapter>,
) -> Checked {
    let Some(adapter) = adapters.get(&nat.outside) else {
        return fail(
            format!("{path}.outside"),
            Wrong::NoAdapter(nat.outside.clone()),
        );
    };
    if let Some(gateway) = nat.gateway {
        let subnet = topology.switches[&adapter.switch].subnet;
        if !subnet.contains(gateway) {
            let wrong = Wrong::NotIn {
                address: gateway,
                subnet,
            };
            return fail(format!("{path}.gateway"), wrong);
        }
    }
    match nat
        .sources
        .iter()
        .find(|source| !source.address().is_ipv4())
    {
        Some(source) => fail(format!("{path}.sources"), Wrong::Family(*source)),
        None => Ok(()),
    }
}

fn dns(path: &str, dns: Option<&Dns>) -> Checked {
    for (name, answer) in dns.into_iter().flat_map(|dns| &dns.answers) {
        domain(&format!("{path}.answers"), name)?;
        if let DnsAnswer::Addresses(addresses) = answer {
            let path = format!("{path}.answers.{name}.addresses");
            within(&path, addresses.len() as u64, 0, 16)?;
        }
    }
    Ok(())
}

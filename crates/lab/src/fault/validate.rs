//! Whether a fault can happen in a network.

use super::{Fault, Place};
use crate::topology::{Action, Protocol, Topology, TopologyError, Wrong};

type Checked = Result<(), TopologyError>;

fn fail(path: &str, wrong: Wrong) -> Checked {
    Err(TopologyError::new(path, wrong))
}

pub(super) fn check(fault: &Fault, topology: &Topology) -> Checked {
    let known = Known(topology);
    match fault {
        Fault::Block(block) => {
            known.place("block.at", &block.at)?;
            if block.protocol == Some(Protocol::Icmp)
                && (block.port.is_some() || block.from_port.is_some())
            {
                return fail("block.port", Wrong::Conflict("ICMP has no ports"));
            }
            if block.how == Action::Accept {
                return fail(
                    "block.how",
                    Wrong::Conflict("what is accepted is not blocked"),
                );
            }
            if matches!(block.at, Place::Port { .. }) && block.how != Action::Drop {
                let wrong = "a switch has no address to refuse from: it can only drop";
                return fail("block.how", Wrong::Conflict(wrong));
            }
            if matches!(block.at, Place::Port { .. }) && block.only_new {
                let wrong = "a switch does not know connections";
                return fail("block.only-new", Wrong::Conflict(wrong));
            }
            Ok(())
        }
        Fault::Reset(after) => known.routed("reset.at", &after.at),
        Fault::Stall(after) => known.routed("stall.at", &after.at),
        Fault::Loss(loss) => known.routed("loss.at", &loss.at),
        Fault::ConnectionLimit(limit) => known.routed("connection-limit.at", &limit.at),
        Fault::HalfOpen(half) => known.host("half-open.host", &half.host),
        Fault::MtuBlackHole(hole) => {
            if !topology.routers.contains_key(&hole.router) {
                let wrong = Wrong::NoRouter(hole.router.clone());
                return fail("mtu-black-hole.router", wrong);
            }
            known.adapter("mtu-black-hole.adapter", &hole.router, &hole.adapter)?;
            if !(576..1500).contains(&hole.mtu) {
                let (value, least, most) = (hole.mtu.into(), 576, 1499);
                return fail("mtu-black-hole.mtu", Wrong::Range { value, least, most });
            }
            Ok(())
        }
        Fault::LostState(lost) => known.routed("lost-state.at", &lost.at),
        Fault::Isolation(on) => known.switch("isolation.switch", &on.switch),
        Fault::NoMulticast(on) => known.switch("no-multicast.switch", &on.switch),
        Fault::LinkDown(cable) => known.adapter("link-down.adapter", &cable.node, &cable.adapter),
        Fault::NoRoute(route) => known.node("no-route.node", &route.node),
        Fault::Dns(dns) => {
            known.host("dns.host", &dns.host)?;
            if topology.hosts[&dns.host].dns.is_none() {
                return fail("dns.host", Wrong::Conflict("this host has no resolver"));
            }
            Ok(())
        }
        Fault::HostsFile(entry) => known.host("hosts-file.host", &entry.host),
        Fault::Rate(rate) => known.adapter("rate.adapter", &rate.node, &rate.adapter),
        Fault::Shape(shape) => {
            known.adapter("shape.adapter", &shape.node, &shape.adapter)?;
            crate::topology::check_link("shape", &shape.link())
        }
        Fault::Address(new) => {
            known.host("address.host", &new.host)?;
            known.adapter("address.adapter", &new.host, &new.adapter)?;
            let adapter = &topology.hosts[&new.host].adapters[&new.adapter];
            let subnet = topology.switches[&adapter.switch].subnet;
            let address = new.address.into();
            if !subnet.contains(address) {
                return fail("address.address", Wrong::NotIn { address, subnet });
            }
            Ok(())
        }
    }
}

/// What a network has.
struct Known<'a>(&'a Topology);

impl Known<'_> {
    fn place(&self, path: &str, place: &Place) -> Checked {
        match place {
            Place::Input(node) | Place::Output(node) => self.node(path, node),
            Place::Forward(router) if self.0.routers.contains_key(router) => Ok(()),
            Place::Forward(router) => fail(path, Wrong::NoRouter(router.clone())),
            Place::Port { switch, node } => {
                self.switch(path, switch)?;
                let ports = self
                    .0
                    .plugged_into(switch)
                    .filter(|(name, ..)| name == node);
                if ports.count() == 1 {
                    Ok(())
                } else {
                    fail(path, Wrong::NotPlugged(node.clone()))
                }
            }
        }
    }

    fn routed(&self, path: &str, place: &Place) -> Checked {
        if matches!(place, Place::Port { .. }) {
            let wrong =
                "this happens at a host's input or output or a router's forward, not at a switch";
            return fail(path, Wrong::Conflict(wrong));
        }
        self.place(path, place)
    }

    fn node(&self, path: &str, node: &str) -> Checked {
        match self.0.adapters(node) {
            Some(_) => Ok(()),
            None => fail(path, Wrong::NoNode(node.to_owned())),
        }
    }

    fn host(&self, path: &str, host: &str) -> Checked {
        if self.0.hosts.contains_key(host) {
            Ok(())
        } else {
            fail(path, Wrong::NoHost(host.to_owned()))
        }
    }

    fn switch(&self, path: &str, switch: &str) -> Checked {
        if self.0.switches.contains_key(switch) {
            Ok(())
        } else {
            fail(path, Wrong::NoSwitch(switch.to_owned()))
        }
    }

    fn adapter(&self, path: &str, node: &str, adapter: &str) -> Checked {
        match self.0.adapters(node) {
            None => fail(path, Wrong::NoNode(node.to_owned())),
            Some(adapters) if adapters.contains_key(adapter) => Ok(()),
            Some(_) => fail(path, Wrong::NoAdapter(adapter.to_owned())),
        }
    }
}

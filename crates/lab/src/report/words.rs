//! Faults in words.

use crate::fault::{Block, Fault};

/// What is wrong, and where, in one line.
pub fn words(fault: &Fault) -> String {
    match fault {
        Fault::Block(block) => blocked(block),
        Fault::Reset(after) => format!(
            "{}: connections to TCP {} are reset after {} bytes",
            after.at, after.port, after.bytes
        ),
        Fault::Stall(after) => format!(
            "{}: connections to TCP {} fall silent after {} bytes",
            after.at, after.port, after.bytes
        ),
        Fault::Loss(loss) => format!("{}: {} of the packets are lost", loss.at, loss.share),
        Fault::ConnectionLimit(limit) => format!(
            "{}: no more than {} connections to TCP {} at a time",
            limit.at, limit.most, limit.port
        ),
        Fault::HalfOpen(half) if half.connected => format!(
            "{}: connections to TCP {} stand, and nothing comes of them",
            half.host, half.port
        ),
        Fault::HalfOpen(half) => format!(
            "{}: connections to TCP {} stay half open",
            half.host, half.port
        ),
        Fault::MtuBlackHole(hole) => format!(
            "{}: packets of more than {} bytes vanish at {}",
            hole.router, hole.mtu, hole.adapter
        ),
        Fault::LostState(lost) => format!("{}: connections are forgotten", lost.at),
        Fault::Isolation(on) => format!("{}: its ports do not see each other", on.switch),
        Fault::NoMulticast(on) => format!("{}: multicast does not pass", on.switch),
        Fault::LinkDown(cable) => format!("{}: {} is unplugged", cable.node, cable.adapter),
        Fault::NoRoute(route) => match &route.to {
            Some(to) => format!("{}: no route to {to}", route.node),
            None => format!("{}: no default route", route.node),
        },
        Fault::Dns(dns) => format!("{}: {} resolves to something else", dns.host, dns.name),
        Fault::HostsFile(entry) => format!(
            "{}: {} is {} in the hosts file",
            entry.host, entry.name, entry.address
        ),
        Fault::Rate(rate) => format!("{}: {} carries {}", rate.node, rate.adapter, rate.rate),
        Fault::Shape(shape) => format!(
            "{}: {} delays by {} and loses {}",
            shape.node, shape.adapter, shape.delay, shape.loss
        ),
        Fault::Address(new) => format!(
            "{}: {} has the address {} now",
            new.host, new.adapter, new.address
        ),
    }
}

fn blocked(block: &Block) -> String {
    let mut what = block.protocol.map_or_else(
        || "everything".to_owned(),
        |protocol| format!("{protocol:?}").to_uppercase(),
    );
    if let Some(port) = &block.port {
        what.push_str(&format!(" to port {port}"));
    }
    if let Some(port) = &block.from_port {
        what.push_str(&format!(" from port {port}"));
    }
    if let Some(from) = &block.from {
        what.push_str(&format!(" from {from}"));
    }
    if let Some(to) = &block.to {
        what.push_str(&format!(" to {to}"));
    }
    format!("{}: {what}: {:?}", block.at, block.how)
}

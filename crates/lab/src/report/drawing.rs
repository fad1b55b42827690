//! A network, drawn with letters.

use std::fmt::Write as _;

use crate::topology::{Router, Topology};

/// Each switch with what is plugged into it, and what routers and hosts are.
///
/// ```text
/// lan 10.50.0.0/24
///  ├─ a    eth0 10.50.0.1
///  └─ b    eth0 10.50.0.2
/// ```
pub fn drawing(topology: &Topology) -> String {
    let mut text = String::new();
    let widest = topology.nodes().map(|(node, _)| node.len()).max();
    let widest = widest.unwrap_or(0);
    for (name, switch) in &topology.switches {
        let _ = write!(text, "{name} {}", switch.subnet);
        if let Some(subnet) = &switch.subnet6 {
            let _ = write!(text, " {subnet}");
        }
        if switch.isolated {
            text.push_str(", its ports do not see each other");
        }
        if !switch.multicast {
            text.push_str(", no multicast");
        }
        text.push('\n');
        let plugged: Vec<_> = topology.plugged_into(name).collect();
        for (n, (node, adapter, cable)) in plugged.iter().enumerate() {
            let branch = if n + 1 == plugged.len() { '└' } else { '├' };
            let what = topology.routers.get(*node).map(router).unwrap_or_default();
            let _ = write!(
                text,
                " {branch}─ {node:widest$}  {adapter} {}{what}",
                cable.address
            );
            let link = &cable.link;
            if let Some(rate) = link.rate {
                let _ = write!(text, ", {rate}");
            }
            if link.disturbs() {
                let _ = write!(text, ", {} away, loses {}", link.delay, link.loss);
            }
            if let Some(mtu) = link.mtu {
                let _ = write!(text, ", MTU {mtu}");
            }
            text.push('\n');
        }
    }
    text
}

/// What a router is, behind its address.
fn router(router: &Router) -> String {
    let mut text = String::from("  router");
    for nat in &router.nat {
        let kind = format!("{:?}", nat.kind);
        let _ = write!(text, ", {kind} NAT at {}", nat.outside);
    }
    for middlebox in &router.middleboxes {
        let kind = format!("{:?}", middlebox.kind);
        let _ = write!(text, ", {kind}");
    }
    text
}

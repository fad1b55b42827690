//! What a cable does, as lines for `tc`. Both directions are shaped at the switch's port: at the
//! sender's own interface the sender would be held back instead of losing packets.

use super::{Act, ip};
use crate::topology::{Link, Rate};

/// Makes the cable at a switch's port do as the link says. Nothing for a link that does nothing.
pub(super) fn set(port: &str, link: &Link) -> Vec<Act> {
    let mut acts = Vec::new();
    if link.rate.is_none() && !link.disturbs() {
        return acts;
    }
    let mirror = mirror(port);
    acts.push(ip(format!("link add name {mirror} type ifb")));
    acts.push(ip(format!("link set dev {mirror} up")));
    acts.push(Act::Tc(format!(
        "qdisc add dev {port} handle ffff: ingress"
    )));
    acts.push(Act::Tc(format!(
        "filter add dev {port} parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev {mirror}"
    )));
    for device in [port, &mirror] {
        acts.extend(disciplines(device, link));
    }
    acts
}

/// Takes away what [`set`] did.
pub(super) fn clear(port: &str, link: &Link) -> Vec<Act> {
    if set(port, link).is_empty() {
        return Vec::new();
    }
    vec![
        Act::Tc(format!("qdisc del dev {port} root")),
        Act::Tc(format!("qdisc del dev {port} ingress")),
        ip(format!("link del dev {}", mirror(port))),
    ]
}

/// The device that what comes in at a port takes a turn through. Capital letters, which no node's
/// name has.
fn mirror(port: &str) -> String {
    format!("I{port}")
}

/// The ends of our shaper: that towards the switch's port, and that towards the adapter.
pub(super) fn ends(port: &str) -> [String; 2] {
    [format!("X{port}"), format!("Y{port}")]
}

/// The cable from a switch's port to our shaper.
pub(super) fn own_cable(port: &str, index: usize, link: &Link) -> Vec<Act> {
    let [near, far] = ends(port);
    let mut acts = vec![
        ip(format!(
            "link add name {port} index {index} type veth peer name {near}"
        )),
        ip(format!("link set dev {port} gso_max_segs 1")),
    ];
    for end in [near, far] {
        let mtu = link
            .mtu
            .map_or_else(String::new, |mtu| format!(" mtu {mtu}"));
        acts.push(ip(format!("link set dev {end}{mtu} up")));
    }
    acts
}

fn disciplines(device: &str, link: &Link) -> Vec<Act> {
    let mut acts = Vec::new();
    let parent = if link.disturbs() {
        // netem spreads to both sides of its delay.
        let half = link.jitter.0.as_micros() / 2;
        let delay = link.delay.0.as_micros() + half;
        // Room for 100 ms at 1 Gbit/s in full packets.
        let mut netem = format!("qdisc add dev {device} root handle 1: netem limit 10000");
        if delay > 0 {
            netem.push_str(&format!(" delay {delay}us {half}us"));
        }
        if link.loss.hundredths() > 0 {
            netem.push_str(&format!(" loss {}", link.loss));
        }
        if link.reorder.hundredths() > 0 {
            netem.push_str(&format!(" reorder {}", link.reorder));
        }
        acts.push(Act::Tc(netem));
        "parent 1:"
    } else {
        "root"
    };
    if let Some(rate) = link.rate {
        acts.push(Act::Tc(format!(
            "qdisc add dev {device} {parent} {}",
            tbf(rate)
        )));
    }
    acts
}

/// A token bucket. The burst is what a timer of 1 ms lets through, and no less than one large
/// packet of a virtual interface; a packet waits at most 50 ms.
fn tbf(rate: Rate) -> String {
    let bits = rate.bits_per_second();
    let burst = (bits / 8 / 1000).max(32 * 1024);
    format!("tbf rate {bits}bit burst {burst} latency 50ms")
}

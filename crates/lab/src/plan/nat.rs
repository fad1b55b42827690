//! Address translation as text for `nft`, each kind as its mapping and filtering were measured.

use super::{Act, ip};
use crate::topology::{Nat, NatKind, Router};

/// Tables of routes begin here, one for each uplink with sources of its own.
const FIRST_TABLE: usize = 100;

/// Which uplink is taken, where it depends on who sends.
pub(super) fn uplinks(router: &Router) -> Vec<Act> {
    let chosen: Vec<_> = router
        .nat
        .iter()
        .filter(|nat| !nat.sources.is_empty())
        .collect();
    if chosen.is_empty() {
        return Vec::new();
    }
    let mut acts = Vec::new();
    let rest = router.nat.iter().find(|nat| nat.sources.is_empty());
    if let Some((rest, gateway)) = rest.and_then(|nat| Some((nat, nat.gateway.or(router.gateway)?)))
    {
        // Both uplinks may be in one subnet.
        let outside = &rest.outside;
        acts.push(ip(format!(
            "route replace default via {gateway} dev {outside}"
        )));
    }
    // What is nearer than the default route goes there, whoever sends.
    acts.push(ip("rule add pref 100 lookup main suppress_prefixlength 0"));
    for (index, nat) in chosen.into_iter().enumerate() {
        let table = FIRST_TABLE + index;
        if let Some(gateway) = nat.gateway.or(router.gateway) {
            let outside = &nat.outside;
            acts.push(ip(format!(
                "route add default via {gateway} dev {outside} table {table}"
            )));
        }
        for source in &nat.sources {
            acts.push(ip(format!(
                "rule add pref 200 from {source} lookup {table}"
            )));
        }
    }
    acts
}

/// The tables that translate.
pub(super) fn tables(router: &Router) -> Vec<Act> {
    router
        .nat
        .iter()
        .enumerate()
        .map(|(index, nat)| Act::Nft(table(index, nat)))
        .collect()
}

fn table(index: usize, nat: &Nat) -> String {
    let outside = &nat.outside;
    let masquerade = match nat.kind {
        NatKind::Symmetric => "masquerade fully-random",
        NatKind::FullCone | NatKind::AddressRestricted | NatKind::PortRestricted => "masquerade",
    };
    // A mapping lives as long as a UDP stream does in the kernel's own table.
    let (sets, before, after) = match nat.kind {
        NatKind::Symmetric | NatKind::PortRestricted => ("", String::new(), ""),
        NatKind::FullCone => (
            "  map cone { type inet_service : ipv4_addr; flags dynamic,timeout; timeout 120s; }\n",
            to_cone(outside, ""),
            "meta l4proto udp update @cone { udp sport : ip saddr }",
        ),
        NatKind::AddressRestricted => (
            "  map cone { type inet_service : ipv4_addr; flags dynamic,timeout; timeout 120s; }
  set seen { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 120s; }\n",
            to_cone(outside, "ip saddr . udp dport @seen "),
            "meta l4proto udp update @cone { udp sport : ip saddr } update @seen { ip daddr . udp sport }",
        ),
    };
    let mut text = format!("table ip nat{index} {{\n{sets}{before}");
    text.push_str("  chain post {\n    type nat hook postrouting priority 100;\n");
    if !after.is_empty() {
        text.push_str(&format!("    oifname \"{outside}\" {after}\n"));
    }
    text.push_str(&format!(
        "    oifname \"{outside}\" {masquerade}\n  }}\n}}\n"
    ));
    text
}

fn to_cone(outside: &str, who: &str) -> String {
    format!(
        "  chain pre {{
    type nat hook prerouting priority -100;
    iifname \"{outside}\" fib daddr type local meta l4proto udp {who}dnat to udp dport map @cone
  }}
"
    )
}

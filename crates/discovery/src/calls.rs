//! Calls for this host, in the records of others.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
};

use if_addrs::{IfAddr, Interface};

use crate::{Call, CallTarget, Candidate, sightings::is_link_local};

/// Calls that are remembered as told.
const TOLD: usize = 256;

/// Which calls were told already, since a record that stands is seen many times.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    told: VecDeque<(String, u64)>,
}

impl Calls {
    /// The calls of a candidate that are for this host and new. `names` are those of this host.
    pub(crate) fn for_us(&mut self, fullname: &str, from: &Candidate, names: &[&str]) -> Vec<Call> {
        let calls = from
            .lab()
            .map(|lab| lab.calls.as_slice())
            .unwrap_or_default();
        if calls.is_empty() {
            return Vec::new();
        }
        let here = if_addrs::get_if_addrs().unwrap_or_default();
        let mut ours = Vec::new();
        for call in calls
            .iter()
            .filter(|call| is_us(&call.target, names, &here))
        {
            let told = (fullname.to_lowercase(), call.nonce);
            if self.told.contains(&told) {
                continue;
            }
            if self.told.len() >= TOLD {
                self.told.pop_front();
            }
            self.told.push_back(told);
            let dial = from
                .addrs
                .iter()
                .copied()
                .filter(|addr| is_on_link(addr, &here))
                .collect();
            ours.push(Call {
                from: from.clone(),
                nonce: call.nonce,
                dial,
            });
        }
        ours
    }
}

fn is_us(target: &CallTarget, names: &[&str], here: &[Interface]) -> bool {
    match target {
        CallTarget::Addr(addr) => here.iter().any(|interface| interface.ip() == *addr),
        CallTarget::Name(name) => {
            let label = name.strip_suffix(".local").unwrap_or(name);
            names.iter().any(|own| own.eq_ignore_ascii_case(label))
        }
    }
}

/// Whether an address lies in a network that one of our interfaces is in.
fn is_on_link(addr: &SocketAddr, here: &[Interface]) -> bool {
    here.iter()
        .any(|interface| match (&interface.addr, addr.ip()) {
            (IfAddr::V4(own), IpAddr::V4(ip)) => {
                let mask = u32::from(own.netmask);
                mask != 0 && u32::from(own.ip) & mask == u32::from(ip) & mask
            }
            (IfAddr::V6(_), IpAddr::V6(ip)) if is_link_local(&ip) => true,
            (IfAddr::V6(own), IpAddr::V6(ip)) => {
                let mask = u128::from(own.netmask);
                mask != 0 && u128::from(own.ip) & mask == u128::from(ip) & mask
            }
            (IfAddr::V4(_), IpAddr::V6(_)) | (IfAddr::V6(_), IpAddr::V4(_)) => false,
        })
}

#[cfg(test)]
mod tests {
    use if_addrs::{IfOperStatus, Ifv4Addr, Ifv6Addr};

    use super::*;

    fn interface(addr: IfAddr) -> Interface {
        Interface {
            name: "eth0".into(),
            addr,
            index: Some(2),
            oper_status: IfOperStatus::Up,
            is_p2p: false,
            #[cfg(windows)]
            adapter_name: String::new(),
        }
    }

    fn here() -> Vec<Interface> {
        let v4 = Ifv4Addr {
            ip: "10.50.0.1".parse().unwrap(),
            netmask: "255.255.255.0".parse().unwrap(),
            prefixlen: 24,
            broadcast: None,
        };
        let v6 = Ifv6Addr {
            ip: "fd00:50::1".parse().unwrap(),
            netmask: "ffff:ffff:ffff:ffff::".parse().unwrap(),
            prefixlen: 64,
            broadcast: None,
        };
        vec![interface(IfAddr::V4(v4)), interface(IfAddr::V6(v6))]
    }

    #[test]
    fn nobody_is_called_beyond_the_link() {
        for (addr, on_link) in [
            ("10.50.0.9:1", true),
            ("10.50.1.9:1", false),
            ("[fd00:50::9]:1", true),
            ("[fd00:51::9]:1", false),
            ("[fe80::9%2]:1", true),
            ("192.0.2.1:1", false),
        ] {
            assert_eq!(
                is_on_link(&addr.parse().unwrap(), &here()),
                on_link,
                "{addr}"
            );
        }
    }

    #[test]
    fn a_call_is_for_this_host_by_address_or_name() {
        let us = |target: CallTarget| is_us(&target, &["host", "host (2)"], &here());
        assert!(us(CallTarget::Addr("10.50.0.1".parse().unwrap())));
        assert!(us(CallTarget::Name("HOST.local".into())));
        assert!(us(CallTarget::Name("host (2)".into())));
        assert!(!us(CallTarget::Addr("10.50.0.2".parse().unwrap())));
        assert!(!us(CallTarget::Name("host2".into())));
    }
}

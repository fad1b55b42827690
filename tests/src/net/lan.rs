//! As many hosts as one likes, on one link.

use super::{Namespace, first_namespace, namespace::next_network};
use crate::slots::Slot;

/// Hosts on one link and in one subnet, `10.50.0.1` and so on. Dropped, all of it is gone, with
/// every process in it.
#[derive(Debug)]
pub struct Lan {
    /// The hosts. Each has one interface, `eth0`.
    pub hosts: Vec<Namespace>,
    /// What connects them, with the port `port1` for the first host and so on; it has no address.
    /// `None` where a cable does.
    pub switch: Option<Namespace>,
    _slot: Slot,
}

impl Lan {
    /// Two hosts joined by a cable: one pair of virtual interfaces and nothing between.
    /// `None`, said aloud, where this user may not.
    ///
    /// # Panics
    /// Where `DOLAB_REQUIRE_NETNS` is `1` and it can not be built.
    pub fn cable() -> Option<Self> {
        Self::build(2, |network| {
            first_namespace(network, "host1", "10.50.0.1").map(|host| (vec![host], None))
        })
    }

    /// Up to 200 hosts and a switch. `None`, said aloud, where this user may not.
    ///
    /// # Panics
    /// Where `DOLAB_REQUIRE_NETNS` is `1` and it can not be built.
    pub fn switch(hosts: usize) -> Option<Self> {
        Self::build(hosts, |network| {
            first_namespace(network, "switch", "10.50.0.254")
                .map(|switch| (Vec::new(), Some(switch)))
        })
    }

    fn build(
        count: usize,
        first: impl FnOnce(u32) -> Option<(Vec<Namespace>, Option<Namespace>)>,
    ) -> Option<Self> {
        assert!((2..=200).contains(&count), "{count} hosts are no network");
        let slot = Slot::take();
        let network = next_network();
        let (mut hosts, switch) = first(network)?;
        for number in hosts.len() + 1..=count {
            let (role, address) = (format!("host{number}"), format!("10.50.0.{number}"));
            let host = Namespace::add(network, &role, &address);
            hosts.push(host.expect("the first was allowed"));
        }
        let lan = Self {
            hosts,
            switch,
            _slot: slot,
        };
        lan.connect()
            .expect("a namespace is at hand, so the rest is allowed too");
        Some(lan)
    }

    fn connect(&self) -> Result<(), String> {
        match &self.switch {
            None => self.hosts[0].cable("eth0", &self.hosts[1], "eth0")?,
            Some(switch) => {
                let ports: Vec<_> = (1..=self.hosts.len()).map(|n| format!("port{n}")).collect();
                for (host, port) in self.hosts.iter().zip(&ports) {
                    host.cable("eth0", switch, port)?;
                }
                switch.bridge(&ports.iter().map(String::as_str).collect::<Vec<_>>())?;
            }
        }
        for host in &self.hosts {
            host.plug_in()?;
            // Without a route for them, groups can not be joined or sent to.
            host.ip(&["route", "add", "224.0.0.0/4", "dev", "eth0"])?;
        }
        Ok(())
    }
}

//! A service on the internet and two sites behind a NAT each.

use super::{Namespace, first_namespace, namespace::next_network};
use crate::slots::Slot;

/// Hosts behind two routers that translate addresses, and one host that both reach. Dropped, all of
/// it is gone, with every process in it.
///
/// ```text
/// cloud 10.99.0.254 ─┬─ router A 10.99.0.1 ─┬─ a1, 10.1.1.0/24: a1[0] .10, a1[1] .20
///                    │                      └─ a2, 10.1.2.0/24: a2[0] .10, a2[1] .20
///                    └─ router B 10.99.0.2 ─── b1, 10.2.1.0/24: b1[0] .10, b1[1] .20
/// ```
///
/// The routers forward between their own subnets, translate what goes to the internet to their
/// address there, and let nothing in from it.
#[derive(Debug)]
pub struct Campus {
    /// The host on the internet.
    pub cloud: Namespace,
    /// Two hosts in the first subnet of site A.
    pub a1: [Namespace; 2],
    /// Two hosts in the second subnet of site A.
    pub a2: [Namespace; 2],
    /// Two hosts of site B.
    pub b1: [Namespace; 2],
    /// The routers and the switches.
    pub middle: Vec<Namespace>,
    _slot: Slot,
}

const NAT: &str = "table ip nat { chain post {
    type nat hook postrouting priority 100;
    oifname \"wan\" masquerade
}
}
table inet filter { chain in {
    type filter hook forward priority 0;
    iifname \"wan\" ct state new drop
}
}";

impl Campus {
    /// Builds one. `None`, said aloud, where this user may not.
    ///
    /// # Panics
    /// Where `DOLAB_REQUIRE_NETNS` is `1` and it can not be built.
    pub fn new() -> Option<Self> {
        let slot = Slot::take();
        let network = next_network();
        let internet = first_namespace(network, "internet", "10.99.0.253")?;
        let add = |role: &str, address: &str| {
            Namespace::add(network, role, address).expect("the first was allowed")
        };
        let pair = |subnet: &str, net: &str| {
            ["10", "20"].map(|last| add(&format!("{subnet}-{last}"), &format!("{net}.{last}")))
        };
        let campus = Self {
            cloud: add("cloud", "10.99.0.254"),
            a1: pair("a1", "10.1.1"),
            a2: pair("a2", "10.1.2"),
            b1: pair("b1", "10.2.1"),
            middle: vec![
                internet,
                add("ra", "10.99.0.1"),
                add("rb", "10.99.0.2"),
                add("sa1", "10.1.1.253"),
                add("sa2", "10.1.2.253"),
                add("sb1", "10.2.1.253"),
            ],
            _slot: slot,
        };
        campus
            .connect()
            .expect("a namespace is at hand, so the rest is allowed too");
        Some(campus)
    }

    /// Bounds what site A gets from the internet, in the words of [`Namespace::shape`].
    ///
    /// # Panics
    /// When tc does not take it.
    pub fn line_of_site_a(&self, discipline: &str) {
        self.middle[0].shape("ra", discipline);
    }

    fn connect(&self) -> Result<(), String> {
        let [internet, ra, rb, sa1, sa2, sb1] = &self.middle[..] else {
            return Err("six stand in the middle".to_owned());
        };
        self.cloud.cable("eth0", internet, "cloud")?;
        ra.cable("wan", internet, "ra")?;
        rb.cable("wan", internet, "rb")?;
        internet.bridge(&["cloud", "ra", "rb"])?;
        self.cloud.plug_in()?;
        let sites = [
            (ra, "lan1", sa1, &self.a1, "10.1.1.254"),
            (ra, "lan2", sa2, &self.a2, "10.1.2.254"),
            (rb, "lan1", sb1, &self.b1, "10.2.1.254"),
        ];
        for (router, lan, switch, hosts, gateway) in sites {
            router.cable(lan, switch, "router")?;
            for (host, port) in hosts.iter().zip(["p0", "p1"]) {
                host.cable("eth0", switch, port)?;
            }
            switch.bridge(&["router", "p0", "p1"])?;
            router.ip(&["addr", "add", &format!("{gateway}/24"), "dev", lan])?;
            router.ip(&["link", "set", lan, "up"])?;
            for host in hosts {
                // One address for each host, so that a table can name it.
                host.sysctl("net.ipv6.conf.all.disable_ipv6", "1")?;
                host.plug_in()?;
                host.route_all(gateway)?;
            }
        }
        for router in [ra, rb] {
            let address = format!("{}/24", router.address);
            router.ip(&["addr", "add", &address, "dev", "wan"])?;
            router.ip(&["link", "set", "wan", "up"])?;
            router.sysctl("net.ipv4.ip_forward", "1")?;
            router.nft(NAT);
        }
        Ok(())
    }
}

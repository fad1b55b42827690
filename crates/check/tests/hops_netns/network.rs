//! Two hosts and four routers, over IPv4 and IPv6. Three are on the way from one host to the
//! other; answers come back over the same three, or over the fourth.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::netns::{Space, ip};

pub(crate) const HERE: usize = 0;
const NEAR: usize = 1;
const OVER: usize = 2;
const UNDER: usize = 3;
const FAR: usize = 4;
pub(crate) const THERE: usize = 5;

const NAMES: [&str; 6] = ["here", "near", "over", "under", "far", "there"];

/// Which two a link joins. The link of number n has the networks `10.78.n.0/24` and `fd78:n::/64`,
/// in which the first of the two is 1 and the second 2. An interface is called like the other end.
const LINKS: [[usize; 2]; 6] = [
    [HERE, NEAR],
    [NEAR, OVER],
    [OVER, FAR],
    [NEAR, UNDER],
    [UNDER, FAR],
    [FAR, THERE],
];

/// Over which router the other host's packets come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    Over,
    Under,
}

pub(crate) struct Network {
    spaces: Vec<Space>,
}

impl Network {
    pub(crate) fn new(back: Back) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let network = Self {
            spaces: NAMES
                .iter()
                .map(|role| Space::new(&format!("{number}-{role}")))
                .collect(),
        };
        for (at, space) in network.spaces.iter().enumerate() {
            // Addresses at once, without a second of looking for duplicates.
            space.set("ipv6/conf/default/accept_dad", "0");
            if ![HERE, THERE].contains(&at) {
                space.set("ipv4/ip_forward", "1");
                space.set("ipv6/conf/all/forwarding", "1");
            }
        }
        for (number, [left, right]) in LINKS.into_iter().enumerate() {
            let [to_left, to_right] = [NAMES[left], NAMES[right]];
            ip(&format!(
                "-n {} link add {to_right} type veth peer name {to_left} netns {}",
                network.spaces[left].name, network.spaces[right].name
            ));
            for (node, interface, last) in [(left, to_right, 1), (right, to_left, 2)] {
                network.ip(
                    node,
                    &format!("addr add 10.78.{number}.{last}/24 dev {interface}"),
                );
                network.ip(
                    node,
                    &format!("addr add fd78:{number}::{last}/64 dev {interface} nodad"),
                );
                network.ip(node, &format!("link set {interface} up"));
            }
        }
        let back = match back {
            Back::Over => OVER,
            Back::Under => UNDER,
        };
        for (node, to) in [
            (HERE, NEAR),
            (NEAR, OVER),
            (OVER, FAR),
            (UNDER, NEAR),
            (FAR, back),
            (THERE, FAR),
        ] {
            network.route(node, "default", "default", to);
        }
        network.route(NEAR, "10.78.4.0/24", "fd78:4::/64", UNDER);
        network.route(UNDER, "10.78.5.0/24", "fd78:5::/64", FAR);
        network.route(OVER, "10.78.0.0/24", "fd78:0::/64", NEAR);
        network.route(FAR, "10.78.1.0/24", "fd78:1::/64", OVER);
        network
    }

    fn ip(&self, node: usize, args: &str) {
        ip(&format!("-n {} {args}", self.spaces[node].name));
    }

    fn route(&self, node: usize, four: &str, six: &str, next: usize) {
        let (number, last) = LINKS
            .iter()
            .enumerate()
            .find_map(|(number, link)| match *link {
                [left, right] if [left, right] == [node, next] => Some((number, 2)),
                [left, right] if [left, right] == [next, node] => Some((number, 1)),
                _ => None,
            })
            .expect("the next hop is on a link");
        self.ip(node, &format!("route add {four} via 10.78.{number}.{last}"));
        self.ip(
            node,
            &format!("-6 route add {six} via fd78:{number}::{last}"),
        );
    }

    /// One of the two hosts, with its addresses.
    pub(crate) fn host(&self, host: usize) -> (&Space, [IpAddr; 2]) {
        let texts = match host {
            HERE => ["10.78.0.1", "fd78:0::1"],
            _ => ["10.78.5.2", "fd78:5::2"],
        };
        let addresses = texts.map(|text| text.parse().expect("an address"));
        (&self.spaces[host], addresses)
    }

    /// Has a router drop packets as it forwards them, of both families.
    pub(crate) fn drop_at(&self, router: &str, what: &str) {
        let at = NAMES.iter().position(|name| *name == router);
        self.spaces[at.expect("a name of a router")].nft(&format!(
            "add table inet dolab\nadd chain inet dolab c {{ type filter hook forward priority 0; }}\n\
             add rule inet dolab c {what} drop\n"
        ));
    }

    /// Who has this address.
    pub(crate) fn name(address: IpAddr) -> Option<&'static str> {
        let (number, last) = match address {
            IpAddr::V4(four) => match four.octets() {
                [10, 78, number, last] => (number.into(), last.into()),
                _ => return None,
            },
            IpAddr::V6(six) => match six.segments() {
                [0xfd78, number, 0, 0, 0, 0, 0, last] => (number, last),
                _ => return None,
            },
        };
        let link = LINKS.get(usize::from(number))?;
        Some(NAMES[*link.get(usize::from(last).checked_sub(1)?)?])
    }
}

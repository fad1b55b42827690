//! Faults by the number: place, direction, what they hit, and what they do to it, each drawn evenly and
//! by itself. A third of them stop everything in one direction.

use std::fmt;

use dolab_lab::{
    Fault,
    fault::{Block, Place},
    topology::{Action, Protocol},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::network::Shape;

/// A fault, and all that has to be known to say what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    pub(crate) number: u64,
    pub(crate) shape: Shape,
    /// The node that it is at.
    pub(crate) node: &'static str,
    /// Whether it hits what goes from `pc1` to `pc2`, or from `pc2` to `pc1`.
    pub(crate) from_a: bool,
    pub(crate) protocol: Option<Protocol>,
    /// To a port, or from it.
    pub(crate) port: Option<(u16, bool)>,
    pub(crate) how: Action,
}

const PORTS: [(Protocol, u16); 4] = [
    (Protocol::Tcp, 7680),
    (Protocol::Tcp, 443),
    (Protocol::Udp, 443),
    (Protocol::Udp, 3544),
];

const HOW: [Action; 5] = [
    Action::Drop,
    Action::Reject,
    Action::AdminProhibited,
    Action::HostUnreachable,
    Action::TcpReset,
];

impl Random {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let shape = Shape::ALL[rng.random_range(0..Shape::ALL.len())];
        let from_a = rng.random();
        let nodes = shape.nodes(from_a);
        let node = nodes[rng.random_range(0..nodes.len())];
        let protocol = match rng.random_range(0..3) {
            0 => Some(Protocol::Tcp),
            1 => Some(Protocol::Udp),
            _ => None,
        };
        // All of the protocol, or what goes to or comes from one of its ports.
        let ports = PORTS.iter().filter(|(of, _)| Some(*of) == protocol);
        let ways = ports.flat_map(|(_, port)| [Some((*port, false)), Some((*port, true))]);
        let choices: Vec<_> = [None].into_iter().chain(ways).collect();
        let port = choices[rng.random_range(0..choices.len())];
        let how = loop {
            let how = HOW[rng.random_range(0..HOW.len())];
            // A reset is TCP's.
            if how != Action::TcpReset || protocol == Some(Protocol::Tcp) {
                break how;
            }
        };
        Self {
            number,
            shape,
            node,
            from_a,
            protocol,
            port,
            how,
        }
    }

    pub(crate) fn fault(&self) -> Fault {
        let (a, b) = ("10.0.0.1/32", "10.4.0.1/32");
        let (from, to) = if self.from_a { (a, b) } else { (b, a) };
        let subnet = |text: &str| Some(text.parse().expect("an address is a network"));
        let port = |wanted: bool| {
            let port = self.port.filter(|(_, from)| *from == wanted);
            port.map(|(port, _)| port.to_string().parse().expect("a port is a port"))
        };
        Fault::Block(Block {
            at: self.place(),
            protocol: self.protocol,
            port: port(false),
            from_port: port(true),
            from: subnet(from),
            to: subnet(to),
            only_new: false,
            how: self.how,
        })
    }

    fn place(&self) -> Place {
        let node = self.node.to_owned();
        let sender = if self.from_a { "pc1" } else { "pc2" };
        match self.node {
            "pc1" | "pc2" if self.node == sender => Place::Output(node),
            "pc1" | "pc2" => Place::Input(node),
            _ => Place::Forward(node),
        }
    }

    /// Whether it hits packets of a protocol that go to this port, or come from it.
    pub(crate) fn hits(&self, from_a: bool, tcp: bool, port: u16, answer: bool) -> bool {
        let protocol = self
            .protocol
            .is_none_or(|hit| (hit == Protocol::Tcp) == tcp);
        let port = self
            .port
            .is_none_or(|(hit, from)| (hit, from) == (port, answer));
        self.from_a == from_a && protocol && port
    }
}

impl fmt::Display for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Some(Protocol::Tcp) => "tcp",
            Some(Protocol::Udp) => "udp",
            Some(Protocol::Icmp) => "icmp",
            None => "everything",
        };
        let port = self.port.map_or_else(String::new, |(port, from)| {
            format!(" {} {port}", if from { "from" } else { "to" })
        });
        let way = if self.from_a { "1 to 2" } else { "2 to 1" };
        write!(
            f,
            "{:>3} {:?}: {} at {}, {way}, {protocol}{port}",
            self.number,
            self.shape,
            format!("{:?}", self.how).to_lowercase(),
            self.node
        )
    }
}

//! Where in a network a packet is met.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// Where a packet is met. Written `b.input`, `b.output`, `r1.forward`, `lan.port.b`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Place {
    /// What a host or router takes for itself.
    Input(String),
    /// What a host or router sends of itself.
    Output(String),
    /// What a router passes on.
    Forward(String),
    /// What a switch passes to and from one of its ports.
    Port {
        /// The switch.
        switch: String,
        /// The host or router that the port leads to.
        node: String,
    },
}

/// A text that is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no place: write HOST.input, HOST.output, ROUTER.forward or SWITCH.port.HOST")]
pub struct ParsePlaceError(String);

impl FromStr for Place {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('.').collect();
        match parts[..] {
            [node, "input"] => Ok(Self::Input(node.to_owned())),
            [node, "output"] => Ok(Self::Output(node.to_owned())),
            [node, "forward"] => Ok(Self::Forward(node.to_owned())),
            [switch, "port", node] => Ok(Self::Port {
                switch: switch.to_owned(),
                node: node.to_owned(),
            }),
            _ => Err(ParsePlaceError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Place {
    type Error = ParsePlaceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(node) => write!(f, "{node}.input"),
            Self::Output(node) => write!(f, "{node}.output"),
            Self::Forward(node) => write!(f, "{node}.forward"),
            Self::Port { switch, node } => write!(f, "{switch}.port.{node}"),
        }
    }
}

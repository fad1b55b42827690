//! The scenarios that the program brings along.

use super::{FileError, Scenario, names};

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../../../scenarios/", $name, ".toml")))),*]
    };
}

/// Every file of the folder `scenarios` by its name without `.toml`, with its text. A test holds the
/// two equal.
pub const FILES: &[(&str, &str)] = files! {
    "answers-from-7680-dropped"
    "client-isolation"
    "connects-and-nothing-comes"
    "dns-sd-blocked-on-a-host"
    "everything-dropped-between"
    "host-unplugged"
    "host-vanishes"
    "inbound-7680-dropped"
    "inbound-7680-dropped-on-both"
    "inbound-7680-rejected"
    "mtu-black-hole"
    "multicast-filtered"
    "no-route"
    "nobody-listens"
    "other-key"
    "outbound-7680-dropped"
    "port-taken"
    "proxy-answers-for-7680"
    "reset-in-mid-transfer"
    "router-drops-7680"
    "router-drops-7680-one-way"
    "router-prohibits-7680"
    "router-resets-7680"
    "rule-for-local-subnet"
    "stall-in-mid-transfer"
    "switch-drops-7680"
    "tcp-443-blocked"
    "teredo-blocked"
    "third-party-firewall"
    "udp-443-blocked"
};

/// All of them.
///
/// # Errors
/// Never, as a test makes sure of.
pub fn all() -> Result<Vec<Scenario>, FileError> {
    FILES.iter().map(|(name, text)| parse(name, text)).collect()
}

/// The one of this name, if there is one.
///
/// # Errors
/// Never, as a test makes sure of.
pub fn named(name: &str) -> Result<Option<Scenario>, FileError> {
    let file = FILES.iter().find(|(known, _)| *known == name);
    file.map(|(name, text)| parse(name, text)).transpose()
}

fn parse(name: &str, text: &str) -> Result<Scenario, FileError> {
    Scenario::parse(name, &format!("scenarios/{name}.toml"), text)
}

/// The name that is most like a wrong one, where one is like it.
pub fn nearest(wrong: &str) -> Option<&'static str> {
    names::nearest(wrong, FILES.iter().map(|(name, _)| *name))
}

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
    "adapter-taken-for-vpn"
    "answers-from-7680-dropped"
    "bad-pieces"
    "cache-folder-gone"
    "cache-not-from-dhcp"
    "cache-silent"
    "caller-not-registered"
    "captive-portal"
    "cellular"
    "client-isolation"
    "clock-far-behind"
    "clock-half-a-day-ahead"
    "cloud-unreachable"
    "cmdlet-shows-nothing"
    "connected-cache"
    "connects-and-nothing-comes"
    "content-without-peers"
    "delay-too-long"
    "different-groups"
    "dns-sd-blocked-on-a-host"
    "everything-dropped-between"
    "first-to-fetch"
    "group-not-from-dhcp"
    "group-without-mode"
    "hash-file-altered"
    "hash-file-missing"
    "host-unplugged"
    "host-vanishes"
    "http-wins"
    "implicit-groups"
    "inbound-7680-dropped"
    "inbound-7680-dropped-on-both"
    "inbound-7680-rejected"
    "listens-elsewhere"
    "little-disk"
    "little-memory"
    "mdm-value-refused"
    "memory-critical"
    "metered"
    "mode-bypass"
    "mode-http-only"
    "mode-simple"
    "monthly-cap-reached"
    "mtu-black-hole"
    "multicast-filtered"
    "no-ranges"
    "no-room"
    "no-route"
    "nobody-listens"
    "not-registered"
    "offered-and-not-connected"
    "other-key"
    "outbound-7680-dropped"
    "policy-overruled"
    "port-taken"
    "proxy-answers-for-7680"
    "proxy-with-many-addresses"
    "reset-in-mid-transfer"
    "router-drops-7680"
    "router-drops-7680-one-way"
    "router-prohibits-7680"
    "router-resets-7680"
    "rule-for-local-subnet"
    "seeder-on-battery"
    "server-and-client"
    "smaller-than-shared"
    "stall-in-mid-transfer"
    "switch-drops-7680"
    "tcp-443-blocked"
    "teredo-blocked"
    "third-party-firewall"
    "tls-intercepted"
    "too-small-for-the-cloud"
    "two-uplinks"
    "udp-443-blocked"
    "unknown-content"
    "vpn"
    "windows-11-restricts"
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

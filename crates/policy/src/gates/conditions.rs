//! What the gates look at: a device at a moment, and a download.

use serde::{Deserialize, Serialize};

use crate::Priority;

/// A device at a moment. `None` is always "not known", and never keeps a gate shut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Memory, in bytes.
    pub ram: Option<u64>,
    /// The disk that the cache is on.
    pub disk: Option<Disk>,
    /// Whether the cache's folder is there and can be written to.
    pub cache_folder: Option<bool>,
    /// Where the power comes from.
    pub power: Option<Power>,
    /// The network adapters that are connected.
    pub adapters: Option<Vec<Adapter>>,
    /// What the network costs.
    pub cost: Option<Cost>,
    /// The hour of the day, local time, 0 to 23.
    pub hour: Option<u8>,
    /// Bytes that went to Internet peers in this calendar month.
    pub uploaded_to_internet: Option<u64>,
    /// Whether there is a network at all.
    pub online: Option<bool>,
    /// Whether the cloud service answers.
    pub cloud: Option<bool>,
    /// Whether memory has become scarce.
    pub memory_critical: Option<bool>,
}

impl Conditions {
    /// A desktop computer with nothing in its way, at noon.
    pub fn usual() -> Self {
        Self {
            ram: Some(16 << 30),
            disk: Some(Disk {
                capacity: 512 << 30,
                free: 256 << 30,
            }),
            cache_folder: Some(true),
            power: Some(Power::Mains),
            adapters: Some(vec![Adapter {
                description: "Ethernet Controller".to_owned(),
                friendly_name: "Ethernet".to_owned(),
            }]),
            cost: Some(Cost::Free),
            hour: Some(12),
            uploaded_to_internet: Some(0),
            online: Some(true),
            cloud: Some(true),
            memory_critical: Some(false),
        }
    }
}

/// A disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its size, in bytes.
    pub capacity: u64,
    /// What is free of it, in bytes.
    pub free: u64,
}

/// Where the power comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// The mains.
    Mains,
    /// A battery.
    Battery {
        /// Its charge in hundredths, where the system tells.
        percent: Option<u8>,
    },
}

/// A network adapter. Both texts are the system's own, and may say anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// What made it, such as `WireGuard Tunnel`.
    pub description: String,
    /// What the user sees, such as `Ethernet 2`.
    #[serde(alias = "name")]
    pub friendly_name: String,
}

/// What the network costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cost {
    /// Nothing by the byte.
    Free,
    /// Something by the byte, or more beyond a limit.
    Metered,
    /// The same, and it is a cellular network.
    Cellular,
}

/// A download, as far as gates depend on it. `None` is "not known".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// Whether somebody waits for it.
    pub priority: Priority,
    /// Its size, in bytes.
    pub size: Option<u64>,
    /// Whether the cloud service knows the program that asked for it.
    pub registered_caller: Option<bool>,
    /// Whether the content's own policy, from the cloud service, lets peers share it.
    pub peers_allowed: Option<bool>,
    /// Whether its pieces can be verified: the pieces hash file was had and is good.
    pub integrity: Option<bool>,
}

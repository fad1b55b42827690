//! What the kernel and its tools offer.

use std::fs;

use super::{WorldError, cell::Cell, run};
use crate::Kernel;

impl Kernel {
    /// Looks at the kernel of this machine.
    ///
    /// # Errors
    /// When this user may not make namespaces, or when `ip` or `tc` is missing.
    pub fn probe() -> Result<Self, WorldError> {
        let cell = Cell::new("probe", None).map_err(WorldError::namespace)?;
        let known = fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control");
        let cubic = known.is_ok_and(|names| names.split_whitespace().any(|name| name == "cubic"));
        let netem = cell.run(|| {
            run::tool("ip", &["link", "set", "lo", "up"], "")?;
            // Refused by a kernel without it; with it, asking loads the module.
            let add = ["qdisc", "add", "dev", "lo", "root", "netem"];
            Ok::<_, run::ToolError>(run::tool("tc", &add, "").is_ok())
        })?;
        let netem = netem.map_err(|error| error.at("probe", ""))?;
        Ok(Self { netem, cubic })
    }
}

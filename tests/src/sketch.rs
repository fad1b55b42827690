//! Networks of the lab, a node in a line.

use std::{collections::BTreeMap, fmt::Write as _, net::Ipv4Addr};

/// Writes the TOML of a topology from its nodes. Switches follow from what is plugged into them: the
/// subnet of each is the /24 of the addresses there.
#[derive(Clone, Debug, Default)]
pub struct Sketch {
    switches: BTreeMap<String, String>,
    nodes: String,
}

impl Sketch {
    /// Adds a host whose `eth0` is plugged into a switch.
    ///
    /// # Panics
    /// When the address is none.
    #[must_use]
    pub fn host(self, name: &str, gateway: &str, switch: &str, address: &str) -> Self {
        self.node("host", name, gateway, &[("eth0", switch, address)], "")
    }

    /// Adds a router: its gateway, or nothing, the names of its adapters with switch and address, and
    /// what else is said of it, in TOML.
    ///
    /// # Panics
    /// When an address is none.
    #[must_use]
    pub fn router(
        self,
        name: &str,
        gateway: &str,
        adapters: &[(&str, &str, &str)],
        more: &str,
    ) -> Self {
        self.node("router", name, gateway, adapters, more)
    }

    fn node(
        mut self,
        kind: &str,
        name: &str,
        gateway: &str,
        adapters: &[(&str, &str, &str)],
        more: &str,
    ) -> Self {
        let mut text = format!("[{kind}.{name}]\n");
        if !gateway.is_empty() {
            text.push_str(&format!("gateway = \"{gateway}\"\n"));
        }
        for (adapter, switch, address) in adapters {
            let [a, b, c, _] = address.parse::<Ipv4Addr>().expect("an address").octets();
            let subnet = format!("{a}.{b}.{c}.0/24");
            self.switches.insert((*switch).to_owned(), subnet);
            text.push_str(&format!(
                "adapter.{adapter} = {{ switch = \"{switch}\", address = \"{address}\" }}\n"
            ));
        }
        self.nodes.push_str(&text);
        self.nodes.push_str(more);
        self.nodes.push('\n');
        self
    }

    /// The topology.
    pub fn toml(&self) -> String {
        let mut text = String::new();
        for (name, subnet) in &self.switches {
            writeln!(text, "switch.{name}.subnet = \"{subnet}\"").expect("text takes all");
        }
        text + &self.nodes
    }
}

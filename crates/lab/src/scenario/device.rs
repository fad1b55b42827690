//! Devices and the service, as a scenario sets them up.

use serde::Deserialize;
use toml::{Table, Value};

/// What is set on a device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Device {
    /// Policies by their names, as in a policy file of `dolab fetch --policy`.
    #[serde(default)]
    pub policies: Table,
    /// What the system would tell of this device, as in a file of `--conditions`.
    #[serde(default)]
    pub conditions: Table,
    /// Whose defaults hold: `windows-10`, `windows-11` or `windows-server`.
    pub system: Option<String>,
    /// Further options of `dolab peer`, `check` and `fetch` there.
    #[serde(default)]
    pub options: Vec<String>,
}

impl Device {
    /// Replaces what the other one sets, key by key; options are added.
    pub(super) fn lay_over(&mut self, other: Option<&Self>) {
        let Some(other) = other else { return };
        lay_over(&mut self.policies, &other.policies);
        lay_over(&mut self.conditions, &other.conditions);
        if other.system.is_some() {
            self.system.clone_from(&other.system);
        }
        self.options.extend(other.options.iter().cloned());
    }
}

fn lay_over(below: &mut Table, above: &Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            _ => {
                below.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The service.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cloud {
    /// The host where it runs.
    pub on: String,
    /// What it serves.
    #[serde(default)]
    pub contents: Vec<Content>,
    /// What goes wrong in both twins, in the words of `dolab cloud --fault`.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Further options of `dolab cloud`.
    #[serde(default)]
    pub options: Vec<String>,
}

/// A content that the service serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Content {
    /// What actions call it, and its file name.
    pub name: String,
    /// Its size, such as `12MiB`.
    pub size: super::Length,
    /// Whether peers may share it.
    #[serde(default = "yes")]
    pub peers: bool,
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_above_replaces_key_by_key() {
        let device = |text: &str| toml::from_str::<Device>(text).unwrap();
        let mut below = device(
            "system = 'windows-10'\npolicies = { A = 1, B = 2 }\nconditions = { power = { mains = true, charge = 50 } }",
        );
        below.lay_over(Some(&device(
            "policies = { B = 3 }\nconditions = { power = { mains = false } }",
        )));
        let both = device(
            "system = 'windows-10'\npolicies = { A = 1, B = 3 }\nconditions = { power = { mains = false, charge = 50 } }",
        );
        assert_eq!(below, both);
    }
}

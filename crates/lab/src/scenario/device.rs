//! Devices and the service, as a scenario sets them up.

use dolab_host::ClockSetting;
use serde::{Deserialize, Deserializer, de::Error};
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
    #[serde(default, deserialize_with = "system")]
    pub system: Option<String>,
    /// What its clock shows, where it is not the system's: an offset such as `+400d` or `-90m`, or a
    /// local date and time when the run begins. Checks, peers and downloads there go by it.
    #[serde(default, deserialize_with = "clock")]
    pub clock: Option<ClockSetting>,
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
        self.clock = other.clock.or(self.clock);
        self.options.extend(other.options.iter().cloned());
    }
}

/// The systems, as `dolab fetch --os` reads them.
const SYSTEMS: &[&str] = &["windows-10", "windows-11", "windows-server"];

fn system<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    super::expect::one_of("system", &text, SYSTEMS).map_err(D::Error::custom)?;
    Ok(Some(text))
}

/// Reads a text, or a date of TOML's.
fn clock<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ClockSetting>, D::Error> {
    let text = match Value::deserialize(from)? {
        Value::String(text) => text,
        Value::Datetime(date) => date.to_string(),
        other @ (Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Array(_)
        | Value::Table(_)) => other.to_string(),
    };
    text.parse().map(Some).map_err(D::Error::custom)
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
            "policies = { B = 3 }\nconditions = { power = { mains = false } }\nclock = '+1h'",
        )));
        let both = device(
            "system = 'windows-10'\npolicies = { A = 1, B = 3 }\nconditions = { power = { mains = false, charge = 50 } }\nclock = '+1h'",
        );
        assert_eq!(below, both);
    }
}

//! What a device is like, as a file states it: for labs, and for judging the policies of a device that
//! is elsewhere.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use toml::de::DeTable;

use crate::{
    GroupFacts, Problem, ReadError, Trouble,
    gates::{Adapter, Conditions, Cost, Disk, Power},
    read::MAX_FILE,
};

/// A device as a file states it. What the file leaves out is that of a [usual](Conditions::usual)
/// device, but for what only the running device can know: the hour, what it uploaded, whether the cloud
/// answers and its folder is there.
///
/// ```
/// let text = "power = \"battery\"\ncharge = 30\nram = \"2GB\"\n[group]\nad-site = \"Berlin\"";
/// let situation = dolab_policy::Situation::read("laptop.toml", text.as_bytes()).unwrap();
/// assert_eq!(situation.conditions.ram, Some(2 << 30));
/// assert_eq!(situation.group.ad_site.as_deref(), Some("Berlin"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// What the gates look at.
    pub conditions: Conditions,
    /// What the group may be taken from.
    pub group: GroupFacts,
    /// The proxy that the whole device uses (`netsh winhttp show proxy`).
    pub proxy: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    ram: Option<Bytes>,
    disk: Option<Bytes>,
    disk_free: Option<Bytes>,
    cache_folder: Option<bool>,
    power: Option<Feed>,
    charge: Option<Percent>,
    adapter: Option<Vec<Adapter>>,
    cost: Option<Cost>,
    hour: Option<Hour>,
    uploaded_to_internet: Option<Bytes>,
    online: Option<bool>,
    memory_critical: Option<bool>,
    proxy: Option<String>,
    group: GroupFacts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Feed {
    Mains,
    Battery,
}

impl<'de> Deserialize<'de> for Situation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        File::deserialize(deserializer).map(Self::from)
    }
}

impl Situation {
    /// Reads a file in TOML.
    ///
    /// # Errors
    /// Says in which line and column it is wrong, and how.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, ReadError> {
        let refused = |line, column, what| ReadError {
            file: file.to_owned(),
            problems: vec![Problem { line, column, what }],
        };
        if bytes.len() > MAX_FILE {
            return Err(refused(0, None, Trouble::TooLarge(bytes.len())));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| refused(0, None, Trouble::NoText))?;
        let read: File = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = position(text, at);
            let why = error.message().to_owned();
            let what = match DeTable::parse(text) {
                Ok(_) => Trouble::Situation(why),
                Err(_) => Trouble::Toml(why),
            };
            refused(line, Some(column), what)
        })?;
        if read.charge.is_some() && read.power != Some(Feed::Battery) {
            let (line, column) = position(text, text.find("charge").unwrap_or(0));
            let why = "a charge needs power = \"battery\"".to_owned();
            return Err(refused(line, Some(column), Trouble::Situation(why)));
        }
        Ok(read.into())
    }
}

/// Line and column of a byte, from 1.
fn position(text: &str, byte: usize) -> (u32, u32) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    // A file has at most 16 MiB.
    (line as u32, column as u32)
}

impl From<File> for Situation {
    fn from(file: File) -> Self {
        let usual = Conditions::usual();
        let disk = file.disk.map_or(usual.disk, |capacity| {
            let free = file.disk_free.map_or(capacity.0 / 2, |free| free.0);
            Some(Disk {
                capacity: capacity.0,
                free,
            })
        });
        let power = match file.power {
            None | Some(Feed::Mains) => Power::Mains,
            Some(Feed::Battery) => Power::Battery {
                percent: file.charge.map(|it| it.0),
            },
        };
        Self {
            conditions: Conditions {
                ram: file.ram.map_or(usual.ram, |ram| Some(ram.0)),
                disk,
                cache_folder: file.cache_folder,
                power: Some(power),
                adapters: file.adapter.or(usual.adapters),
                cost: file.cost.or(usual.cost),
                hour: file.hour.map(|it| it.0),
                uploaded_to_internet: file.uploaded_to_internet.map(|it| it.0),
                online: file.online.or(usual.online),
                cloud: None,
                memory_critical: file.memory_critical.or(usual.memory_critical),
            },
            group: file.group,
            proxy: file.proxy,
        }
    }
}

/// An amount with its unit, as in `2GB`; the units are the policies', powers of 1024.
#[derive(Clone, Copy, Debug)]
struct Bytes(u64);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        bytes(&text).map(Self).ok_or_else(|| {
            let text = dolab_wire::text::printable(&text, 40);
            de::Error::custom(format_args!(
                "`{text}` is no amount: write it as 512MB or 2GB"
            ))
        })
    }
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let shift = match text[digits.len()..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "KB" | "KIB" => 10,
        "MB" | "MIB" => 20,
        "GB" | "GIB" => 30,
        "TB" | "TIB" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// 0 to 100.
#[derive(Clone, Copy, Debug)]
struct Percent(u8);

/// 0 to 23.
#[derive(Clone, Copy, Debug)]
struct Hour(u8);

fn at_most<'de, D: Deserializer<'de>>(
    deserializer: D,
    most: u8,
    what: impl fmt::Display,
) -> Result<u8, D::Error> {
    let number = i64::deserialize(deserializer)?;
    u8::try_from(number)
        .ok()
        .filter(|number| *number <= most)
        .ok_or_else(|| de::Error::custom(format_args!("{number} is no {what}: 0 to {most}")))
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        at_most(deserializer, 100, "percentage").map(Self)
    }
}

impl<'de> Deserialize<'de> for Hour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        at_most(deserializer, 23, "hour").map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_usual() {
        let empty = Situation::read("x", b"").unwrap();
        let usual = Conditions {
            hour: None,
            uploaded_to_internet: None,
            cloud: None,
            cache_folder: None,
            ..Conditions::usual()
        };
        assert_eq!(empty.conditions, usual);
        assert_eq!((empty.group, empty.proxy), (GroupFacts::default(), None));
    }

    #[test]
    fn everything_can_be_stated() {
        let text = r#"
            ram = "2GB"
            disk = "20 GB"
            disk-free = "512MiB"
            cache-folder = false
            power = "battery"
            charge = 55
            cost = "cellular"
            hour = 14
            uploaded-to-internet = "20GB"
            online = false
            memory-critical = true
            proxy = "proxy.example:9400"
            [[adapter]]
            description = "WireGuard Tunnel"
            name = "wg0"
            [group]
            ad-site = "Berlin"
            domain-sid = "S-1-5-21"
            dhcp-234 = "no guid"
            dns-suffix = "corp.example"
            tenant = "bbbbbbbb-0000-4000-8000-000000000002"
        "#;
        let it = Situation::read("x", text.as_bytes()).unwrap();
        let conditions = it.conditions;
        assert_eq!(conditions.ram, Some(2 << 30));
        let (capacity, free) = (20 << 30, 512 << 20);
        assert_eq!(conditions.disk, Some(Disk { capacity, free }));
        let percent = Some(55);
        assert_eq!(conditions.power, Some(Power::Battery { percent }));
        assert_eq!(conditions.cost, Some(Cost::Cellular));
        assert_eq!(conditions.adapters.unwrap()[0].friendly_name, "wg0");
        assert_eq!(conditions.memory_critical, Some(true));
        assert_eq!(it.group.dhcp_234.as_deref(), Some("no guid"));
        assert_eq!(it.proxy.as_deref(), Some("proxy.example:9400"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, place, what) in [
            ("ram = \"2GB\"\nrum = 1", "x:2:1:", "rum"),
            ("ram = \"a lot\"", "x:1:7:", "`a lot` is no amount"),
            ("hour = 24", "x:1:8:", "24 is no hour: 0 to 23"),
            ("charge = 5", "x:1:1:", "needs power"),
            ("[group]\nsite = \"b\"", "x:2:1:", "site"),
            ("ram = ", "x:1:", "TOML"),
        ] {
            let error = Situation::read("x", text.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(place), "{text}: {error}");
            assert!(error.contains(what), "{text}: {error}");
            let is_form = error.contains("no TOML");
            assert_eq!(is_form, what == "TOML", "{text}: {error}");
        }
        assert!(Situation::read("x", b"\xff\xfe").is_err());
    }
}

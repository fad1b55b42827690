//! Values under keys of a registry, from an export or from a live one.

use std::collections::BTreeMap;

use super::{Problem, Problems, Trouble};
use crate::{
    Key, Name, Place, Provider, Raw, Setting, Settings, Value,
    settings::Change,
    table::{HOURS_PARTS, Kind},
};

/// A value of a live registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryValue {
    /// The key that it stands under.
    pub key: &'static Key,
    /// Its name.
    pub name: String,
    /// What it is.
    pub raw: Raw,
}

impl Settings {
    /// What a live registry sets. What makes no sense there is left out and told: Windows runs with
    /// it, and a tool that looks at it must too.
    pub fn from_registry(values: impl IntoIterator<Item = RegistryValue>) -> (Self, Vec<Problem>) {
        let mut collector = Collector::default();
        for value in values {
            if collector.is_full() {
                break;
            }
            let place = Place::Registry(value.key.to_string());
            collector.set(value.key, &value.name, value.raw, place, 0);
        }
        collector.finish()
    }
}

/// Puts together what stands under the keys.
#[derive(Default)]
pub(super) struct Collector {
    settings: Settings,
    hours: BTreeMap<(Provider, Name), Parts>,
    problems: Problems,
}

/// Hours of which not all parts may have come yet.
struct Parts {
    parts: [Option<i128>; 4],
    place: Place,
    line: u32,
}

/// What MDM writes beside each value, about who set it (observed).
const COMPANIONS: [&str; 3] = ["_ProviderSet", "_WinningProvider", "_LastWrite"];

impl Collector {
    /// A value is there.
    pub(super) fn set(&mut self, key: &Key, value: &str, raw: Raw, place: Place, line: u32) {
        match find(key, value) {
            Found::Policy(name) => match Value::new(name.policy(), raw) {
                Ok(value) => self.settings.push(Change::Set(Setting {
                    name,
                    value,
                    provider: key.provider,
                    place,
                })),
                Err(error) => self.problems.push(line, None, error),
            },
            Found::Part(name, part) => {
                let Raw::Number(number) = raw else {
                    return self.problems.push(line, None, Trouble::Export(NO_PART));
                };
                let hours = self.hours.entry((key.provider, name));
                hours
                    .or_insert(Parts {
                        parts: [None; 4],
                        place,
                        line,
                    })
                    .parts[part] = Some(number);
            }
            Found::Unknown(error) => self.problems.push(line, None, error),
            Found::Other => {}
        }
    }

    /// A value is taken away.
    pub(super) fn unset(&mut self, key: &Key, value: &str, line: u32) {
        match find(key, value) {
            Found::Policy(name) => self.settings.push(Change::Unset {
                name,
                provider: key.provider,
            }),
            Found::Part(name, part) => {
                if let Some(hours) = self.hours.get_mut(&(key.provider, name)) {
                    hours.parts[part] = None;
                }
                self.settings.push(Change::Unset {
                    name,
                    provider: key.provider,
                });
            }
            Found::Unknown(error) => self.problems.push(line, None, error),
            Found::Other => {}
        }
    }

    /// A key is taken away with everything under it.
    pub(super) fn clear(&mut self, key: &Key) {
        self.hours
            .retain(|(provider, _), _| *provider != key.provider);
        self.settings.push(Change::Clear(key.provider));
    }

    /// Whether so much is wrong that reading on tells nobody anything.
    pub(super) fn is_full(&self) -> bool {
        self.problems.is_full()
    }

    /// A line that makes no sense.
    pub(super) fn trouble(&mut self, line: u32, what: Trouble) {
        self.problems.push(line, None, what);
    }

    pub(super) fn finish(mut self) -> (Settings, Vec<Problem>) {
        for ((provider, name), hours) in self.hours {
            if hours.parts == [None; 4] {
                continue;
            }
            match Value::new(name.policy(), Raw::Hours(hours.parts)) {
                Ok(value) => self.settings.push(Change::Set(Setting {
                    name,
                    value,
                    provider,
                    place: hours.place,
                })),
                Err(error) => self.problems.push(hours.line, None, error),
            }
        }
        (self.settings, self.problems.into_vec())
    }
}

const NO_PART: &str = "a part of hours has to be a number";

/// What a value's name stands for.
enum Found {
    /// The value of a policy.
    Policy(Name),
    /// A part of hours.
    Part(Name, usize),
    /// No policy, where only policies may be.
    Unknown(crate::UnknownPolicy),
    /// Something else.
    Other,
}

fn find(key: &Key, value: &str) -> Found {
    let shown = |name: Name| {
        let mdm = name.mdm();
        if key.bare_names { &mdm[2..] } else { mdm }
    };
    for name in Name::all() {
        if let Kind::Hours = name.policy().kind {
            if let Some(part) = part_of(name, value) {
                return Found::Part(name, part);
            }
        } else if shown(name).eq_ignore_ascii_case(value) {
            return Found::Policy(name);
        }
    }
    let companion = |end: &&str| {
        let head = value.len().checked_sub(end.len());
        head.and_then(|head| value.get(head..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    if !key.only_policies || value.is_empty() || COMPANIONS.iter().any(companion) {
        return Found::Other;
    }
    match value.parse::<Name>() {
        // Known to our own files, but not by this name to Windows.
        Ok(name) => Found::Unknown(crate::UnknownPolicy {
            name: dolab_wire::text::printable(value, 80),
            nearest: Some(name),
        }),
        Err(error) => Found::Unknown(error),
    }
}

/// Parts stand with and without `DO` in front (public samples have both forms of names).
fn part_of(name: Name, value: &str) -> Option<usize> {
    let mdm = name.mdm();
    let rest = [mdm, &mdm[2..]].into_iter().find_map(|head| {
        value
            .get(..head.len())
            .filter(|start| start.eq_ignore_ascii_case(head))
            .map(|_| &value[head.len()..])
    })?;
    HOURS_PARTS
        .iter()
        .position(|part| part.eq_ignore_ascii_case(rest))
}

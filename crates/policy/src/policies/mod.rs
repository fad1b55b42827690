//! The policies that hold for a device: what was set, merged, and documented defaults for the rest.

mod getters;
mod notes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use dolab_wire::DownloadMode;
use serde::Serialize;

pub use self::{
    getters::{CacheHostSource, GroupIdSource, Restriction},
    notes::Note,
};
use crate::{
    Name, Os, Provider, Setting, Settings, Value,
    settings::Change,
    table::{Default, Page, Preset},
};

/// What holds where nothing was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, std::default::Default, Serialize)]
pub struct Basis {
    /// The device's system.
    pub os: Os,
    /// Whose word counts where Microsoft's pages disagree; without one, the first row of the table
    /// that fits.
    pub page: Option<Page>,
}

impl From<Os> for Basis {
    fn from(os: Os) -> Self {
        Self { os, page: None }
    }
}

/// The value of every policy on one device, and where each came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    basis: Basis,
    effective: Vec<Effective>,
}

/// What holds for one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// The policy.
    pub name: Name,
    /// Its value; `None` when it is not set and has no default.
    pub value: Option<Value>,
    /// Where it came from.
    pub origin: Origin,
    /// What weaker providers set, the strongest first. None of it counts.
    pub overridden: Vec<Setting>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Somebody set it.
    Set {
        /// Who.
        provider: Provider,
        /// Where.
        place: crate::Place,
    },
    /// Nobody set it: who documents what holds then.
    Default(Page),
}

impl Origin {
    /// The provider, as Get-DOConfig names it.
    pub fn provider(&self) -> Provider {
        match self {
            Self::Set { provider, .. } => *provider,
            Self::Default(_) => Provider::Default,
        }
    }
}

impl std::default::Default for Policies {
    /// What holds on Windows 11 when nothing is set.
    fn default() -> Self {
        Self::new(Basis::default(), &Settings::new())
    }
}

impl Policies {
    /// Merges what was set: of one provider what was set last, of several the strongest.
    pub fn new(basis: impl Into<Basis>, settings: &Settings) -> Self {
        let basis = basis.into();
        let mut set = merge(settings);
        // Defaults of others depend on the mode, and the mode's own on none.
        let first = resolve(basis, DownloadMode::default(), Name::DownloadMode, &mut set);
        let mode = mode_of(&first);
        let effective = Name::all()
            .map(|name| {
                if name == Name::DownloadMode {
                    first.clone()
                } else {
                    resolve(basis, mode, name, &mut set)
                }
            })
            .collect();
        Self { basis, effective }
    }

    /// The system and the page that the defaults are of.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// What holds for one policy.
    pub fn effective(&self, name: Name) -> &Effective {
        &self.effective[name as usize]
    }

    /// What holds for each policy, in the table's order.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &Effective> {
        self.effective.iter()
    }

    /// What holds for one policy as it is printed: with the unit, and where it is not set what that
    /// means.
    pub fn show(&self, name: Name) -> String {
        let policy = name.policy();
        match &self.effective(name).value {
            Some(value) => value.show(policy),
            None => default_of(self.basis, self.download_mode(), name)
                .value
                .show(policy),
        }
    }

    /// The other defaults that are stated for this system and mode, where the value is a default and
    /// another page states another one. What is set is not in dispute.
    pub fn disputed(&self, name: Name) -> Vec<&'static Default> {
        let effective = self.effective(name);
        let Origin::Default(taken) = effective.origin else {
            return Vec::new();
        };
        name.policy()
            .defaults
            .iter()
            .filter(|row| row.page != taken && row.when.holds(self.basis.os, self.download_mode()))
            .filter(|row| row.value == Preset::Cloud || Value::preset(row.value) != effective.value)
            .collect()
    }
}

type Set = BTreeMap<(Name, Provider), Setting>;

fn merge(settings: &Settings) -> Set {
    let mut set = Set::new();
    for change in settings.changes() {
        match change {
            Change::Set(setting) => {
                set.insert((setting.name, setting.provider), setting.clone());
            }
            Change::Unset { name, provider } => {
                set.remove(&(*name, *provider));
            }
            Change::Clear(provider) => set.retain(|(_, of), _| of != provider),
        }
    }
    set
}

fn resolve(basis: Basis, mode: DownloadMode, name: Name, set: &mut Set) -> Effective {
    let mut given = Provider::ALL
        .into_iter()
        .filter_map(|provider| set.remove(&(name, provider)));
    if let Some(strongest) = given.next() {
        return Effective {
            name,
            value: Some(strongest.value),
            origin: Origin::Set {
                provider: strongest.provider,
                place: strongest.place,
            },
            overridden: given.collect(),
        };
    }
    let row = default_of(basis, mode, name);
    Effective {
        name,
        value: Value::preset(row.value),
        origin: Origin::Default(row.page),
        overridden: Vec::new(),
    }
}

/// The row that decides: the asked page's first that fits, else the table's first that fits.
fn default_of(basis: Basis, mode: DownloadMode, name: Name) -> &'static Default {
    let fits = |row: &&Default| row.value != Preset::Cloud && row.when.holds(basis.os, mode);
    let rows = name.policy().defaults;
    rows.iter()
        .filter(fits)
        .find(|row| Some(row.page) == basis.page)
        .or_else(|| rows.iter().find(fits))
        .expect("every policy has a default for every system: a test of the table sees to it")
}

fn mode_of(effective: &Effective) -> DownloadMode {
    match effective.value {
        Some(Value::Number(number)) => {
            DownloadMode::try_from(number).expect("values lie in the range of their policy")
        }
        _ => unreachable!("the mode is a number and has a default"),
    }
}

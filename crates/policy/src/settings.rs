//! What was set, by whom and where: the input of [`crate::Policies`].

use std::fmt;

use serde::Serialize;

use crate::{Name, Provider, Value};

/// What one or more sources set, in the order in which they did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    changes: Vec<Change>,
}

/// One step of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Sets a policy.
    Set(Setting),
    /// Takes back what this provider set.
    Unset {
        /// The policy.
        name: Name,
        /// Whose value goes.
        provider: Provider,
    },
    /// Takes back everything that this provider set.
    Clear(Provider),
}

/// A policy that somebody set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The policy.
    pub name: Name,
    /// What it was set to.
    pub value: Value,
    /// Who set it.
    pub provider: Provider,
    /// Where it stands.
    pub place: Place,
}

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In a file.
    File {
        /// The file's name, as it was given.
        file: String,
        /// The line, from 1.
        line: u32,
    },
    /// In this host's registry, under this key.
    Registry(String),
    /// In the program itself, such as a test or a demonstration: what it is called there.
    Code(&'static str),
}

impl Settings {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a step.
    pub fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Sets a policy from within a program, as group policy would.
    ///
    /// # Errors
    ///
    /// When the value is none of the policy's.
    pub fn set(&mut self, name: Name, raw: crate::Raw) -> Result<(), crate::BadValue> {
        let value = Value::new(name.policy(), raw)?;
        self.push(Change::Set(Setting {
            name,
            value,
            provider: Provider::Registry,
            place: Place::Code("set by the program"),
        }));
        Ok(())
    }

    /// Adds what another source did after this one.
    pub fn extend(&mut self, later: Self) {
        self.changes.extend(later.changes);
    }

    /// The steps, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether nothing was done.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Registry(key) => f.write_str(key),
            Self::Code(what) => f.write_str(what),
        }
    }
}

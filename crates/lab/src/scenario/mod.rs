//! A scenario: one failure, as a file.
//!
//! A file describes a site where all is well, what is done there, and under `[broken]` what is then
//! wrong with it. Its healthy twin is the same file without that part, so that the two can not
//! drift apart: the same actions have to find nothing.

mod actions;
mod device;
pub mod embedded;
mod error;
mod expect;
mod measure;
mod names;
mod parse;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use dolab_host::ClockSetting;
use serde::Deserialize;

pub use self::{
    actions::{Action, Verb},
    device::{Cloud, Content, Device},
    error::FileError,
    expect::{Bytes, ClassName, CodeExpected, Expectation, PathExpected, PathName, WayExpected},
    measure::{Length, Moment, Span},
};
use crate::{fault::Fault, topology::Topology};

/// A scenario, checked: every name in it is one of something that is there.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called: the name of its file without `.toml`.
    pub name: String,
    /// What is wrong, in one line.
    pub title: String,
    /// The failures that it shows: codes of the catalogue. The first is the one that it is about.
    pub codes: Vec<String>,
    /// What happens, and what to look at.
    pub about: String,
    /// Hosts and what lies between them.
    pub topology: Topology,
    /// Hosts that run `dolab peer` from the start.
    pub peers: Vec<String>,
    /// Policies of every device, before its own.
    pub policies: toml::Table,
    /// What is set on single devices.
    pub devices: BTreeMap<String, Device>,
    /// The service, where there is one.
    pub cloud: Option<Cloud>,
    /// What is done, in this order.
    pub actions: Vec<Action>,
    /// What the actions must show in the healthy twin, beyond finding nothing.
    pub healthy: Twin,
    /// What is wrong, and what the actions must show then.
    pub broken: Broken,
}

/// What the healthy twin must show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Twin {
    /// By action; what is not said is exit code 0 and no finding.
    #[serde(default)]
    pub expect: BTreeMap<String, Expectation>,
}

/// What is wrong.
#[derive(Clone, Debug, Default)]
pub struct Broken {
    /// The network, where it is built another way than in the healthy twin.
    pub topology: Option<Topology>,
    /// Faults of the network, with their times.
    pub faults: Vec<TimedFault>,
    /// Hosts that run `dolab peer`, where they are not those of the healthy twin.
    pub peers: Option<Vec<String>>,
    /// Actions that nobody does, by their names.
    pub without: Vec<String>,
    /// Cached content that is damaged on the disk.
    pub damage: Option<Damage>,
    /// What is set on single devices instead, policy by policy and condition by condition.
    pub devices: BTreeMap<String, Device>,
    /// What is wrong with the service.
    pub cloud: Option<CloudFaults>,
    /// By action. Every action that can end has an expectation here.
    pub expect: BTreeMap<String, Expectation>,
}

/// A fault, and when it is there.
#[derive(Clone, Debug)]
pub struct TimedFault {
    /// What is wrong.
    pub fault: Fault,
    /// Since when; `None`: from the start.
    pub from: Option<Moment>,
    /// Until when; `None`: to the end.
    pub until: Option<Moment>,
}

/// Content that is damaged on a device's disk, once an action has ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Damage {
    /// The device.
    pub device: String,
    /// The action.
    pub after: String,
}

/// What is wrong with the service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CloudFaults {
    /// In the words of `dolab cloud --fault`.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Further options of `dolab cloud`.
    #[serde(default)]
    pub options: Vec<String>,
    /// Contents that it serves instead of those of the healthy twin.
    pub contents: Option<Vec<Content>>,
    /// It does not run at all.
    #[serde(default)]
    pub down: bool,
}

/// Which of the two a run is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// With what is wrong.
    Broken,
    /// Without.
    Healthy,
}

impl Variant {
    /// Both, the broken one first.
    pub const BOTH: [Self; 2] = [Self::Broken, Self::Healthy];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Healthy => "healthy",
        }
    }
}

impl Scenario {
    /// Reads a scenario. `place` is how errors call the file.
    ///
    /// # Errors
    /// When it is no TOML or names something that is not there: where, and what was meant perhaps.
    pub fn parse(name: &str, place: &str, text: &str) -> Result<Self, FileError> {
        parse::scenario(name, place, text)
    }

    /// The network.
    pub fn topology(&self, variant: Variant) -> &Topology {
        match (variant, &self.broken.topology) {
            (Variant::Broken, Some(topology)) => topology,
            _ => &self.topology,
        }
    }

    /// The hosts that run `dolab peer`.
    pub fn peers(&self, variant: Variant) -> &[String] {
        match (variant, &self.broken.peers) {
            (Variant::Broken, Some(peers)) => peers,
            _ => &self.peers,
        }
    }

    /// What is set on a device: the policies of all, its own, and what is wrong with it.
    pub fn device(&self, host: &str, variant: Variant) -> Device {
        let mut device = Device {
            policies: self.policies.clone(),
            ..Device::default()
        };
        device.lay_over(self.devices.get(host));
        if variant == Variant::Broken {
            device.lay_over(self.broken.devices.get(host));
        }
        device
    }

    /// The clocks of the hosts that have one of their own, as offsets from the system's clock: those
    /// that show a date begin at it now.
    pub fn clocks(&self, variant: Variant) -> BTreeMap<String, ClockSetting> {
        let hosts = self.topology(variant).hosts.keys();
        let clocks = hosts.filter_map(|host| {
            let clock = self.device(host, variant).clock?;
            Some((host.clone(), clock.fixed()))
        });
        clocks.collect()
    }

    /// The service as it runs; `None` where there is none, or where it is down.
    pub fn cloud(&self, variant: Variant) -> Option<Cloud> {
        let mut cloud = self.cloud.clone()?;
        match (variant, &self.broken.cloud) {
            (Variant::Broken, Some(wrong)) if wrong.down => return None,
            (Variant::Broken, Some(wrong)) => {
                cloud.faults.extend(wrong.faults.iter().cloned());
                cloud.options.extend(wrong.options.iter().cloned());
                if let Some(contents) = &wrong.contents {
                    cloud.contents.clone_from(contents);
                }
            }
            _ => {}
        }
        Some(cloud)
    }

    /// What is done, in this order.
    pub fn actions(&self, variant: Variant) -> Vec<Action> {
        let without = match variant {
            Variant::Broken => &self.broken.without[..],
            Variant::Healthy => &[],
        };
        let actions = self.actions.iter();
        actions
            .filter(|action| !without.contains(&action.name))
            .cloned()
            .collect()
    }

    /// What an action must show.
    pub fn expectation(&self, action: &Action, variant: Variant) -> Expectation {
        match variant {
            Variant::Broken => self
                .broken
                .expect
                .get(&action.name)
                .cloned()
                .unwrap_or_default(),
            Variant::Healthy => {
                let said = self.healthy.expect.get(&action.name);
                said.cloned().unwrap_or_default().or_healthy()
            }
        }
    }

    /// The faults of a run.
    pub fn faults(&self, variant: Variant) -> &[TimedFault] {
        match variant {
            Variant::Broken => &self.broken.faults,
            Variant::Healthy => &[],
        }
    }
}

/// Networks that a scenario names by `topology.like`.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "link",
        include_str!("../../../../scenarios/topologies/link.toml"),
    ),
    (
        "routed",
        include_str!("../../../../scenarios/topologies/routed.toml"),
    ),
    (
        "site",
        include_str!("../../../../scenarios/topologies/site.toml"),
    ),
    (
        "campus",
        include_str!("../../../../scenarios/topologies/campus.toml"),
    ),
];

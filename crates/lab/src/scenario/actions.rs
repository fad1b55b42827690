//! What is done in a scenario.

use serde::Deserialize;

/// What is done, by which host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Action {
    /// What expectations call it: its verb, where it is given no name and is the only one of it.
    #[serde(default)]
    pub name: String,
    /// What it is.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// Which host does it.
    pub on: String,
    /// It begins together with the action before it, and not after that has ended.
    #[serde(default)]
    pub at_once: bool,
    /// Of a check: the other host.
    pub host: Option<String>,
    /// Of a check: content to move in each direction, such as `4MiB`.
    #[serde(default, deserialize_with = "super::measure::size")]
    pub size: Option<String>,
    /// Of a download: one of the cloud's contents, by its name.
    pub content: Option<String>,
    /// Of a download: the device goes on sharing until the scenario ends, and the action ends once
    /// all is there.
    #[serde(default)]
    pub share: bool,
    /// The user loses patience after so long, and ends the program with Ctrl-C.
    #[serde(default, deserialize_with = "super::measure::time")]
    pub give_up: Option<std::time::Duration>,
    /// Of a diagnosis: the devices whose state is read.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Further options of the program.
    #[serde(default)]
    pub options: Vec<String>,
}

/// Kinds of actions: a command of the program each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// `dolab check`.
    Check,
    /// `dolab fetch`, as a device of the cloud.
    Fetch,
    /// `dolab discover`.
    Discover,
    /// `dolab diagnose`, of what the device has downloaded so far.
    Diagnose,
}

impl Verb {
    /// The program's command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Fetch => "fetch",
            Self::Discover => "discover",
            Self::Diagnose => "diagnose",
        }
    }

    /// The keys that only some verbs have, of this one.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Check => &["host", "size"],
            Self::Fetch => &["content", "share"],
            Self::Diagnose => &["devices"],
            Self::Discover => &[],
        }
    }
}

impl Action {
    /// In a few words.
    pub fn words(&self) -> String {
        let verb = self.verb.name();
        let mut words = match (self.verb, &self.host, &self.content) {
            (Verb::Check, Some(host), _) => format!("{}: {verb} {host}", self.on),
            (Verb::Diagnose, ..) => format!("{}: {verb} {}", self.on, self.devices.join(", ")),
            (Verb::Fetch, _, Some(content)) => format!("{}: {verb} {content}", self.on),
            _ => format!("{}: {verb}", self.on),
        };
        if self.share {
            words.push_str(", and share it");
        }
        words
    }
}

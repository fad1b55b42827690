use dolab_wire::DoCode;
use serde::{Deserialize, Deserializer, Serialize};

/// A kind of failure.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// `DL` and three digits: up to DL099 the row of the facts' catalogue, from DL101 on our own.
    /// Never reused.
    pub code: String,
    /// What is wrong, in a few words.
    pub title: String,
    /// How bad a finding of this kind is, at its worst.
    pub severity: Severity,
    /// What an administrator sees, as PowerShell and logs show it.
    pub symptom: String,
    /// Why that is.
    pub cause: String,
    /// Whose fault it is, in a few words.
    pub fault: String,
    /// How to be sure, on real Windows.
    #[serde(default)]
    pub confirm: Vec<Confirm>,
    /// What to do about it, in a sentence: what a finding says where no command mends it.
    pub mend: String,
    /// The commands that mend it.
    #[serde(default)]
    pub fix: Vec<Fix>,
    /// Delivery Optimization's own codes for it, the most telling first.
    #[serde(default, deserialize_with = "codes")]
    pub do_codes: Vec<DoCode>,
    /// What dolab's finding rests on.
    pub rests_on: String,
    /// How dolab shows it.
    pub shown: Shown,
    /// Why it can not be reproduced here; only of what is explained.
    #[serde(default)]
    pub because: String,
    /// The scenarios that reproduce it: names of files in `scenarios`, without `.toml`.
    #[serde(default)]
    pub scenarios: Vec<String>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Where it is known from: keys of [`sources`](crate::sources).
    #[serde(default)]
    pub sources: Vec<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing: nothing is wrong.
    Info,
    /// Sharing works, but not all of it.
    Warning,
    /// Sharing does not work.
    Error,
}

impl Severity {
    /// As it stands in documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How dolab shows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// Reproduced by a network that is in the way.
    Network,
    /// Reproduced by a policy or a condition of a device.
    Policy,
    /// Reproduced by the simulated service.
    Service,
    /// Only explained.
    Explained,
}

impl Shown {
    /// In words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Network => "reproduced (network)",
            Self::Policy => "reproduced (policy or condition)",
            Self::Service => "reproduced (service)",
            Self::Explained => "explained only",
        }
    }
}

/// How sure a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Microsoft says so.
    Documented,
    /// Administrators or researchers report it.
    Reported,
    /// It follows from what is known.
    Inferred,
}

impl Confidence {
    /// As it stands in documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Reported => "reported",
            Self::Inferred => "inferred",
        }
    }
}

/// A step that confirms a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// What to look for.
    pub say: String,
    /// The command.
    #[serde(default)]
    pub run: String,
}

/// A command that mends a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// Where it is run.
    #[serde(rename = "on")]
    pub system: System,
    /// What it does, where that does not go without saying.
    #[serde(default)]
    pub say: String,
    /// The command, ready to paste; upper-case words are to be filled in.
    pub run: String,
}

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Windows PowerShell, as administrator.
    Windows,
    /// The registry value of a policy, for PowerShell.
    Registry,
    /// A policy over MDM: its path and value.
    Mdm,
    /// nft.
    Nftables,
    /// firewall-cmd.
    Firewalld,
    /// A shell of Linux.
    Linux,
    /// dolab itself.
    Dolab,
}

impl System {
    /// As it stands in documents.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Windows => "Windows (PowerShell as administrator)",
            Self::Registry => "Windows (policy in the registry)",
            Self::Mdm => "MDM",
            Self::Nftables => "Linux (nft)",
            Self::Firewalld => "Linux (firewalld)",
            Self::Linux => "Linux",
            Self::Dolab => "dolab",
        }
    }
}

/// Where facts are known from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What rows call it.
    pub key: String,
    /// What it is.
    pub title: String,
    /// Where it is, if it has an address.
    #[serde(default)]
    pub at: String,
}

fn codes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<DoCode>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let codes = texts.iter().map(|text| text.parse::<DoCode>());
    codes
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

impl Failure {
    /// The first of Delivery Optimization's codes.
    pub fn do_code(&self) -> Option<DoCode> {
        self.do_codes.first().copied()
    }

    /// Whether it is shown by a scenario, or could be: anything but explained.
    pub fn is_reproduced(&self) -> bool {
        self.shown != Shown::Explained
    }

    /// The number in the code.
    pub fn number(&self) -> u32 {
        self.code[2..].parse().unwrap_or(0)
    }
}

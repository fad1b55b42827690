//! Every policy as data. The readers, `dolab policy`, the documents and the typed getters all come
//! from here, so that nothing about a policy is written twice.
//!
//! Documented by Microsoft unless a row says otherwise; where Microsoft's pages disagree, all of
//! what they say stands here, each with its [`Page`].

mod bandwidth;
mod cache;
mod gates;
mod sharing;
mod sources;

use std::{fmt, str::FromStr};

use dolab_wire::DownloadMode;
use serde::{Serialize, Serializer};

use crate::{Name, Os, Value};

/// Where the group policy editor shows them.
pub const GPO_PATH: &str = "Computer Configuration > Administrative Templates > Windows Components > Delivery Optimization";

/// The part of every policy's MDM path that they share.
pub const MDM_PATH: &str = "./Device/Vendor/MSFT/Policy/Config/DeliveryOptimization/";

/// Everything that is known of one policy.
#[derive(Debug)]
pub struct Policy {
    /// Which one.
    pub name: Name,
    /// Its name in MDM and as a value in the registry.
    pub mdm: &'static str,
    /// What the group policy editor calls it, where the pages that were read say so.
    pub gpo: Option<&'static str>,
    /// The first version of Windows that knows it.
    pub since: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// What is counted.
    pub unit: Unit,
    /// What is documented to hold when nobody sets it. The first row that fits decides, unless
    /// another page is asked for.
    pub defaults: &'static [Default],
    /// What is recommended.
    pub advice: &'static [Advice],
    /// What it decides.
    pub decides: &'static str,
    /// What else one has to know.
    pub notes: &'static [&'static str],
    /// Since when, and what instead.
    pub deprecated: Option<&'static str>,
}

impl Policy {
    /// The whole MDM path.
    pub fn mdm_path(&self) -> String {
        format!("{MDM_PATH}{}", self.mdm)
    }

    /// The values in the registry that hold it: one of its own name, or one for each part.
    pub fn registry_values(&self) -> Vec<String> {
        match self.kind {
            Kind::Hours => HOURS_PARTS
                .iter()
                .map(|part| format!("{}{part}", &self.mdm[2..]))
                .collect(),
            Kind::Choice(_) | Kind::Number { .. } | Kind::Guid | Kind::Path | Kind::List(_) => {
                vec![self.mdm.to_owned()]
            }
        }
    }
}

/// The values in the registry that hold hours, behind the policy's name without `DO` (observed:
/// public samples of the policy's parts).
pub const HOURS_PARTS: [&str; 4] = ["From", "To", "In", "Out"];

/// What a policy's value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One of some numbers.
    Choice(&'static [Choice]),
    /// A number.
    Number {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
        /// What 0 stands for, where it is no amount.
        zero: Option<&'static str>,
    },
    /// A GUID.
    Guid,
    /// A folder, a drive or a variable.
    Path,
    /// Texts, separated by commas: what each of them is.
    List(&'static str),
    /// Hours of the day with a percentage inside and one outside.
    Hours,
}

impl Kind {
    /// What may stand there, in a few words.
    pub fn describe(&self, unit: Unit) -> String {
        match self {
            Self::Choice(choices) => {
                let numbers: Vec<_> = choices.iter().map(|it| it.number.to_string()).collect();
                format!("one of {}", numbers.join(", "))
            }
            Self::Number { min, max, .. } => match unit.symbol() {
                "" => format!("{min} to {max}"),
                symbol => format!("{min} to {max} {symbol}"),
            },
            Self::Guid => "a GUID".to_owned(),
            Self::Path => "a variable, a drive or a folder".to_owned(),
            Self::List(of) => format!("{of}, separated by commas"),
            Self::Hours => {
                "from and to: 0 to 23 o'clock; inside and outside: 0 to 100 %".to_owned()
            }
        }
    }

    /// How it is stored.
    pub fn storage(&self) -> &'static str {
        match self {
            Self::Choice(_) | Self::Number { .. } => "integer (REG_DWORD)",
            Self::Guid | Self::Path | Self::List(_) => "text (REG_SZ)",
            Self::Hours => "four integers (REG_DWORD)",
        }
    }
}

/// One of the numbers that a policy can have.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The number.
    pub number: u32,
    /// A word for it, which our files take as well.
    pub word: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// What a number counts. Microsoft writes KB, MB and GB; that they are powers of 1024 is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nothing.
    None,
    /// Seconds.
    Seconds,
    /// Hundredths.
    Percent,
    /// 1024 bytes a second.
    KilobytesPerSecond,
    /// 1024 * 1024 bytes.
    Megabytes,
    /// 1024 * 1024 * 1024 bytes.
    Gigabytes,
}

impl Unit {
    /// As it is printed behind a number.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "s",
            Self::Percent => "%",
            Self::KilobytesPerSecond => "KB/s",
            Self::Megabytes => "MB",
            Self::Gigabytes => "GB",
        }
    }

    /// What one of it is in bytes, bytes a second, seconds or hundredths.
    pub const fn factor(self) -> u64 {
        match self {
            Self::None | Self::Seconds | Self::Percent => 1,
            Self::KilobytesPerSecond => 1 << 10,
            Self::Megabytes => 1 << 20,
            Self::Gigabytes => 1 << 30,
        }
    }
}

/// A default as one page states it.
#[derive(Clone, Copy, Debug)]
pub struct Default {
    /// The value.
    pub value: Preset,
    /// Where it holds.
    pub when: When,
    /// Who says so.
    pub page: Page,
}

/// A value that nobody set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// A number, in the policy's unit.
    Number(u32),
    /// A text.
    Text(&'static str),
    /// Several texts.
    List(&'static [&'static str]),
    /// Nothing, and what that means.
    Unset(&'static str),
    /// Whatever the cloud service hands out: a page that says so states no value, so it is shown and
    /// never chosen.
    Cloud,
}

/// Where a default holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Everywhere.
    Always,
    /// On this system.
    On(Os),
    /// On this system in this download mode.
    OnIn(Os, DownloadMode),
}

impl When {
    /// Whether it holds there.
    pub fn holds(self, os: Os, mode: DownloadMode) -> bool {
        match self {
            Self::Always => true,
            Self::On(on) => on == os,
            Self::OnIn(on, within) => on == os && within == mode,
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("everywhere"),
            Self::On(os) => write!(f, "on {os}"),
            Self::OnIn(os, mode) => write!(f, "on {os} in mode {}", mode.number()),
        }
    }
}

/// What is recommended for a policy.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    /// The value, with its unit, and when.
    pub text: &'static str,
    /// Who says so.
    pub page: Page,
}

/// Who says something. Pages of Microsoft's, in the state that was read, and others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Page {
    /// Microsoft's Delivery Optimization reference of May 2024.
    Reference,
    /// The same page in earlier states.
    OldReference,
    /// Microsoft's policy CSP pages from 2023 on.
    Csp,
    /// The same pages in earlier states.
    OldCsp,
    /// What the CSP's description framework gives as the value of a policy that is not there.
    CspFramework,
    /// The texts of the group policy template.
    Admx,
    /// Microsoft's page "Configure Delivery Optimization" of July 2024.
    Configure,
    /// Microsoft's page "Testing Delivery Optimization" of July 2024.
    Testing,
    /// Microsoft's own troubleshooting script.
    Script,
    /// What a third party quotes from Microsoft's pages of 2026.
    Year2026,
    /// Read off a real system by a third party, not stated by Microsoft.
    Observed,
    /// Reported by administrators, not by Microsoft.
    Reported,
}

impl Page {
    /// Every page.
    pub const ALL: [Self; 12] = [
        Self::Reference,
        Self::OldReference,
        Self::Csp,
        Self::OldCsp,
        Self::CspFramework,
        Self::Admx,
        Self::Configure,
        Self::Testing,
        Self::Script,
        Self::Year2026,
        Self::Observed,
        Self::Reported,
    ];

    /// As it is typed: `reference`, `csp`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::OldReference => "old-reference",
            Self::Csp => "csp",
            Self::OldCsp => "old-csp",
            Self::CspFramework => "csp-framework",
            Self::Admx => "admx",
            Self::Configure => "configure",
            Self::Testing => "testing",
            Self::Script => "script",
            Self::Year2026 => "year-2026",
            Self::Observed => "observed",
            Self::Reported => "reported",
        }
    }

    /// As it is printed beside a value.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Reference => "reference 2024",
            Self::OldReference => "older reference",
            Self::Csp => "policy CSP",
            Self::OldCsp => "older policy CSP",
            Self::CspFramework => "policy CSP framework",
            Self::Admx => "group policy template",
            Self::Configure => "configure page",
            Self::Testing => "testing page",
            Self::Script => "troubleshooting script",
            Self::Year2026 => "2026, second hand",
            Self::Observed => "observed",
            Self::Reported => "reported",
        }
    }
}

impl Serialize for Page {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no page's. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no source of defaults: use one of {all}", all = Page::ALL.map(Page::name).join(", "))]
pub struct UnknownPage(String);

impl FromStr for Page {
    type Err = UnknownPage;

    fn from_str(text: &str) -> Result<Self, UnknownPage> {
        Self::ALL
            .into_iter()
            .find(|page| page.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownPage(dolab_wire::text::printable(text, 40)))
    }
}

impl Default {
    /// As it is printed: the value, where it holds unless that is everywhere, and who says so.
    pub fn show(&self, policy: &Policy) -> String {
        let value = self.value.show(policy);
        let page = self.page.title();
        match self.when {
            When::Always => format!("{value} [{page}]"),
            when @ (When::On(_) | When::OnIn(..)) => format!("{value}, {when} [{page}]"),
        }
    }
}

impl Preset {
    /// As it is printed, in the policy's unit.
    pub fn show(self, policy: &Policy) -> String {
        match self {
            Self::Unset(meaning) => format!("not set: {meaning}"),
            Self::Cloud => "whatever the cloud service says".to_owned(),
            Self::Number(_) | Self::Text(_) | Self::List(_) => Value::preset(self)
                .map(|value| value.show(policy))
                .unwrap_or_default(),
        }
    }
}

/// Every policy, at the place of its [`Name`].
pub static TABLE: [&Policy; 32] = [
    &sharing::DOWNLOAD_MODE,
    &sharing::GROUP_ID,
    &sharing::GROUP_ID_SOURCE,
    &sharing::RESTRICT_PEER_SELECTION_BY,
    &gates::MIN_FILE_SIZE_TO_CACHE,
    &gates::MIN_RAM_ALLOWED_TO_PEER,
    &gates::MIN_DISK_SIZE_ALLOWED_TO_PEER,
    &gates::MIN_BATTERY_PERCENTAGE_ALLOWED_TO_UPLOAD,
    &gates::ALLOW_VPN_PEER_CACHING,
    &gates::VPN_KEYWORDS,
    &gates::DISALLOW_CACHE_SERVER_DOWNLOADS_ON_VPN,
    &gates::MONTHLY_UPLOAD_DATA_CAP,
    &cache::MAX_CACHE_AGE,
    &cache::MAX_CACHE_SIZE,
    &cache::ABSOLUTE_MAX_CACHE_SIZE,
    &cache::MODIFY_CACHE_DRIVE,
    &sources::MIN_BACKGROUND_QOS,
    &sources::DELAY_FOREGROUND_DOWNLOAD_FROM_HTTP,
    &sources::DELAY_BACKGROUND_DOWNLOAD_FROM_HTTP,
    &sources::DELAY_CACHE_SERVER_FALLBACK_FOREGROUND,
    &sources::DELAY_CACHE_SERVER_FALLBACK_BACKGROUND,
    &sources::CACHE_HOST,
    &sources::CACHE_HOST_SOURCE,
    &bandwidth::PERCENTAGE_MAX_FOREGROUND_BANDWIDTH,
    &bandwidth::PERCENTAGE_MAX_BACKGROUND_BANDWIDTH,
    &bandwidth::MAX_FOREGROUND_DOWNLOAD_BANDWIDTH,
    &bandwidth::MAX_BACKGROUND_DOWNLOAD_BANDWIDTH,
    &bandwidth::SET_HOURS_TO_LIMIT_FOREGROUND_DOWNLOAD_BANDWIDTH,
    &bandwidth::SET_HOURS_TO_LIMIT_BACKGROUND_DOWNLOAD_BANDWIDTH,
    &bandwidth::MAX_DOWNLOAD_BANDWIDTH,
    &bandwidth::PERCENTAGE_MAX_DOWNLOAD_BANDWIDTH,
    &bandwidth::MAX_UPLOAD_BANDWIDTH,
];

/// Content below this size runs in Simple mode: HTTP only, no cloud service asked for peers. No
/// policy sets it; the pages disagree, and the first of them is taken unless another is asked for.
pub const SIMPLE_MODE_BELOW: [(u32, Page); 2] = [(10, Page::Reference), (50, Page::Year2026)];

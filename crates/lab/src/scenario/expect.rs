//! What an action must show.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};

/// What an action must show; what is not said is not asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expectation {
    /// Exit codes that will do.
    #[serde(default, deserialize_with = "one_or_more")]
    pub exit: Vec<i32>,
    /// Verdicts of a check or a diagnosis that will do, parted by `|`.
    #[serde(default, deserialize_with = "verdicts")]
    pub verdict: Option<String>,
    /// What carries the session of a check: `none` for nothing.
    #[serde(default, deserialize_with = "via")]
    pub via: Option<String>,
    /// Of a check, by path. Where any is named, the others must be open or not tested.
    #[serde(default)]
    pub paths: BTreeMap<PathName, PathExpected>,
    /// The findings: these and no others.
    pub findings: Option<Vec<CodeExpected>>,
    /// Of a download: the bytes by class of source, such as `lan = "all"`.
    #[serde(default)]
    pub bytes: BTreeMap<ClassName, Bytes>,
    /// Of a download: the number of the mode that it ran in.
    pub mode: Option<u64>,
    /// Of a download: one of Delivery Optimization's codes that it names, such as `0x80D03807`.
    #[serde(default, deserialize_with = "do_code")]
    pub code: Option<String>,
    /// Of a download: how many peers were offered.
    pub offered: Option<u64>,
    /// Of a discovery: how many hosts were found.
    pub found: Option<u64>,
    /// A piece of text that its output has.
    pub says: Option<String>,
}

impl Expectation {
    /// Nothing is wrong: it ends well and finds nothing, unless it says otherwise.
    pub(super) fn or_healthy(mut self) -> Self {
        if self.exit.is_empty() {
            self.exit = vec![0];
        }
        self.findings.get_or_insert_default();
        self
    }

    /// Whether anything is asked for.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            exit,
            verdict,
            via,
            paths,
            findings,
            bytes,
            mode,
            code,
            offered,
            found,
            says,
        } = self;
        exit.is_empty()
            && verdict.is_none()
            && via.is_none()
            && paths.is_empty()
            && findings.is_none()
            && bytes.is_empty()
            && mode.is_none()
            && code.is_none()
            && offered.is_none()
            && found.is_none()
            && says.is_none()
    }
}

/// One of a few words, in the place of a key.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $what:literal, $words:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                one_of($what, &text, $words)?;
                Ok(Self(text))
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}
word!(
    /// A path of a check, by its id, such as `tcp-7680`.
    PathName, "path", PATHS
);
word!(
    /// A class of sources, such as `lan`; `peers` for all classes of peers.
    ClassName, "class of sources", CLASSES
);

/// The ids of `dolab_check`'s reports.
const PATHS: &[&str] = &["tcp-7680", "tcp-443", "udp-443", "udp-3544", "udp-5353"];

const CLASSES: &[&str] = &[
    "cdn",
    "cache-host",
    "http",
    "lan",
    "link-local",
    "group",
    "internet",
    "peers",
];

const VERDICTS: &[&str] = &[
    "pass",
    "degraded",
    "fail",
    "inconclusive",
    "healthy",
    "finding",
];

const VIAS: &[&str] = &[
    "none",
    "tcp-7680",
    "tcp-443",
    "udp-443",
    "dns-sd-callback",
    "cloud",
];

/// In the words of serde, which a hint is taken from.
pub(super) fn one_of(what: &str, wrong: &str, of: &[&str]) -> Result<(), String> {
    if of.contains(&wrong) {
        return Ok(());
    }
    let of = of.join("`, `");
    Err(format!("unknown {what} `{wrong}`, expected one of `{of}`"))
}

fn verdicts<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    let known = |verdict| one_of("verdict", verdict, VERDICTS);
    text.split('|').try_for_each(known).map_err(Error::custom)?;
    Ok(Some(text))
}

fn via<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    one_of("way of a session", &text, VIAS).map_err(Error::custom)?;
    Ok(Some(text))
}

fn do_code<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    text.parse::<dolab_wire::DoCode>().map_err(Error::custom)?;
    Ok(Some(text))
}

fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<i32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(i32),
        More(Vec<i32>),
    }
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::One(one) => vec![one],
        OneOrMore::More(more) => more,
    })
}

/// A finding that is expected: `DL014`, with its severity `DL014:error`, and with a `?` behind where
/// it may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeExpected {
    /// The code.
    pub code: String,
    /// How bad it must be.
    pub severity: Option<String>,
    /// It may be missing.
    pub may: bool,
}

impl<'de> Deserialize<'de> for CodeExpected {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let (rest, may) = match text.strip_suffix('?') {
            Some(rest) => (rest, true),
            None => (text.as_str(), false),
        };
        let (code, severity) = match rest.split_once(':') {
            Some((code, severity)) => (code, Some(severity)),
            None => (rest, None),
        };
        let digits = code.strip_prefix("DL").unwrap_or_default();
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(D::Error::custom("no code of a finding, such as `DL014`"));
        }
        if dolab_catalogue::failure(code).is_none() {
            let wrong =
                format!("`{code}` is no failure of the catalogue: `dolab explain WORD` finds one");
            return Err(D::Error::custom(wrong));
        }
        if severity.is_some_and(|severity| !["info", "warning", "error"].contains(&severity)) {
            return Err(D::Error::custom(
                "a severity is `info`, `warning` or `error`",
            ));
        }
        Ok(Self {
            code: code.to_owned(),
            severity: severity.map(str::to_owned),
            may,
        })
    }
}

/// How a path must end, outbound and inbound: `filtered:remote-inbound open`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathExpected {
    /// Outbound and inbound: alternatives of which one must hold.
    pub ways: [Vec<WayExpected>; 2],
}

/// How a path must end in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayExpected {
    /// The state; `-` for any.
    pub state: String,
    /// Who is to blame, and whether `unknown` will do too. `None`: nobody.
    pub blame: Option<(String, bool)>,
}

const STATES: &[&str] = &[
    "open",
    "refused",
    "filtered",
    "unreachable",
    "reset",
    "blocked-locally",
    "not-tested",
    "-",
];

const BLAMES: &[&str] = &[
    "local-outbound",
    "local-inbound",
    "remote-inbound",
    "remote-outbound",
    "network",
    "unknown",
];

impl<'de> Deserialize<'de> for PathExpected {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let mut words = text.split_whitespace();
        let (Some(out), Some(back), None) = (words.next(), words.next(), words.next()) else {
            return Err(D::Error::custom(
                "a path has an outbound and an inbound state, such as `filtered:remote-inbound open`",
            ));
        };
        Ok(Self {
            ways: [way(out)?, way(back)?],
        })
    }
}

fn way<E: Error>(word: &str) -> Result<Vec<WayExpected>, E> {
    let one = |one: &str| {
        let (state, blame) = match one.split_once(':') {
            Some((state, blame)) => (state, Some(blame)),
            None => (one, None),
        };
        one_of("state", state, STATES).map_err(E::custom)?;
        let blame = blame.map(|blame| match blame.strip_suffix('?') {
            Some(blame) => (blame.to_owned(), true),
            None => (blame.to_owned(), false),
        });
        if let Some((blame, _)) = &blame {
            one_of("blame", blame, BLAMES).map_err(E::custom)?;
        }
        Ok(WayExpected {
            state: state.to_owned(),
            blame,
        })
    };
    word.split('|').map(one).collect()
}

/// How many bytes must come from a class of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bytes {
    /// All of them.
    All,
    /// Half of them or more.
    Most,
    /// At least one.
    Some,
    /// None.
    None,
}

impl Bytes {
    /// Whether so many of all bytes are as expected.
    pub fn is(self, bytes: u64, all: u64) -> bool {
        match self {
            Self::All => bytes == all,
            Self::Most => bytes.saturating_mul(2) >= all,
            Self::Some => bytes > 0,
            Self::None => bytes == 0,
        }
    }

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Most => "most",
            Self::Some => "some",
            Self::None => "none",
        }
    }
}

impl WayExpected {
    /// Whether a path that ended so is as expected.
    pub fn is(&self, state: &str, blame: Option<&str>) -> bool {
        if self.state == "-" {
            return true;
        }
        self.state == state
            && match &self.blame {
                None => blame.is_none(),
                Some((whom, or_unknown)) => blame.is_some_and(|blame| {
                    blame == whom.as_str() || (*or_unknown && blame == "unknown")
                }),
            }
    }
}

impl std::fmt::Display for WayExpected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.state)?;
        match &self.blame {
            None => Ok(()),
            Some((blame, true)) => write!(f, ":{blame}?"),
            Some((blame, false)) => write!(f, ":{blame}"),
        }
    }
}

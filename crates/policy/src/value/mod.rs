//! Values of policies, checked against the table.

#[cfg(test)]
mod arbitrary;

use std::fmt;

use serde::Serialize;

use crate::{
    Guid, NoGuid,
    table::{Choice, Kind, Policy, Preset},
};

#[cfg(test)]
pub(crate) use self::arbitrary::arbitrary;

/// The value of a policy. Which variant it is follows from the policy's [`Kind`], and it lies in the
/// policy's range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number in the policy's unit, or one of its choices.
    Number(u32),
    /// A GUID.
    Guid(Guid),
    /// A folder, a drive or a variable.
    Text(String),
    /// Several texts, perhaps none.
    List(Vec<String>),
    /// A span of hours.
    Hours(Hours),
}

/// A span of hours with a percentage of the bandwidth inside and one outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Hours {
    /// The hour at which it begins, 0 to 23.
    pub from: u8,
    /// The hour at which it is over, 0 to 23. Before `from` it is the next day's (assumed); the same
    /// as `from`, there is no span (assumed).
    pub to: u8,
    /// Hundredths of the bandwidth inside, 0 to 100.
    pub inside: u8,
    /// Hundredths of the bandwidth outside, 0 to 100.
    pub outside: u8,
}

impl Hours {
    /// Whether an hour of the day, 0 to 23, lies in the span.
    pub fn contain(&self, hour: u8) -> bool {
        if self.from <= self.to {
            (self.from..self.to).contains(&hour)
        } else {
            hour >= self.from || hour < self.to
        }
    }

    /// The percentage at an hour of the day.
    pub fn percent_at(&self, hour: u8) -> u8 {
        if self.contain(hour) {
            self.inside
        } else {
            self.outside
        }
    }
}

/// A value as it was found, before anything is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// A whole number.
    Number(i128),
    /// A text.
    Text(String),
    /// Texts.
    List(Vec<String>),
    /// `true` or `false`.
    Bool(bool),
    /// Hours: from, to, inside, outside.
    Hours([Option<i128>; 4]),
    /// Something that no policy can be: what it is.
    Other(&'static str),
}

/// Why a value is not possible. The fault of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// A number that the policy does not allow.
    #[error("{policy} can not be {found}: it must be {allowed}")]
    Range {
        /// The policy's name.
        policy: &'static str,
        /// What was found.
        found: String,
        /// What is allowed, with the unit.
        allowed: String,
    },
    /// A value of another kind.
    #[error("{policy} can not be {found}: it must be {allowed}")]
    Kind {
        /// The policy's name.
        policy: &'static str,
        /// What was found, in words.
        found: String,
        /// What is allowed, with the unit.
        allowed: String,
    },
    /// A text that should be a GUID.
    #[error("{policy}: {error}")]
    Guid {
        /// The policy's name.
        policy: &'static str,
        /// What is wrong with it.
        error: NoGuid,
    },
    /// Hours of which a part is missing.
    #[error("{policy} is not complete: `{missing}` is missing")]
    Incomplete {
        /// The policy's name.
        policy: &'static str,
        /// The part.
        missing: &'static str,
    },
    /// More texts, or longer ones, than are taken.
    #[error("{policy} is too long: at most {max} bytes are taken")]
    TooLong {
        /// The policy's name.
        policy: &'static str,
        /// Bytes allowed in all.
        max: usize,
    },
}

/// The parts of hours, as our files call them, in the order of the registry's parts.
pub(crate) const HOURS: [&str; 4] = ["from", "to", "inside", "outside"];

/// Bytes of all texts of one value. No limit is documented; this one is ours.
pub const MAX_TEXT: usize = 4096;

impl Value {
    /// The value of a policy, if it is one.
    pub fn new(policy: &Policy, raw: Raw) -> Result<Self, BadValue> {
        match policy.kind {
            Kind::Choice(choices) => number(&raw)
                .or_else(|| choice(choices, &raw))
                .filter(|number| choices.iter().any(|it| it.number == *number))
                .map(Self::Number)
                .ok_or_else(|| bad(policy, &raw)),
            Kind::Number { min, max, .. } => number(&raw)
                .filter(|number| (min..=max).contains(number))
                .map(Self::Number)
                .ok_or_else(|| bad(policy, &raw)),
            Kind::Guid => {
                let Raw::Text(text) = raw else {
                    return Err(bad(policy, &raw));
                };
                let policy = policy.mdm;
                text.parse()
                    .map(Self::Guid)
                    .map_err(|error| BadValue::Guid { policy, error })
            }
            Kind::Path => {
                let Raw::Text(text) = raw else {
                    return Err(bad(policy, &raw));
                };
                if text.trim().is_empty() {
                    return Err(bad(policy, &Raw::Text(text)));
                }
                bounded(policy, text).map(Self::Text)
            }
            Kind::List(_) => {
                let text = match raw {
                    Raw::Text(text) => text,
                    Raw::List(texts) => texts.join(","),
                    Raw::Number(_) | Raw::Bool(_) | Raw::Hours(_) | Raw::Other(_) => {
                        return Err(bad(policy, &raw));
                    }
                };
                Ok(Self::List(split(&bounded(policy, text)?)))
            }
            Kind::Hours => {
                let Raw::Hours(parts) = raw else {
                    return Err(bad(policy, &raw));
                };
                hours(policy, parts).map(Self::Hours)
            }
        }
    }

    /// As it is printed: with the unit, the word of a choice, or what a zero stands for.
    pub fn show(&self, policy: &Policy) -> String {
        let Self::Number(number) = self else {
            return self.to_string();
        };
        let words = match policy.kind {
            Kind::Choice(choices) => choices
                .iter()
                .find(|choice| choice.number == *number)
                .map(|choice| choice.word),
            Kind::Number { zero, .. } => zero.filter(|_| *number == 0),
            Kind::Guid | Kind::Path | Kind::List(_) | Kind::Hours => None,
        };
        match (words, policy.unit.symbol()) {
            (Some(words), _) => format!("{number} ({words})"),
            (None, "") => number.to_string(),
            (None, symbol) => format!("{number} {symbol}"),
        }
    }

    /// The value that a default states, or `None` where it states none.
    pub(crate) fn preset(preset: Preset) -> Option<Self> {
        match preset {
            Preset::Number(number) => Some(Self::Number(number)),
            Preset::Text(text) => Some(Self::Text(text.to_owned())),
            Preset::List(texts) => Some(Self::List(
                texts.iter().map(|it| (*it).to_owned()).collect(),
            )),
            Preset::Unset(_) | Preset::Cloud => None,
        }
    }
}

fn number(raw: &Raw) -> Option<u32> {
    match raw {
        Raw::Number(number) => u32::try_from(*number).ok(),
        // MDM and scripts write numbers as text now and then.
        Raw::Text(text) => text.trim().parse().ok(),
        Raw::List(_) | Raw::Bool(_) | Raw::Hours(_) | Raw::Other(_) => None,
    }
}

fn choice(choices: &[Choice], raw: &Raw) -> Option<u32> {
    match raw {
        Raw::Bool(is) if choices.len() == 2 => Some(u32::from(*is)),
        Raw::Text(text) => choices
            .iter()
            .find(|choice| choice.word.eq_ignore_ascii_case(text.trim()))
            .map(|choice| choice.number),
        Raw::Bool(_) | Raw::Number(_) | Raw::List(_) | Raw::Hours(_) | Raw::Other(_) => None,
    }
}

fn bounded(policy: &Policy, text: String) -> Result<String, BadValue> {
    if text.len() > MAX_TEXT {
        return Err(BadValue::TooLong {
            policy: policy.mdm,
            max: MAX_TEXT,
        });
    }
    Ok(text)
}

fn split(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn hours(policy: &Policy, parts: [Option<i128>; 4]) -> Result<Hours, BadValue> {
    let part = |n: usize| {
        let found = parts[n].ok_or(BadValue::Incomplete {
            policy: policy.mdm,
            missing: HOURS[n],
        })?;
        let (max, unit) = if n < 2 { (23, "o'clock") } else { (100, "%") };
        u8::try_from(found)
            .ok()
            .filter(|it| *it <= max)
            .ok_or_else(|| BadValue::Range {
                policy: policy.mdm,
                found: format!("`{}` {found}", HOURS[n]),
                allowed: format!("0 to {max} {unit}"),
            })
    };
    Ok(Hours {
        from: part(0)?,
        to: part(1)?,
        inside: part(2)?,
        outside: part(3)?,
    })
}

fn bad(policy: &Policy, raw: &Raw) -> BadValue {
    let allowed = allowed(policy);
    let policy = policy.mdm;
    let found = match raw {
        Raw::Number(found) => {
            let found = found.to_string();
            return BadValue::Range {
                policy,
                found,
                allowed,
            };
        }
        Raw::Text(text) => format!("the text `{}`", dolab_wire::text::printable(text, 60)),
        Raw::List(_) => "a list".to_owned(),
        Raw::Bool(is) => is.to_string(),
        Raw::Hours(_) => "hours".to_owned(),
        Raw::Other(what) => (*what).to_owned(),
    };
    BadValue::Kind {
        policy,
        found,
        allowed,
    }
}

/// What a policy may be, with a word for each number where numbers have words.
fn allowed(policy: &Policy) -> String {
    match policy.kind {
        Kind::Choice(choices) => {
            let words: Vec<_> = choices
                .iter()
                .map(|choice| format!("{} ({})", choice.number, choice.word))
                .collect();
            format!("one of {}", words.join(", "))
        }
        Kind::Number { .. } | Kind::Guid | Kind::Path | Kind::List(_) | Kind::Hours => {
            policy.kind.describe(policy.unit)
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Guid(guid) => guid.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::List(texts) if texts.is_empty() => f.write_str("(empty)"),
            Self::List(texts) => texts.join(", ").fmt(f),
            Self::Hours(hours) => hours.fmt(f),
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            to,
            inside,
            outside,
        } = self;
        write!(f, "{from} to {to} o'clock {inside} %, else {outside} %")
    }
}

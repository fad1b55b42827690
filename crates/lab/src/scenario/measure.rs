//! Sizes and moments, as a file has them.

use std::{fmt, time::Duration};

use bytesize::ByteSize;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IntoDeserializer, value::StrDeserializer},
};

/// A number of bytes, written as `4MiB`, `1.5GB` or `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length(pub u64);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let size: ByteSize = text
            .parse()
            .map_err(|_| D::Error::custom("no size: write it as 64MiB, 1.5GB or \"4096\""))?;
        Ok(Self(size.as_u64()))
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = ByteSize(self.0).display().iec().to_string();
        f.write_str(&text.replacen(".0 ", " ", 1))
    }
}

/// Reads `4MiB`, and leaves it as it is written.
pub(super) fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    let from: StrDeserializer<'_, D::Error> = text.as_str().into_deserializer();
    Length::deserialize(from)?;
    Ok(Some(text))
}

/// A moment of a run: when an action begins, or so much later.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Moment {
    /// The action, by its name.
    pub action: String,
    /// How long after it began.
    #[serde(default, deserialize_with = "span")]
    pub after: Span,
}

/// How much later than the beginning of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// When it begins.
    #[default]
    None,
    /// Once the hosts have sent so many bytes, all in all.
    Bytes(u64),
    /// So long afterwards.
    Time(Duration),
}

/// Reads `3s`.
pub(super) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    let time = humantime::parse_duration(&text);
    time.map(Some)
        .map_err(|_| D::Error::custom("no time: write it as 500ms or 3s"))
}

/// Reads `4MiB` or `3s`.
fn span<'de, D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
    let text = String::deserialize(from)?;
    if let Ok(time) = humantime::parse_duration(&text) {
        return Ok(Span::Time(time));
    }
    let bytes: Result<ByteSize, _> = text.parse();
    bytes
        .map(|bytes| Span::Bytes(bytes.as_u64()))
        .map_err(|_| D::Error::custom("neither a size such as 4MiB nor a time such as 3s"))
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = &self.action;
        match self.after {
            Span::None => write!(f, "when `{action}` begins"),
            Span::Bytes(bytes) => write!(f, "{} into `{action}`", Length(bytes)),
            Span::Time(time) => {
                write!(f, "{} into `{action}`", humantime::format_duration(time))
            }
        }
    }
}

//! Quantities as people write them: `100Mbit/s`, `20ms`, `2.5%`.

use std::{fmt, str::FromStr, time::Duration};

use serde::Deserialize;

/// A text that is no quantity of the kind that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: write it as {example}")]
pub struct ParseQuantityError {
    text: String,
    what: &'static str,
    example: &'static str,
}

fn wrong(text: &str, what: &'static str, example: &'static str) -> ParseQuantityError {
    let text = text.to_owned();
    ParseQuantityError {
        text,
        what,
        example,
    }
}

macro_rules! read_as_text {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = ParseQuantityError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}
read_as_text!(Rate);
read_as_text!(Span);
read_as_text!(Percent);

/// Bits per second on the wire, written `100Mbit/s`. 8 kbit/s to 100 Gbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate(u64);

impl Rate {
    /// So many bits per second.
    ///
    /// # Errors
    /// Below 8000 or above 100,000,000,000.
    pub fn bits(bits: u64) -> Result<Self, ParseQuantityError> {
        if (8_000..=100_000_000_000).contains(&bits) {
            Ok(Self(bits))
        } else {
            Err(wrong(
                &format!("{bits}bit/s"),
                "rate",
                "100Mbit/s, between 8kbit/s and 100Gbit/s",
            ))
        }
    }

    /// Bits per second.
    pub fn bits_per_second(self) -> u64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || wrong(text, "rate", "100Mbit/s, between 8kbit/s and 100Gbit/s");
        let number = text.strip_suffix("bit/s").ok_or_else(wrong)?;
        let (number, unit) = match number.as_bytes().last() {
            Some(b'k') => (&number[..number.len() - 1], 1e3),
            Some(b'M') => (&number[..number.len() - 1], 1e6),
            Some(b'G') => (&number[..number.len() - 1], 1e9),
            _ => (number, 1.0),
        };
        let number: f64 = number.trim().parse().map_err(|_| wrong())?;
        // Not a number, and what is negative, becomes 0, which is no rate.
        Self::bits((number * unit) as u64).map_err(|_| wrong())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            1_000_000_000.. => (1e9, "G"),
            1_000_000.. => (1e6, "M"),
            _ => (1e3, "k"),
        };
        write!(f, "{} {name}bit/s", self.0 as f64 / unit)
    }
}

/// A duration, written `20ms`. At most an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || wrong(text, "duration", "500us, 20ms or 3s, at most 1h");
        let span = humantime::parse_duration(text).map_err(|_| wrong())?;
        if span > Duration::from_secs(3600) {
            return Err(wrong());
        }
        Ok(Self(span))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// A share of packets, written `2.5%`. In steps of 0.01 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Percent(u16);

impl Percent {
    /// None.
    pub const ZERO: Self = Self(0);

    /// In hundredths of a percent, 0 to 10000.
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// As a number between 0 and 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

impl FromStr for Percent {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || wrong(text, "share", "2.5%, at most 100%");
        let number: f64 = text
            .strip_suffix('%')
            .and_then(|number| number.trim().parse().ok())
            .ok_or_else(wrong)?;
        if !(0.0..=100.0).contains(&number) {
            return Err(wrong());
        }
        Ok(Self((number * 100.0).round() as u16))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 100.0)
    }
}

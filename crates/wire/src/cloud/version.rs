use std::{fmt, str::FromStr};

/// The version that a client states, `10.1.0.13` in a geo request and split in four in a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientVersion(pub [u32; 4]);

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no client version: one has four numbers, as in 10.1.0.13")]
pub struct ParseVersionError(String);

impl Default for ClientVersion {
    /// The newest that was observed.
    fn default() -> Self {
        Self([10, 1, 0, 13])
    }
}

impl fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, build, revision] = self.0;
        write!(f, "{major}.{minor}.{build}.{revision}")
    }
}

impl FromStr for ClientVersion {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let wrong = || ParseVersionError(crate::text::printable(text, 32));
        let mut parts = text.split('.');
        let mut version = [0; 4];
        for part in &mut version {
            *part = parts
                .next()
                .and_then(|number| number.parse().ok())
                .ok_or_else(wrong)?;
        }
        parts.next().map_or(Ok(Self(version)), |_| Err(wrong()))
    }
}

use std::{fmt, ops::Range};

/// A `Content-Range` header: which bytes of how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The bytes that the body holds; `None` when the server has no such range.
    pub bytes: Option<Range<u64>>,
    /// Bytes of the whole, where it is known.
    pub of: Option<u64>,
}

impl ContentRange {
    /// Reads the header's value; `None` when it makes no sense.
    pub fn parse(value: &str) -> Option<Self> {
        let rest = value.trim().strip_prefix("bytes")?.trim_start();
        let (bytes, of) = rest.split_once('/')?;
        let of = match of.trim() {
            "*" => None,
            of => Some(digits(of)?),
        };
        let bytes = match bytes.trim() {
            "*" => None,
            bytes => {
                let (first, last) = bytes.split_once('-')?;
                let (first, last) = (digits(first.trim())?, digits(last.trim())?);
                let end = last.checked_add(1).filter(|&end| first < end)?;
                if of.is_some_and(|of| end > of) {
                    return None;
                }
                Some(first..end)
            }
        };
        Some(Self { bytes, of })
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bytes {
            Some(bytes) => write!(f, "bytes {}-{}", bytes.start, bytes.end.saturating_sub(1))?,
            None => write!(f, "bytes *")?,
        }
        match self.of {
            Some(of) => write!(f, "/{of}"),
            None => write!(f, "/*"),
        }
    }
}

/// A number without a sign.
fn digits(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_makes_no_sense_is_none() {
        for value in [
            "",
            "bytes",
            "bytes 0-9",
            "bytes 9-0/20",
            "bytes 0-20/20",
            "bytes +1-9/20",
            "bytes -/20",
            "items 0-9/20",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(ContentRange::parse(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(first in 0..u64::MAX / 4, len in 1..u64::MAX / 4, more in proptest::option::of(0..u64::MAX / 4), none: bool) {
            let bytes = (!none).then(|| first..first + len);
            let range = ContentRange { bytes, of: more.map(|more| first + len + more) };
            prop_assert_eq!(ContentRange::parse(&range.to_string()), Some(range));
        }

        #[test]
        fn anything_may_come(value: String) {
            ContentRange::parse(&value);
            ContentRange::parse(&format!("bytes {value}"));
        }
    }
}

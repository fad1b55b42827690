use std::{fmt, str::FromStr};

/// Names a content: the SHA-256 over its raw piece hashes, one after the other.
///
/// **Assumed.** Delivery Optimization calls such a value the hash of hashes; how it computes it is
/// not known. Printed and parsed as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(pub [u8; 32]);

/// A text that is no content id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no content id: one has 64 hex digits, as `dolab peer --share` prints them")]
pub struct ParseIdError(String);

impl FromStr for ContentId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let wrong = || ParseIdError(text.escape_default().to_string());
        let mut id = [0; 32];
        // The length in bytes and the digits make sure that every index is a character boundary.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        for (byte, at) in id.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(id))
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_id_is_told_without_spoiling_a_terminal() {
        let short = "ab".repeat(31);
        let umlauts = "ü".repeat(32);
        let sign = format!("+{}", "a".repeat(63));
        for text in [
            "",
            &short,
            &umlauts,
            &sign,
            &"0g".repeat(32),
            &"ab".repeat(33),
        ] {
            text.parse::<ContentId>().unwrap_err();
        }
        let error = "\x1b[2J".parse::<ContentId>().unwrap_err().to_string();
        assert!(
            error.starts_with("`\\u{1b}[2J` is no content id"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn what_was_printed_is_parsed_in_either_case(id: [u8; 32]) {
            let text = ContentId(id).to_string();
            prop_assert_eq!(text.parse(), Ok(ContentId(id)));
            prop_assert_eq!(text.to_uppercase().parse(), Ok(ContentId(id)));
        }
    }
}

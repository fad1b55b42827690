//! GUIDs as text.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// A GUID, in the order of its text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

/// A text that is no GUID. Whose fault it is depends on who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no GUID: write it as 01234567-89ab-cdef-0123-456789abcdef")]
pub struct NoGuid(String);

/// Lengths of a GUID's groups, in digits.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

impl FromStr for Guid {
    type Err = NoGuid;

    /// Digits in any case, with or without braces, with blanks around.
    fn from_str(text: &str) -> Result<Self, NoGuid> {
        parse(text.trim()).ok_or_else(|| NoGuid(dolab_wire::text::printable(text, 60)))
    }
}

fn parse(text: &str) -> Option<Guid> {
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => text,
    };
    let mut groups = inner.split('-');
    let mut bytes = [0; 16];
    let mut filled = 0;
    for len in GROUPS {
        let group = groups.next().filter(|group| group.len() == len)?;
        for pair in group.as_bytes().chunks_exact(2) {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            bytes[filled] = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
            filled += 1;
        }
    }
    groups.next().is_none().then_some(Guid(bytes))
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.0.iter();
        for (n, len) in GROUPS.into_iter().enumerate() {
            if n > 0 {
                f.write_str("-")?;
            }
            for byte in bytes.by_ref().take(len / 2) {
                write!(f, "{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn guids_are_read_as_administrators_write_them() {
        let plain = "01234567-89ab-cdef-0123-456789abcdef";
        let guid: Guid = plain.parse().unwrap();
        assert_eq!(guid.0[0], 0x01);
        assert_eq!(guid.0[15], 0xef);
        assert_eq!(guid.to_string(), plain);
        for text in [
            "{01234567-89AB-CDEF-0123-456789ABCDEF}",
            "  01234567-89ab-CDEF-0123-456789abcdef\n",
        ] {
            assert_eq!(text.parse(), Ok(guid), "{text}");
        }
    }

    #[test]
    fn what_is_no_guid_is_refused() {
        for text in [
            "",
            "{}",
            "berlin",
            "0123456789abcdef0123456789abcdef",
            "{01234567-89ab-cdef-0123-456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdef}",
            "01234567-89ab-cdef-0123-456789abcdeg",
            "01234567-89ab-cdef-0123-456789abcdef-",
            "01234567-89ab-cdef-0123-456789abcde",
            "0123456789ab-cdef-0123-456789abcdef",
            "é1234567-89ab-cdef-0123-456789abcde",
            "+1234567-89ab-cdef-0123-456789abcdef",
        ] {
            assert!(text.parse::<Guid>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes: [u8; 16]) {
            let guid = Guid(bytes);
            prop_assert_eq!(guid.to_string().parse(), Ok(guid));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Guid>();
        }
    }
}

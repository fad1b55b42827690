//! Bytes to text, as registry editors and text editors of Windows write it.

use std::borrow::Cow;

/// UTF-16 by its mark, UTF-8 with or without one. What is neither is taken for the Latin alphabet of
/// an old export (REGEDIT4), of which everything that matters here is ASCII. `None`: it is no text.
pub(super) fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        _ => {
            let rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
            if rest.contains(&0) {
                return None;
            }
            Some(match str::from_utf8(rest) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => Cow::Owned(rest.iter().copied().map(char::from).collect()),
            })
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    // Half a character at the end is a file that was cut.
    if !rest.is_empty() {
        return None;
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    (!text.contains('\0')).then_some(text)
}

/// UTF-16LE as it stands in a value, up to its first zero.
pub(super) fn value(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    let units: Vec<_> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

/// Several texts, each ended by a zero, the last by one more.
pub(super) fn values(bytes: &[u8], wide: bool) -> Vec<String> {
    let units: Vec<u16> = if wide {
        let (pairs, _) = bytes.as_chunks::<2>();
        pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect()
    } else {
        bytes.iter().copied().map(u16::from).collect()
    };
    units
        .split(|unit| *unit == 0)
        .filter(|text| !text.is_empty())
        .map(String::from_utf16_lossy)
        .collect()
}

//! The `Range` of a request (RFC 9110, section 14).

use std::ops::Range;

/// Ranges of one request that are answered one by one. A request for more gets the whole.
pub(crate) const AT_MOST: usize = 32;

/// What a `Range` asks of a content of some length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The whole: there is no such header, or it is none that is understood, or it asks for more
    /// than the whole has.
    Whole,
    /// These bytes, at least one range, none of them empty.
    Parts(Vec<Range<u64>>),
    /// Nothing that is there.
    Nothing,
}

/// Reads the header's value for a content of `length` bytes.
pub(crate) fn asked(value: Option<&[u8]>, length: u64) -> Asked {
    let Some(specs) = value.and_then(specs) else {
        return Asked::Whole;
    };
    if specs.len() > AT_MOST {
        return Asked::Whole;
    }
    let parts: Vec<_> = specs.iter().filter_map(|it| it.within(length)).collect();
    let sizes = parts.iter().map(|part| part.end - part.start);
    let total = sizes.fold(0, u64::saturating_add);
    if parts.is_empty() {
        Asked::Nothing
    } else if parts.len() > 1 && total > length {
        // Overlapping ranges that together cost more than the whole help nobody.
        Asked::Whole
    } else {
        Asked::Parts(parts)
    }
}

/// The first byte that a `Range` wants, as far as that can be told without the length.
pub(crate) fn first(value: &[u8]) -> u64 {
    match specs(value).as_deref() {
        Some([Spec::From { first, .. }, ..]) => *first,
        _ => 0,
    }
}

/// One range as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// `first-` or `first-last`.
    From { first: u64, last: u64 },
    /// `-length`: so many at the end.
    Last(u64),
}

impl Spec {
    fn within(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From { first, last } => first..last.saturating_add(1).min(length),
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (range.start < range.end).then_some(range)
    }
}

/// `None` for what is no valid `bytes` range: such a header is passed over.
fn specs(value: &[u8]) -> Option<Vec<Spec>> {
    let text = str::from_utf8(value).ok()?;
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut specs = Vec::new();
    for part in set.split(',') {
        // Empty elements of a list are allowed, and mean nothing.
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let (first, last) = part.split_once('-')?;
        let spec = match (first.trim(), last.trim()) {
            ("", last) => Spec::Last(number(last)?),
            (first, "") => Spec::From {
                first: number(first)?,
                last: u64::MAX,
            },
            (first, last) => Spec::From {
                first: number(first)?,
                last: number(last)?,
            },
        };
        if matches!(spec, Spec::From { first, last } if first > last) {
            return None;
        }
        specs.push(spec);
        if specs.len() > AT_MOST {
            break;
        }
    }
    (!specs.is_empty()).then_some(specs)
}

/// A number of any length; one that does not fit is as large as can be, which is beyond every
/// content.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Asked {
        asked(Some(text.as_bytes()), 100)
    }

    fn part(range: Range<u64>) -> Asked {
        Asked::Parts(vec![range])
    }

    #[test]
    fn ranges_as_they_are_written() {
        assert_eq!(of("bytes=0-9"), part(0..10));
        assert_eq!(of("bytes=90-"), part(90..100));
        assert_eq!(of("bytes=-1"), part(99..100));
        assert_eq!(of("bytes=-1000"), part(0..100));
        assert_eq!(of("bytes=99-1000"), part(99..100));
        assert_eq!(of("BYTES = 0-0"), part(0..1));
        assert_eq!(of("bytes=0-0,,5-5"), Asked::Parts(vec![0..1, 5..6]));
        assert_eq!(of("bytes=0-0,200-"), part(0..1));
    }

    #[test]
    fn nothing_that_is_there() {
        for text in [
            "bytes=100-",
            "bytes=100-200,300-",
            "bytes=-0",
            "bytes=18446744073709551615-",
            "bytes=99999999999999999999999-999999999999999999999999",
        ] {
            assert_eq!(of(text), Asked::Nothing, "{text}");
        }
        assert_eq!(asked(Some(b"bytes=0-"), 0), Asked::Nothing);
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-2",
            "bytes=0-9,5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0x1-2",
            "lines=0-9",
            "bytes=1-2-3",
            "bytes:0-9",
        ] {
            assert_eq!(of(text), Asked::Whole, "{text}");
        }
        assert_eq!(asked(Some(&[0xff; 8]), 100), Asked::Whole);
        assert_eq!(asked(None, 100), Asked::Whole);
    }

    #[test]
    fn greed_gets_the_whole() {
        assert_eq!(of(&format!("bytes={}", "0-,".repeat(3))), Asked::Whole);
        assert_eq!(of(&format!("bytes={}", "0-0,".repeat(1000))), Asked::Whole);
        assert_eq!(of("bytes=0-98,0-0"), Asked::Parts(vec![0..99, 0..1]));
    }

    proptest! {
        #[test]
        fn parts_are_never_empty_and_never_beyond(
            text in "bytes=[0-9]{0,22}-[0-9]{0,22}(,[0-9]{0,3}-[0-9]{0,3}){0,4}",
            length: u64,
        ) {
            if let Asked::Parts(parts) = asked(Some(text.as_bytes()), length) {
                for part in parts {
                    prop_assert!(part.start < part.end && part.end <= length);
                }
            }
        }

        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>, length: u64) {
            asked(Some(&bytes), length);
        }
    }
}

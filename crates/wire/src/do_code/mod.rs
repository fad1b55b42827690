//! Delivery Optimization's own error codes (documented: `deliveryoptimizationerrors.h`), with what
//! each means, whose fault it is and what to do, in our own words.
//!
//! Administrators search for these numbers, so every error of ours that has an equivalent there
//! carries it.

mod table;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use self::table::CODES;

/// An HRESULT of facility 0xD0, such as `0x80D06812`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DoCode(pub u32);

/// What is known of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The code.
    pub code: DoCode,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// Whose fault it is.
    pub fault: Fault,
    /// What to do.
    pub advice: &'static str,
}

/// Whose fault an error is. Our own judgement: the header says only what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nobody's: it works as it is meant to.
    Nobody,
    /// A setting of an administrator or a user, or a condition that a setting makes count.
    Settings,
    /// This host's: its disk, memory or service.
    ThisHost,
    /// The network between, or a proxy or firewall in it.
    Network,
    /// The peer's.
    Peer,
    /// The server's that has the content, or a cache's in front of it.
    Server,
    /// The cloud service's, or of what it handed out.
    Service,
    /// The program's that asked for the download.
    Caller,
}

impl Fault {
    /// As it stands in reports.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Nobody => "nobody's",
            Self::Settings => "settings",
            Self::ThisHost => "this host",
            Self::Network => "the network or a proxy",
            Self::Peer => "the peer",
            Self::Server => "the server or a cache",
            Self::Service => "the cloud service",
            Self::Caller => "the program that asked",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// The parts of the numbers, by their first digits, the longer first.
const ZONES: [(u32, u32, &str); 7] = [
    (0xF800, 0x3800, "a condition that may pass by itself"),
    (0xF000, 0x1000, "the service as a whole"),
    (0xF000, 0x2000, "a download job"),
    (0xF000, 0x3000, "what settings allow"),
    (
        0xF000,
        0x4000,
        "reasons of a download mode, as logs show them: not in the public header",
    ),
    (0xF000, 0x5000, "http"),
    (0xF000, 0x6000, "peers and pieces"),
];

impl DoCode {
    /// What is known of it, or `None` for a number that is not in the public header.
    pub fn explanation(self) -> Option<&'static Explanation> {
        let place = CODES.binary_search_by_key(&self, |known| known.code);
        place.ok().map(|place| &CODES[place])
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> Option<&'static str> {
        self.explanation().map(|known| known.meaning)
    }

    /// Whether it is one of Delivery Optimization's at all.
    pub const fn is_delivery_optimization(self) -> bool {
        self.0 >> 16 == 0x80D0
    }

    /// What numbers around it are about, also where it is not known itself.
    pub fn zone(self) -> Option<&'static str> {
        ZONES
            .into_iter()
            .find(|(mask, zone, _)| self.is_delivery_optimization() && self.0 & mask == *zone)
            .map(|(_, _, about)| about)
    }

    /// Whether Delivery Optimization counts it among those that pass by themselves.
    pub const fn is_transient(self) -> bool {
        self.is_delivery_optimization() && self.0 & 0xF800 == 0x3800
    }
}

/// A text that is no error code. The caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no error code: write it as 0x80D03807, 03807, or a decimal number")]
pub struct NoCode(String);

impl FromStr for DoCode {
    type Err = NoCode;

    /// Reads a code as logs and people write it: `0x80D03807`, `80d03807`, its last digits `03807`,
    /// a decimal number, also a negative one.
    fn from_str(text: &str) -> Result<Self, NoCode> {
        parse(text.trim()).ok_or_else(|| NoCode(crate::text::printable(text, 40)))
    }
}

fn parse(text: &str) -> Option<DoCode> {
    let hex = |digits: &str| {
        let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| all)
    };
    let short = |digits: &str| {
        let number = hex(digits).filter(|number| digits.len() >= 4 && *number <= 0xFFFF);
        number.map(|number| 0x80D0_0000 | number)
    };
    let prefixed = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = if let Some(digits) = prefixed {
        // 0x3807 can only be meant as the last digits.
        short(digits)
            .filter(|_| digits.len() <= 5)
            .or_else(|| hex(digits))
    } else if text.starts_with('-') {
        text.parse::<i32>().ok().map(i32::cast_unsigned)
    } else if text.len() <= 5 {
        short(text)
    } else {
        // Every code has a D in its hexadecimal form, so digits alone are decimal.
        let decimal = text.bytes().all(|byte| byte.is_ascii_digit());
        if decimal {
            text.parse().ok()
        } else {
            hex(text)
        }
    };
    number.map(DoCode)
}

impl fmt::Display for DoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("0x{:08X}", self.0))
    }
}

impl fmt::Debug for DoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

impl Serialize for DoCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DoCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_stand_in_order_and_say_something() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
        for known in CODES {
            assert!(known.code.is_delivery_optimization(), "{}", known.code);
            assert!(known.code.zone().is_some(), "{}", known.code);
            assert!(
                known.meaning.len() > 10 && known.advice.len() > 5,
                "{}",
                known.code
            );
            assert_eq!(known.code.explanation(), Some(known));
            for text in [known.meaning, known.advice] {
                assert!(
                    !text.ends_with('.') && !text.starts_with(char::is_uppercase),
                    "{text}"
                );
            }
        }
        assert_eq!(DoCode(0x80D0_4001).explanation(), None);
        assert!(DoCode(0x80D0_401B).zone().unwrap().contains("mode"));
        assert_eq!(DoCode(0x8007_0005).zone(), None);
        assert!(DoCode(0x80D0_3807).is_transient());
        assert!(!DoCode(0x80D0_3002).is_transient());
    }

    /// The numbers that administrators meet, from the facts: none may be missing.
    #[test]
    fn every_code_of_the_facts_is_known() {
        let ranges = [
            0x2002..=0x2002,
            0x2016..=0x2017,
            0x3001..=0x3002,
            0x3801..=0x380D,
            0x5001..=0x5002,
            0x5010..=0x5011,
            0x6800..=0x6800,
            0x6803..=0x6822,
        ];
        for low in ranges.into_iter().flatten() {
            let code = DoCode(0x80D0_0000 | low);
            assert!(code.explanation().is_some(), "{code}");
        }
    }

    #[test]
    fn codes_are_read_as_people_write_them() {
        let vpn = DoCode(0x80D0_3807);
        for text in [
            "0x80D03807",
            "0x80d03807",
            "0X80D03807",
            "80D03807",
            "03807",
            "3807",
            "0x3807",
            "2161129479",
            "-2133837817",
            " 0x80D03807\n",
        ] {
            assert_eq!(text.parse(), Ok(vpn), "{text}");
        }
        assert_eq!("0380b".parse(), Ok(DoCode(0x80D0_380B)));
        assert_eq!("0x80070005".parse(), Ok(DoCode(0x8007_0005)));
        for text in [
            "",
            "0x",
            "vpn",
            "1",
            "13807",
            "0x80D0380789",
            "99999999999",
            "-",
            "+3807",
        ] {
            assert!(text.parse::<DoCode>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(low: u16) {
            let code = DoCode(0x80D0_0000 | u32::from(low));
            prop_assert_eq!(code.to_string().parse(), Ok(code));
            prop_assert_eq!(code.0.to_string().parse(), Ok(code));
            prop_assert_eq!(code.0.cast_signed().to_string().parse(), Ok(code));
            prop_assert_eq!(format!("{low:05x}").parse(), Ok(code));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<DoCode>();
        }
    }
}

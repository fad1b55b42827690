//! The clock by which a device judges dates and hours.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp, Zoned, civil::DateTime, tz::TimeZone};

/// What a host's clock shows: the system's, or another that runs beside it.
///
/// Every decision that depends on the date or the hour is made by one of these, which is handed in:
/// whether a certificate holds, whether it is an hour with less bandwidth, when a month begins and a
/// file is too old. Nothing else in the program asks the system for the date to decide by it.
///
/// Clones are one clock. What [`Clock::heard`] was told, all of them know.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead: SignedDuration,
    off: Arc<Mutex<Option<SignedDuration>>>,
}

impl Clock {
    /// A clock that is this much ahead of the system's; behind it, where that is negative.
    pub fn ahead_by(ahead: SignedDuration) -> Self {
        Self {
            ahead,
            off: Arc::default(),
        }
    }

    /// What it shows now.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // Only at the very ends of what a calendar can say.
        now.checked_add(self.ahead).unwrap_or(now)
    }

    /// What it shows now, where this host is.
    pub fn local(&self) -> Zoned {
        self.now().to_zoned(TimeZone::system())
    }

    /// The hour of the day that it shows, local time, 0 to 23.
    pub fn hour(&self) -> Option<u8> {
        u8::try_from(self.local().hour()).ok()
    }

    /// A server said in its answer (`Date`) that it is this late there.
    pub fn heard(&self, date: SystemTime) {
        let Ok(date) = Timestamp::try_from(date) else {
            return;
        };
        let off = self.now().duration_since(date);
        let mut known = self.off.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none_or(|known| off.abs() < known.abs()) {
            *known = Some(off);
        }
    }

    /// How far it is ahead of what servers said, behind where that is negative; `None` before any
    /// did. Of several, the one that is nearest to this clock counts: a cache that passes an old
    /// answer on makes no clock wrong.
    pub fn off(&self) -> Option<SignedDuration> {
        *self.off.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a clock is set: `+400d` and `-90m` are offsets from the system's clock, of at most 40 years;
/// `2015-01-01T08:30:00` is the local date and time that it shows when it starts, from 1980 to 2099.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSetting {
    /// Ahead of the system's clock, or behind it.
    By(SignedDuration),
    /// It starts at this local date and time.
    At(DateTime),
}

/// A text that sets no clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseClockError(String);

impl fmt::Display for ParseClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` sets no clock: write an offset such as +400d or -90m, of at most 40 years, or a \
             local date and time such as 2015-01-01T08:30:00, from 1980 to 2099",
            dolab_wire::text::printable(&self.0, 40)
        )
    }
}

impl std::error::Error for ParseClockError {}

impl ClockSetting {
    /// The longest offset: certificates, months and calendars reach no further.
    pub const LONGEST: Duration = Duration::from_secs(40 * 31_557_600);

    /// The clock, which runs from now on.
    pub fn clock(self) -> Clock {
        match self {
            Self::By(ahead) => Clock::ahead_by(ahead),
            Self::At(date) => {
                let start = date.to_zoned(TimeZone::system());
                // Within these years every local date is one.
                let start = start.map_or(Timestamp::UNIX_EPOCH, |start| start.timestamp());
                Clock::ahead_by(start.duration_since(Timestamp::now()))
            }
        }
    }

    /// The same as an offset from the system's clock, as of now: for several programs that are to
    /// have one clock and start one after the other.
    #[must_use]
    pub fn fixed(self) -> Self {
        Self::By(self.clock().ahead)
    }
}

impl FromStr for ClockSetting {
    type Err = ParseClockError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseClockError(text.to_owned());
        let offset = |rest: &str| {
            let offset = humantime::parse_duration(rest).map_err(|_| wrong())?;
            let offset = Some(offset).filter(|offset| *offset <= Self::LONGEST);
            let offset = offset.and_then(|offset| SignedDuration::try_from(offset).ok());
            offset.ok_or_else(wrong)
        };
        match text.split_at_checked(1) {
            Some(("+", rest)) => offset(rest).map(Self::By),
            Some(("-", rest)) => offset(rest).map(|offset| Self::By(-offset)),
            _ => {
                let date: DateTime = text.parse().map_err(|_| wrong())?;
                let known = (1980..=2099).contains(&date.year());
                known.then_some(Self::At(date)).ok_or_else(wrong)
            }
        }
    }
}

impl fmt::Display for ClockSetting {
    /// As it is parsed; an offset in whole milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(date) => date.fmt(f),
            Self::By(ahead) => {
                let sign = if ahead.is_negative() { "-" } else { "+" };
                let millis = ahead.unsigned_abs().as_millis();
                let millis = u64::try_from(millis).unwrap_or(u64::MAX);
                let length = Duration::from_millis(millis);
                let text = humantime::format_duration(length).to_string();
                write!(f, "{sign}{}", text.replace(' ', ""))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: SignedDuration, b: SignedDuration) -> bool {
        (a - b).abs() < SignedDuration::from_secs(60)
    }

    #[test]
    fn a_clock_runs_beside_the_systems() {
        let day = SignedDuration::from_hours(24);
        for (text, ahead) in [
            ("+400d", day * 400),
            ("-90m", day / -16),
            ("+0s", SignedDuration::ZERO),
        ] {
            let setting: ClockSetting = text.parse().unwrap();
            let clock = setting.clock();
            let is = clock.now().duration_since(Timestamp::now());
            assert!(near(is, ahead), "{text}: {is}");
            assert_eq!(setting.fixed(), setting);
        }
        let setting: ClockSetting = "2015-01-01T08:30:00".parse().unwrap();
        let shown = setting.clock().local();
        assert_eq!((shown.year(), shown.hour()), (2015, 8));
        assert_eq!(setting.clock().hour(), Some(8));
        let fixed = setting.fixed().clock().local();
        assert_eq!((fixed.year(), fixed.hour()), (2015, 8));
    }

    #[test]
    fn a_setting_reads_what_it_writes() {
        for text in [
            "+400d",
            "-1h30m",
            "2015-01-01",
            "2015-01-01 08:30",
            "+1s500ms",
        ] {
            let setting: ClockSetting = text.parse().unwrap();
            assert_eq!(setting.to_string().parse(), Ok(setting), "{text}");
        }
    }

    #[test]
    fn what_sets_no_clock_is_told() {
        for text in [
            "",
            "+",
            "400d",
            "+soon",
            "-41years",
            "1979-12-31",
            "2100-01-01",
            "2015-13-01",
            "noon",
        ] {
            let error = text.parse::<ClockSetting>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{text}` sets no clock")),
                "{error}"
            );
        }
    }

    #[test]
    fn the_nearest_word_of_a_server_counts() {
        let clock = Clock::ahead_by(SignedDuration::from_hours(12));
        assert_eq!(clock.off(), None);
        clock.heard(SystemTime::now() - Duration::from_secs(86_400));
        let another = clock.clone();
        another.heard(SystemTime::now());
        clock.heard(SystemTime::UNIX_EPOCH);
        let off = clock.off().unwrap();
        assert!(near(off, SignedDuration::from_hours(12)), "{off}");
    }
}

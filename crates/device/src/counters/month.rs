use std::time::Duration;

use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::report::{ByClass, MonthSnap};

/// Bytes that moved since the month began, in the time zone of this host. It begins anew with each
/// month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Month {
    start: Timestamp,
    from: ByClass<u64>,
    to: ByClass<u64>,
    foreground: Moved,
    background: Moved,
}

/// What downloads of one priority brought, and how long they ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Moved {
    bytes: u64,
    millis: u64,
}

impl Moved {
    fn kbps(self) -> u64 {
        // Bits in a millisecond are kilobits in a second.
        (self.bytes * 8).checked_div(self.millis).unwrap_or(0)
    }
}

impl Month {
    /// The month that `now` is in, empty.
    pub fn of(now: Timestamp, zone: &TimeZone) -> Self {
        Self {
            start: month_start(now, zone),
            from: ByClass::default(),
            to: ByClass::default(),
            foreground: Moved::default(),
            background: Moved::default(),
        }
    }

    /// Begins anew when another month has begun. Returns whether it did.
    pub fn roll(&mut self, now: Timestamp, zone: &TimeZone) -> bool {
        let new = month_start(now, zone) != self.start;
        if new {
            *self = Self::of(now, zone);
        }
        new
    }

    /// Counts what came and went since the last call, all downloads together.
    pub fn add(&mut self, from: &ByClass<u64>, to: &ByClass<u64>) {
        self.from.add_all(from);
        self.to.add_all(to);
    }

    /// Counts the time that a download took since the last call, with what it brought, for the
    /// average rates.
    pub fn add_time(&mut self, foreground: bool, bytes: u64, time: Duration) {
        let moved = if foreground {
            &mut self.foreground
        } else {
            &mut self.background
        };
        moved.bytes += bytes;
        moved.millis += u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    }

    /// Whether uploads to Internet peers have reached a cap in bytes; 0 is no cap.
    pub fn upload_limit_reached(&self, cap: u64) -> bool {
        cap > 0 && self.to.internet >= cap
    }

    /// As the cmdlet shows it.
    pub fn snap(&self, cap: u64) -> MonthSnap {
        MonthSnap {
            from: self.from,
            to: self.to,
            foreground_kbps: self.foreground.kbps(),
            background_kbps: self.background.kbps(),
            upload_limit_reached: self.upload_limit_reached(cap),
            month_start: self.start,
        }
    }
}

fn month_start(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let first = now
        .to_zoned(zone.clone())
        .first_of_month()
        .and_then(|day| day.start_of_day());
    // Only at the very ends of what a calendar can say.
    first.as_ref().map_or(now, Zoned::timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn lan(bytes: u64) -> ByClass<u64> {
        ByClass {
            lan: bytes,
            ..ByClass::default()
        }
    }

    #[test]
    fn a_month_begins_at_its_first_midnight_where_the_host_is() {
        let zone = TimeZone::fixed(jiff::tz::offset(-8));
        let mut month = Month::of(at("2026-11-23T12:00:00Z"), &zone);
        assert_eq!(month.snap(0).month_start, at("2026-11-01T08:00:00Z"));
        month.add(&lan(5), &lan(7));
        assert!(!month.roll(at("2026-12-01T07:59:59Z"), &zone));
        assert_eq!(month.snap(0).from.lan, 5);
        assert!(month.roll(at("2026-12-01T08:00:00Z"), &zone));
        assert_eq!(month.snap(0).from, ByClass::default());
        assert_eq!(month.snap(0).month_start, at("2026-12-01T08:00:00Z"));
    }

    #[test]
    fn only_uploads_to_the_internet_count_towards_the_cap() {
        let mut month = Month::of(at("2026-11-23T12:00:00Z"), &TimeZone::UTC);
        month.add(&ByClass::default(), &lan(1 << 40));
        assert!(!month.upload_limit_reached(100));
        let internet = ByClass {
            internet: 99,
            ..ByClass::default()
        };
        month.add(&ByClass::default(), &internet);
        assert!(!month.upload_limit_reached(100));
        month.add(&ByClass::default(), &internet);
        assert!(month.upload_limit_reached(100));
        assert!(!month.upload_limit_reached(0), "0 is no cap");
    }

    #[test]
    fn rates_are_averages_of_the_time_that_downloads_took() {
        let mut month = Month::of(at("2026-11-23T12:00:00Z"), &TimeZone::UTC);
        assert_eq!(month.snap(0).foreground_kbps, 0);
        month.add_time(true, 1_000_000, Duration::from_secs(1));
        month.add_time(true, 3_000_000, Duration::from_secs(1));
        month.add_time(false, 1_000, Duration::from_secs(8));
        let snap = month.snap(0);
        assert_eq!((snap.foreground_kbps, snap.background_kbps), (16_000, 1));
    }
}

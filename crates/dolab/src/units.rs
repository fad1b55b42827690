//! Sizes, durations and rates as people read and type them. The unit is always printed.

use std::{fmt, str::FromStr, time::Duration};

use bytesize::ByteSize;
pub use dolab_bench::Rate;

/// A number of bytes, typed as `64MiB`, `1.5GB` or `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: ByteSize = text
            .parse()
            .map_err(|_| "no size: write it as 64MiB, 1.5GB or, in bytes, 4096".to_owned())?;
        Ok(Self(size.as_u64()))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = ByteSize(self.0).display().iec().to_string();
        // `64.0 MiB` says no more than `64 MiB`.
        f.pad(&text.replacen(".0 ", " ", 1))
    }
}

/// Reads a duration such as `30s` or `1m 30s`.
///
/// # Errors
/// When it is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "no duration: write it as 500ms, 30s or 2m".to_owned())
}

/// A duration in the largest unit that still says something: `850 ms`, `12.3 s`, `4 min 05 s`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else if seconds < 3600.0 {
        format!(
            "{} min {:02} s",
            duration.as_secs() / 60,
            duration.as_secs() % 60
        )
    } else {
        format!(
            "{} h {:02} min",
            duration.as_secs() / 3600,
            duration.as_secs() % 3600 / 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_typed_and_printed_with_a_unit() {
        assert_eq!("64MiB".parse(), Ok(Size(64 << 20)));
        assert_eq!("64 MiB".parse(), Ok(Size(64 << 20)));
        assert_eq!("1.5GB".parse(), Ok(Size(1_500_000_000)));
        assert_eq!("4096".parse(), Ok(Size(4096)));
        for wrong in ["", "MiB", "-1", "64QB", "lots"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
        assert_eq!(Size(64 << 20).to_string(), "64 MiB");
        assert_eq!(Size(0).to_string(), "0 B");
        assert_eq!(Size(1_500_000_000).to_string(), "1.4 GiB");
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(duration("30").is_err());
        assert_eq!(span(Duration::from_millis(850)), "850 ms");
        assert_eq!(span(Duration::from_secs_f64(12.34)), "12.3 s");
        assert_eq!(span(Duration::from_secs(245)), "4 min 05 s");
        assert_eq!(span(Duration::from_secs(7260)), "2 h 01 min");
    }
}

use std::{fmt, str::FromStr, time::Duration};

/// A rate. Printed in bits for whoever thinks of links and in bytes for whoever thinks of files:
/// `8.39 Gbit/s (1.05 GB/s)`; with `{:#}` in bits only. Typed as `100Mbit/s` or `12MB/s`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate {
    /// Bits per second.
    pub bits_per_second: f64,
}

impl Rate {
    /// The rate of `bytes` in `duration`; zero when no time passed.
    pub fn of(bytes: u64, duration: Duration) -> Self {
        let seconds = duration.as_secs_f64();
        let bits_per_second = if seconds > 0.0 {
            bytes as f64 * 8.0 / seconds
        } else {
            0.0
        };
        Self { bits_per_second }
    }

    /// Seconds that a GiB takes.
    pub fn seconds_per_gib(self) -> f64 {
        (8u64 << 30) as f64 / self.bits_per_second
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = scaled(self.bits_per_second, "bit/s");
        if f.alternate() {
            return f.write_str(&bits);
        }
        f.pad(&format!(
            "{bits} ({})",
            scaled(self.bits_per_second / 8.0, "B/s")
        ))
    }
}

/// Three significant digits and an SI prefix.
fn scaled(value: f64, unit: &str) -> String {
    let (value, prefix) = [(1e9, "G"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|(scale, _)| value >= *scale)
        .map_or((value, ""), |(scale, prefix)| (value / scale, prefix));
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {prefix}{unit}")
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "no rate: write it as 100Mbit/s, 2.5Gbit/s or 12MB/s".to_owned();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, unit) = text.split_at(split.ok_or_else(wrong)?);
        let unit = unit.trim_start().strip_suffix("/s").ok_or_else(wrong)?;
        let (prefix, bits) = if let Some(prefix) = unit.strip_suffix("bit") {
            (prefix, 1.0)
        } else {
            (unit.strip_suffix('B').ok_or_else(wrong)?, 8.0)
        };
        let scale = match prefix {
            "" => 1.0,
            "k" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            "Ki" => 1024.0,
            "Mi" => 1024.0 * 1024.0,
            "Gi" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        if number > 0.0 {
            Ok(Self {
                bits_per_second: number * scale * bits,
            })
        } else {
            Err("a rate of nothing moves nothing".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_carry_both_units() {
        let rate = |bits_per_second| Rate { bits_per_second }.to_string();
        assert_eq!(rate(8.39e9), "8.39 Gbit/s (1.05 GB/s)");
        assert_eq!(rate(95.7e6), "95.7 Mbit/s (12.0 MB/s)");
        assert_eq!(rate(0.0), "0.00 bit/s (0.00 B/s)");
        assert_eq!(Rate::of(1000, Duration::ZERO).bits_per_second, 0.0);
        let rate = Rate::of(1000, Duration::from_secs(1));
        assert_eq!(rate.bits_per_second, 8000.0);
        assert_eq!(format!("{rate:#}"), "8.00 kbit/s");
    }

    #[test]
    fn a_gib_takes_as_long_as_its_bits() {
        let rate = Rate::of(1 << 30, Duration::from_secs(3));
        assert_eq!(rate.seconds_per_gib(), 3.0);
    }

    #[test]
    fn rates_are_read_with_their_unit_and_no_other_way() {
        let bits = |text: &str| text.parse::<Rate>().map(|rate| rate.bits_per_second);
        assert_eq!(bits("100Mbit/s"), Ok(100e6));
        assert_eq!(bits("2.5 Gbit/s"), Ok(2.5e9));
        assert_eq!(bits("12MB/s"), Ok(96e6));
        assert_eq!(bits("1MiB/s"), Ok(8.0 * 1024.0 * 1024.0));
        for wrong in [
            "",
            "100",
            "100M",
            "Mbit/s",
            "100mbit/s",
            "-1MB/s",
            "0MB/s",
            "1.2.3B/s",
        ] {
            assert!(bits(wrong).is_err(), "{wrong}");
        }
    }
}

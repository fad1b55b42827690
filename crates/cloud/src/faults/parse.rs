//! The form in which a fault is typed: `path=/geo,status=503,times=3`.

use std::{fmt, str::FromStr, time::Duration};

use super::{Fault, FaultKind, WrongCertificate};

/// A text that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{fault}`: {why}")]
pub struct ParseFaultError {
    fault: String,
    why: String,
}

/// The kinds, as they are typed.
const KINDS: &str = "status=503, delay=2s, html, empty-json, no-ranges, certificate=name|expired|\
                     authority, wrong-piece-hash, wrong-hash-of-hashes, wrong-size, slow=64k, cut=1m \
                     or drop";

/// Parts with commas between them: `host=` and `path=` (with `*`), `times=`, `after=`, and one kind:
/// `status=503`, `delay=2s` (or `ms`), `html`, `empty-json`, `no-ranges`, `certificate=name`,
/// `expired` or `authority`, `wrong-piece-hash`, `wrong-hash-of-hashes`, `wrong-size`, `slow=64k`
/// (bytes in a second), `cut=1m` (bytes; `k`, `m` and `g` are powers of 1024), `drop`.
impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let wrong = |why: String| ParseFaultError {
            fault: text.escape_default().to_string(),
            why,
        };
        let (mut fault, mut kind) = (Self::new(FaultKind::Drop), None);
        for part in text.split(',') {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (part.trim(), None),
            };
            let number = || {
                let number = value.and_then(|value| value.parse().ok());
                number.ok_or_else(|| wrong(format!("`{name}` takes a number")))
            };
            match (name, value) {
                ("host", Some(host)) => fault.host = Some(host.to_owned()),
                ("path", Some(path)) => fault.path = Some(path.to_owned()),
                ("times", _) => fault.times = Some(number()?),
                ("after", _) => fault.after = number()?,
                _ => {
                    let found = kind_of(name, value).map_err(&wrong)?;
                    if kind.replace(found).is_some() {
                        return Err(wrong("it has two kinds: write two faults".into()));
                    }
                }
            }
        }
        fault.kind =
            kind.ok_or_else(|| wrong(format!("it does not say what goes wrong: {KINDS}")))?;
        fault.check().map_err(wrong)?;
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "host={host},")?;
        }
        if let Some(path) = &self.path {
            write!(f, "path={path},")?;
        }
        if self.after > 0 {
            write!(f, "after={},", self.after)?;
        }
        if let Some(times) = self.times {
            write!(f, "times={times},")?;
        }
        match self.kind {
            FaultKind::Status(status) => write!(f, "status={status}"),
            FaultKind::Delay(time) => write!(f, "delay={}ms", time.as_millis()),
            FaultKind::Html => f.write_str("html"),
            FaultKind::EmptyJson => f.write_str("empty-json"),
            FaultKind::NoRanges => f.write_str("no-ranges"),
            FaultKind::Certificate(WrongCertificate::Name) => f.write_str("certificate=name"),
            FaultKind::Certificate(WrongCertificate::Expired) => f.write_str("certificate=expired"),
            FaultKind::Certificate(WrongCertificate::Authority) => {
                f.write_str("certificate=authority")
            }
            FaultKind::WrongPieceHash => f.write_str("wrong-piece-hash"),
            FaultKind::WrongHashOfHashes => f.write_str("wrong-hash-of-hashes"),
            FaultKind::WrongSize => f.write_str("wrong-size"),
            FaultKind::SlowBody(rate) => write!(f, "slow={rate}"),
            FaultKind::CutBody(bytes) => write!(f, "cut={bytes}"),
            FaultKind::Drop => f.write_str("drop"),
        }
    }
}

impl TryFrom<String> for Fault {
    type Error = ParseFaultError;

    fn try_from(text: String) -> Result<Self, ParseFaultError> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

impl Fault {
    /// Whether it can happen at all.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let FaultKind::Status(status) = self.kind
            && !(200..600).contains(&status)
        {
            return Err(format!("status {status}: 200 to 599 are possible"));
        }
        if matches!(self.kind, FaultKind::Certificate(_)) && self.path.is_some() {
            let why = "a certificate is shown before a path is known: leave the path out, or name a \
                       host";
            return Err(why.into());
        }
        if self.kind == FaultKind::SlowBody(0) {
            return Err("slow: at least 1 byte in a second".into());
        }
        Ok(())
    }
}

fn kind_of(name: &str, value: Option<&str>) -> Result<FaultKind, String> {
    let plain = |kind| match value {
        None | Some("true") => Ok(kind),
        Some(_) => Err(format!("`{name}` takes no value")),
    };
    match name {
        "status" => {
            let status = value.and_then(|value| value.parse().ok());
            let status = status.ok_or("`status` takes a number from 200 to 599")?;
            Ok(FaultKind::Status(status))
        }
        "delay" => {
            let time = value.and_then(time);
            let time = time.ok_or("`delay` takes a time such as 500ms or 2s")?;
            Ok(FaultKind::Delay(time))
        }
        "slow" | "cut" => {
            let bytes = value.and_then(bytes);
            let bytes = bytes.ok_or_else(|| format!("`{name}` takes bytes, such as 64k or 1m"))?;
            Ok(match name {
                "slow" => FaultKind::SlowBody(bytes),
                _ => FaultKind::CutBody(bytes),
            })
        }
        "certificate" => Ok(FaultKind::Certificate(match value {
            Some("name") => WrongCertificate::Name,
            Some("expired") => WrongCertificate::Expired,
            Some("authority") => WrongCertificate::Authority,
            _ => return Err("`certificate` takes name, expired or authority".into()),
        })),
        "html" => plain(FaultKind::Html),
        "empty-json" => plain(FaultKind::EmptyJson),
        "no-ranges" => plain(FaultKind::NoRanges),
        "wrong-piece-hash" => plain(FaultKind::WrongPieceHash),
        "wrong-hash-of-hashes" => plain(FaultKind::WrongHashOfHashes),
        "wrong-size" => plain(FaultKind::WrongSize),
        "drop" => plain(FaultKind::Drop),
        _ => Err(format!(
            "`{}` is not known: host=, path=, times=, after= and one of {KINDS} are",
            name.escape_default()
        )),
    }
}

fn time(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(millis) => millis.parse().ok().map(Duration::from_millis),
        None => text
            .strip_suffix('s')?
            .parse()
            .ok()
            .map(Duration::from_secs),
    }
}

fn bytes(text: &str) -> Option<u64> {
    let last = text.chars().last()?.to_ascii_lowercase();
    let shift = match last {
        'k' => 10,
        'm' => 20,
        'g' => 30,
        _ => return text.parse().ok(),
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    number.checked_mul(1 << shift)
}

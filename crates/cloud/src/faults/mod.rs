//! What goes wrong on purpose: every fault is data, and can be set, counted and taken back while the
//! service runs.

mod parse;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use parse::ParseFaultError;
use serde::{Deserialize, Serialize};

/// Faults at one time.
pub const AT_MOST: usize = 256;

/// A fault, and what it applies to.
///
/// Written as `path=/geo,status=503,times=3` wherever a person writes it, in TOML and JSON too; see
/// [`Fault::from_str`](std::str::FromStr).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fault {
    /// Only requests to this name (for a wrong certificate: handshakes that ask for it), without a
    /// port. A `*` stands for any characters. `None`: all.
    pub host: Option<String>,
    /// Only requests for this path, without what follows the question mark. A `*` stands for any
    /// characters. `None`: all. A wrong certificate has none.
    pub path: Option<String>,
    /// So many requests pass before it starts.
    pub after: u32,
    /// So often it happens; `None`: until it is taken back.
    pub times: Option<u32>,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// This status, 200 to 599: below 300 with the right body (an odd 2xx), from 300 on with an
    /// error's.
    Status(u16),
    /// The answer begins so much later.
    Delay(Duration),
    /// A page of HTML with status 200, as a captive portal or a proxy sends.
    Html,
    /// An empty JSON object.
    EmptyJson,
    /// Ranges are not understood: the whole content with status 200.
    NoRanges,
    /// Another certificate than the right one.
    Certificate(WrongCertificate),
    /// A pieces hash file with another hash for its first piece.
    WrongPieceHash,
    /// Another hash of hashes: in a content policy and in a pieces hash file.
    WrongHashOfHashes,
    /// A content whose size is stated one byte larger: in a pieces hash file, and in what a range
    /// says of the whole.
    WrongSize,
    /// The body comes at so many bytes in a second.
    SlowBody(u64),
    /// The connection (in HTTP/2: the stream) ends after so many bytes of the body.
    CutBody(u64),
    /// The connection ends without an answer.
    Drop,
}

/// How a certificate is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongCertificate {
    /// For another name.
    Name,
    /// Its time is over.
    Expired,
    /// From an issuer that nobody trusts, as behind a proxy that opens TLS.
    Authority,
}

/// A fault that was set. Ids are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(u64);

/// The faults of a running cloud. The first that was set comes first; all that apply to a request
/// happen together, and of one kind the first.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Set>);

#[derive(Debug, Default)]
struct Set {
    next: u64,
    standing: Vec<Standing>,
}

#[derive(Debug)]
struct Standing {
    id: FaultId,
    fault: Fault,
    seen: u32,
    happened: u32,
}

/// There are [`AT_MOST`] faults already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{AT_MOST} faults are set already: take some back first")]
pub struct TooManyFaults;

/// What happens to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) status: Option<u16>,
    pub(crate) delay: Option<Duration>,
    pub(crate) html: bool,
    pub(crate) empty_json: bool,
    pub(crate) no_ranges: bool,
    pub(crate) wrong_piece_hash: bool,
    pub(crate) wrong_hash_of_hashes: bool,
    pub(crate) wrong_size: bool,
    pub(crate) slow_body: Option<u64>,
    pub(crate) cut_body: Option<u64>,
    pub(crate) drop: bool,
}

impl Faults {
    /// Sets a fault; it holds for requests that come from now on.
    ///
    /// # Errors
    /// When there are [`AT_MOST`] already.
    pub fn set(&self, fault: Fault) -> Result<FaultId, TooManyFaults> {
        let mut set = self.lock();
        if set.standing.len() >= AT_MOST {
            return Err(TooManyFaults);
        }
        let id = FaultId(set.next);
        set.next += 1;
        set.standing.push(Standing {
            id,
            fault,
            seen: 0,
            happened: 0,
        });
        Ok(id)
    }

    /// Takes a fault back, and says how often it happened; `None` when it was taken back before.
    pub fn take_back(&self, id: FaultId) -> Option<u32> {
        let mut set = self.lock();
        let at = set.standing.iter().position(|it| it.id == id)?;
        Some(set.standing.remove(at).happened)
    }

    /// Takes all faults back.
    pub fn clear(&self) {
        self.lock().standing.clear();
    }

    /// All faults with how often each happened, in the order in which they were set. One that has
    /// happened as often as it should stays in the list.
    pub fn all(&self) -> Vec<(FaultId, Fault, u32)> {
        let set = self.lock();
        let all = set.standing.iter();
        all.map(|it| (it.id, it.fault.clone(), it.happened))
            .collect()
    }

    /// What happens to a request that comes now. Counts.
    pub(crate) fn request(&self, host: &str, path: &str) -> Effects {
        let mut effects = Effects::default();
        for standing in &mut self.lock().standing {
            let fault = &standing.fault;
            let certificate = matches!(fault.kind, FaultKind::Certificate(_));
            if certificate || !fault.applies(host, Some(path)) || !standing.happens() {
                continue;
            }
            effects.add(&standing.fault.kind);
        }
        effects
    }

    /// The certificate for a handshake that comes now and asks for `host`. Counts.
    pub(crate) fn certificate(&self, host: &str) -> Option<WrongCertificate> {
        self.lock().standing.iter_mut().find_map(|standing| {
            let FaultKind::Certificate(wrong) = standing.fault.kind else {
                return None;
            };
            (standing.fault.applies(host, None) && standing.happens()).then_some(wrong)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// Counts a request to which the fault applies.
    fn happens(&mut self) -> bool {
        self.seen = self.seen.saturating_add(1);
        if self.seen <= self.fault.after || self.fault.times.is_some_and(|n| self.happened >= n) {
            return false;
        }
        self.happened = self.happened.saturating_add(1);
        true
    }
}

impl Fault {
    /// A fault of this kind for every request, until it is taken back.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            host: None,
            path: None,
            after: 0,
            times: None,
            kind,
        }
    }

    /// The same, for requests to this name only.
    pub fn on_host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The same, for requests for this path only.
    pub fn on_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same, so often.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn applies(&self, host: &str, path: Option<&str>) -> bool {
        let like = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|it| matches_pattern(it, text))
        };
        like(&self.host, host) && path.is_none_or(|path| like(&self.path, path))
    }
}

impl Effects {
    fn add(&mut self, kind: &FaultKind) {
        match *kind {
            FaultKind::Status(status) => self.status = self.status.or(Some(status)),
            FaultKind::Delay(time) => self.delay = self.delay.or(Some(time)),
            FaultKind::Html => self.html = true,
            FaultKind::EmptyJson => self.empty_json = true,
            FaultKind::NoRanges => self.no_ranges = true,
            FaultKind::Certificate(_) => {}
            FaultKind::WrongPieceHash => self.wrong_piece_hash = true,
            FaultKind::WrongHashOfHashes => self.wrong_hash_of_hashes = true,
            FaultKind::WrongSize => self.wrong_size = true,
            FaultKind::SlowBody(rate) => self.slow_body = self.slow_body.or(Some(rate)),
            FaultKind::CutBody(bytes) => self.cut_body = self.cut_body.or(Some(bytes)),
            FaultKind::Drop => self.drop = true,
        }
    }
}

/// Whether `text` is what `pattern` says, where `*` stands for any characters, none among them.
/// Upper and lower case are the same, as in host names.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on when it does not fit: behind the last star, one character further.
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(c) if c.eq_ignore_ascii_case(&text[t]) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, from)) = back else {
                    return false;
                };
                back = Some((star, from + 1));
                (p, t) = (star, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests;

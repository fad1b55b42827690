use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use crate::{evidence::Answer, report::PathId};

/// Calls that are remembered for each path. Those of a flood push older ones out; then a call is
/// reported as not looked at, never as not arrived.
const REMEMBERED: usize = 512;

/// The calls that this host's listeners got, and how their answers went out.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    paths: Mutex<[Log; PathId::ALL.len()]>,
}

#[derive(Debug, Default)]
struct Log {
    calls: VecDeque<Call>,
    /// When the latest call came that is not remembered.
    forgotten: Option<Instant>,
    /// Nothing of this path is seen here.
    deaf: bool,
}

#[derive(Debug)]
struct Call {
    at: Instant,
    from: SocketAddr,
    answer: Answer,
}

impl Arrivals {
    /// A connection was accepted, or a datagram came.
    pub(crate) fn came(&self, path: PathId, from: SocketAddr) {
        let from = canonical(from);
        let at = Instant::now();
        self.with(path, |log| {
            // One entry for each caller: a QUIC handshake is many datagrams.
            if let Some(call) = log.calls.iter_mut().rev().find(|call| call.from == from) {
                call.at = at;
                return;
            }
            if log.calls.len() == REMEMBERED {
                log.forgotten = log.calls.pop_front().map(|call| call.at);
            }
            log.calls.push_back(Call {
                at,
                from,
                answer: Answer::None,
            });
        });
    }

    /// Calls were missed: what is not known did not certainly not happen.
    pub(crate) fn forget(&self, path: PathId) {
        self.with(path, |log| log.forgotten = Some(Instant::now()));
    }

    /// Calls on this path are not seen here: what is not known did not certainly not happen.
    pub(crate) fn deaf(&self, path: PathId) {
        self.with(path, |log| log.deaf = true);
    }

    /// An answer was handed to the system, or refused by it. The worst that happened is kept,
    /// except that one that went out outweighs others.
    pub(crate) fn answered(&self, path: PathId, to: SocketAddr, answer: &Answer) {
        let to = canonical(to);
        self.with(path, |log| {
            let call = log.calls.iter_mut().rev().find(|call| call.from == to);
            if let Some(call) = call.filter(|call| call.answer != Answer::Sent) {
                call.answer = answer.clone();
            }
        });
    }

    /// Whether one of these callers got through since `since`, and how the answer went; `None`
    /// where that is not known any more.
    pub(crate) fn of(
        &self,
        path: PathId,
        from: &[SocketAddr],
        since: Instant,
    ) -> (Option<bool>, Answer) {
        let from: Vec<SocketAddr> = from.iter().copied().map(canonical).collect();
        self.with(path, |log| {
            let is_it = |call: &&Call| call.at >= since && from.contains(&call.from);
            match log.calls.iter().rev().find(is_it) {
                Some(call) => (Some(true), call.answer.clone()),
                None if log.deaf => (None, Answer::None),
                None if log.forgotten.is_some_and(|at| at >= since) => (None, Answer::None),
                None => (Some(false), Answer::None),
            }
        })
    }

    fn with<T>(&self, path: PathId, f: impl FnOnce(&mut Log) -> T) -> T {
        let at = PathId::ALL
            .iter()
            .position(|id| *id == path)
            .expect("all paths are in the list");
        f(&mut self.paths.lock().unwrap_or_else(PoisonError::into_inner)[at])
    }
}

/// The address without the IPv6 form that a dual-stack socket gives it, and without its scope,
/// which is another number on the other host.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::OsError;

    #[test]
    fn a_call_is_found_by_its_address_and_time() {
        let arrivals = Arrivals::default();
        let (before, path) = (Instant::now(), PathId::Udp3544);
        let mapped: SocketAddr = "[::ffff:10.0.0.7]:4000".parse().unwrap();
        let plain: SocketAddr = "10.0.0.7:4000".parse().unwrap();
        arrivals.came(path, mapped);
        assert_eq!(
            arrivals.of(path, &[plain], before),
            (Some(true), Answer::None)
        );
        assert_eq!(arrivals.of(PathId::Udp443, &[plain], before).0, Some(false));
        let other: SocketAddr = "10.0.0.7:4001".parse().unwrap();
        assert_eq!(arrivals.of(path, &[other], before).0, Some(false));
        let forbidden = Answer::Forbidden(OsError {
            code: 1,
            name: "EPERM".into(),
        });
        arrivals.answered(path, plain, &forbidden);
        assert_eq!(
            arrivals.of(path, &[plain], before),
            (Some(true), forbidden.clone())
        );
        arrivals.answered(path, plain, &Answer::Sent);
        arrivals.answered(path, plain, &forbidden);
        assert_eq!(
            arrivals.of(path, &[plain], before),
            (Some(true), Answer::Sent)
        );
    }

    #[test]
    fn what_was_forgotten_is_not_denied() {
        let arrivals = Arrivals::default();
        let (before, path) = (Instant::now(), PathId::Tcp443);
        for port in 1..=REMEMBERED as u16 + 1 {
            arrivals.came(path, SocketAddr::from(([10, 0, 0, 7], port)));
        }
        let (first, last) = (([10, 0, 0, 7], 1).into(), ([10, 0, 0, 7], 2).into());
        assert_eq!(arrivals.of(path, &[first], before).0, None);
        assert_eq!(arrivals.of(path, &[last], before).0, Some(true));
    }
}

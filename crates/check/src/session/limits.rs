//! What a stranger can make this host do. A check makes the other side open connections and send
//! datagrams, so every such request is bounded: only to the address that asks, only on Delivery
//! Optimization's ports, and only so often.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_wire::session::Refusal;

use crate::report::PathId;

/// Over what time requests are counted.
pub const WINDOW: Duration = Duration::from_secs(60);

/// How much of something is done, in a [`WINDOW`] unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// For one asking address.
    pub per_asker: u32,
    /// For all of them together.
    pub overall: u32,
}

/// The limits of a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Reverse probes. A check needs one for each of the four paths that are probed so.
    pub probes: Rate,
    /// Calls back that were asked for by DNS-SD.
    pub call_backs: Rate,
    /// Contents made up, hashed and moved for a check. A check needs one for each direction.
    pub exchanges: Rate,
    /// Answers to Teredo solicitations.
    pub advertisements: Rate,
    /// Sessions at one time.
    pub sessions: Rate,
    /// Bytes moved in one direction for a check.
    pub exchange_len: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            probes: Rate {
                per_asker: 60,
                overall: 300,
            },
            call_backs: Rate {
                per_asker: 12,
                overall: 60,
            },
            exchanges: Rate {
                per_asker: 30,
                overall: 120,
            },
            advertisements: Rate {
                per_asker: 60,
                overall: 600,
            },
            sessions: Rate {
                per_asker: 16,
                overall: 64,
            },
            exchange_len: 8 << 30,
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Deed {
    Probe,
    CallBack,
    Exchange,
    Advertisement,
}

/// Counts what was done for whom.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    done: Mutex<HashMap<Deed, VecDeque<(Instant, IpAddr)>>>,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            done: Mutex::default(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Counts a deed for `asker` at `now`, unless that would be one too many.
    pub(crate) fn admit(&self, deed: Deed, asker: IpAddr, now: Instant) -> Result<(), Refusal> {
        let (rate, name) = match deed {
            Deed::Probe => (self.limits.probes, "reverse probes"),
            Deed::CallBack => (self.limits.call_backs, "calls back"),
            Deed::Exchange => (self.limits.exchanges, "exchanges"),
            Deed::Advertisement => (self.limits.advertisements, "Teredo advertisements"),
        };
        let asker = subject(asker);
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let done = done.entry(deed).or_default();
        while done
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW)
        {
            done.pop_front();
        }
        let mut own = done.iter().filter(|(_, who)| *who == asker);
        let (limit, whose, oldest) = if own.clone().count() as u32 >= rate.per_asker {
            (rate.per_asker, "address", own.next())
        } else if done.len() as u32 >= rate.overall {
            (
                rate.overall,
                "host, for all addresses together",
                done.front(),
            )
        } else {
            done.push_back((now, asker));
            return Ok(());
        };
        let wait = oldest.map_or(WINDOW, |(at, _)| {
            WINDOW.saturating_sub(now.duration_since(*at))
        });
        Err(Refusal::TooMany {
            limit: format!("{limit} {name} a minute and {whose}"),
            retry_seconds: wait.as_secs() as u32 + 1,
        })
    }
}

/// Sessions that stand.
#[derive(Debug)]
pub(crate) struct Sessions {
    limit: Rate,
    standing: Mutex<Vec<IpAddr>>,
}

/// A session's place among them, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Standing<'a> {
    sessions: &'a Sessions,
    asker: IpAddr,
}

impl Sessions {
    pub(crate) fn new(limit: Rate) -> Self {
        Self {
            limit,
            standing: Mutex::default(),
        }
    }

    /// Counts one more, unless that would be one too many.
    pub(crate) fn admit(&self, asker: IpAddr) -> Result<Standing<'_>, Refusal> {
        let asker = subject(asker);
        let mut standing = self.lock();
        let own = standing.iter().filter(|other| **other == asker).count();
        let (limit, whose) = if own >= self.limit.per_asker as usize {
            (self.limit.per_asker, "address")
        } else if standing.len() >= self.limit.overall as usize {
            (self.limit.overall, "host, for all addresses together")
        } else {
            standing.push(asker);
            return Ok(Standing {
                sessions: self,
                asker,
            });
        };
        let limit = format!("{limit} sessions at a time and {whose}");
        Err(Refusal::TooMany {
            limit,
            retry_seconds: 1,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<IpAddr>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        let mut standing = self.sessions.lock();
        if let Some(at) = standing.iter().position(|other| *other == self.asker) {
            standing.swap_remove(at);
        }
    }
}

/// Who is counted as one: an IPv4 address, or an IPv6 network, since a host can take any address
/// in it.
fn subject(asker: IpAddr) -> IpAddr {
    match asker.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let mut segments = v6.segments();
            segments[4..].fill(0);
            IpAddr::from(segments)
        }
        other @ (IpAddr::V4(_) | IpAddr::V6(_)) => other,
    }
}

/// Whether `asker` may have this port probed: DO's own for the path, the one that this host uses
/// for the path itself, and any where the asker is this machine, as in tests and `dolab demo`.
pub(crate) fn port_allowed(path: PathId, port: u16, own: Option<u16>, asker: IpAddr) -> bool {
    port != 0 && (port == path.port() || Some(port) == own || asker.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));

    fn meter(per_asker: u32, overall: u32) -> Meter {
        let probes = Rate { per_asker, overall };
        Meter::new(Limits {
            probes,
            ..Limits::default()
        })
    }

    #[test]
    fn each_asker_has_its_share_and_all_have_one_together() {
        let (meter, now) = (meter(2, 3), Instant::now());
        let other: IpAddr = "10.0.0.8".parse().unwrap();
        assert!(meter.admit(Deed::Probe, ASKER, now).is_ok());
        assert!(meter.admit(Deed::Probe, ASKER, now).is_ok());
        let refused = meter
            .admit(Deed::Probe, ASKER, now + WINDOW / 2)
            .unwrap_err();
        let Refusal::TooMany {
            limit,
            retry_seconds,
        } = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!(
            (limit.as_str(), retry_seconds),
            ("2 reverse probes a minute and address", 31)
        );
        assert!(meter.admit(Deed::Probe, other, now).is_ok());
        assert!(meter.admit(Deed::Probe, other, now).is_err());
        // Another deed has its own count, and time heals.
        assert!(meter.admit(Deed::CallBack, ASKER, now).is_ok());
        assert!(meter.admit(Deed::Probe, ASKER, now + WINDOW).is_ok());
    }

    #[test]
    fn an_ipv6_network_and_a_mapped_address_count_as_one_asker() {
        let (meter, now) = (meter(1, 9), Instant::now());
        assert!(
            meter
                .admit(Deed::Probe, "fd00::1".parse().unwrap(), now)
                .is_ok()
        );
        assert!(
            meter
                .admit(Deed::Probe, "fd00::2".parse().unwrap(), now)
                .is_err()
        );
        assert!(
            meter
                .admit(Deed::Probe, "fd00:0:0:1::2".parse().unwrap(), now)
                .is_ok()
        );
        assert!(meter.admit(Deed::Probe, ASKER, now).is_ok());
        assert!(
            meter
                .admit(Deed::Probe, "::ffff:10.0.0.7".parse().unwrap(), now)
                .is_err()
        );
    }

    #[test]
    fn sessions_are_counted_while_they_stand() {
        let sessions = Sessions::new(Rate {
            per_asker: 1,
            overall: 2,
        });
        let other: IpAddr = "10.0.0.8".parse().unwrap();
        let third: IpAddr = "10.0.0.9".parse().unwrap();
        let first = sessions.admit(ASKER).unwrap();
        assert!(sessions.admit(ASKER).is_err());
        let _second = sessions.admit(other).unwrap();
        assert!(sessions.admit(third).is_err());
        drop(first);
        assert!(sessions.admit(third).is_ok());
    }

    #[test]
    fn only_ports_of_the_path_are_probed() {
        assert!(port_allowed(PathId::Tcp7680, 7680, None, ASKER));
        assert!(!port_allowed(PathId::Tcp7680, 22, None, ASKER));
        assert!(!port_allowed(PathId::Tcp7680, 443, None, ASKER));
        assert!(port_allowed(PathId::Tcp7680, 7681, Some(7681), ASKER));
        assert!(port_allowed(
            PathId::Tcp443,
            40_000,
            None,
            "127.0.0.2".parse().unwrap()
        ));
        assert!(!port_allowed(
            PathId::Tcp443,
            0,
            Some(0),
            "127.0.0.2".parse().unwrap()
        ));
    }
}

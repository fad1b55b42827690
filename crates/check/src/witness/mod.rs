//! A witness of what crosses this host's wire: whether a request left, arrived, was answered.
//!
//! On Linux, where the program may open a packet socket (CAP_NET_RAW), a thread keeps the last
//! minute of connection-opening packets on the watched ports. Packets that carry bulk data never
//! reach it: the kernel filters them. Everywhere else the witness says why it is
//! not there.
//!
//! A packet socket sees arrivals before the host's own netfilter input rules and departures after
//! its output rules (checked in `tests/witness_netns.rs`). That is what makes its silence worth
//! something: see [`blame`](crate::blame).

#[cfg(any(target_os = "linux", test))]
mod filter;
#[cfg(any(target_os = "linux", test))]
mod half_open;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(target_os = "linux", test))]
mod log;
#[cfg(any(target_os = "linux", test))]
mod packet;

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::{
    evidence::{NoWitness, Witnessed},
    report::PathId,
};

/// The ports to watch. At most [`Watched::MAX_PORTS`] of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    tcp: Vec<u16>,
    udp: Vec<u16>,
    quic: Vec<u16>,
}

impl Watched {
    /// Ports that can be watched, of TCP, of UDP and of QUIC each. More are not watched.
    pub const MAX_PORTS: usize = 16;

    /// Also watches `path` on `port`.
    #[must_use]
    pub fn and(mut self, path: PathId, port: u16) -> Self {
        let ports = match path {
            PathId::Tcp7680 | PathId::Tcp443 => &mut self.tcp,
            // Data packets of QUIC are as many as those of any download: only those that open
            // connections are watched.
            PathId::Udp443 => &mut self.quic,
            PathId::Udp3544 | PathId::Udp5353 => &mut self.udp,
        };
        if !ports.contains(&port) && ports.len() < Self::MAX_PORTS {
            ports.push(port);
        }
        self
    }

    /// Whether a path's packets on `port` are watched.
    pub fn covers(&self, path: PathId, port: u16) -> bool {
        match path {
            PathId::Tcp7680 | PathId::Tcp443 => self.tcp.contains(&port),
            PathId::Udp443 => self.quic.contains(&port),
            PathId::Udp3544 | PathId::Udp5353 => self.udp.contains(&port),
        }
    }
}

/// Which packets to ask a witness about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The path.
    pub path: PathId,
    /// The port that the callee listens on.
    pub port: u16,
    /// The other host's address.
    pub remote: IpAddr,
    /// What this host is.
    pub role: Role,
}

impl Flow {
    #[cfg(any(target_os = "linux", test))]
    fn protocol(&self) -> crate::report::Protocol {
        self.path.protocol()
    }
}

/// What this host is in a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It sends the request.
    Caller,
    /// It listens for it.
    Callee,
}

/// Watches this host's wire until it is dropped.
#[derive(Debug)]
pub struct Witness {
    watched: Watched,
    started: Instant,
    #[cfg(target_os = "linux")]
    state: Result<linux::Watch, NoWitness>,
    #[cfg(not(target_os = "linux"))]
    state: Result<std::convert::Infallible, NoWitness>,
}

impl Witness {
    /// Starts watching. Never fails: a witness that is not possible says so when it is asked.
    pub fn start(watched: Watched) -> Self {
        #[cfg(target_os = "linux")]
        let state = linux::Watch::start(&watched);
        #[cfg(not(target_os = "linux"))]
        let state = Err(NoWitness::Unsupported);
        if let Err(why) = &state {
            tracing::debug!(%why, "no witness");
        }
        Self {
            watched,
            started: Instant::now(),
            state,
        }
    }

    /// A witness that sees nothing, and says that nobody asked for it.
    pub fn none() -> Self {
        Self {
            watched: Watched::default(),
            started: Instant::now(),
            state: Err(NoWitness::NotAsked),
        }
    }

    /// Why there is no witness, when there is none.
    pub fn unavailable(&self) -> Option<&NoWitness> {
        self.state.as_ref().err()
    }

    /// A moment that much before `at`, for one who does not know quite when it was. Not before this
    /// witness began to watch, unless `at` itself is: what was asked about came after that, so
    /// that nothing of it was missed.
    pub fn earlier(&self, at: Instant, by: Duration) -> Instant {
        let earlier = at.checked_sub(by).unwrap_or(at);
        if at < self.started {
            earlier
        } else {
            earlier.max(self.started)
        }
    }

    /// What it saw of a flow since a moment, up to now. It remembers a minute.
    pub fn saw(&self, flow: &Flow, since: Instant) -> Witnessed {
        match &self.state {
            Err(why) => Witnessed::Absent(why.clone()),
            Ok(_) if !self.watched.covers(flow.path, flow.port) => {
                Witnessed::Absent(NoWitness::NotAsked)
            }
            #[cfg(target_os = "linux")]
            Ok(watch) => match watch.saw(flow, since) {
                Ok(saw) => Witnessed::Saw(saw),
                Err(why) => Witnessed::Absent(why),
            },
            #[cfg(not(target_os = "linux"))]
            Ok(never) => {
                let _ = since;
                match *never {}
            }
        }
    }

    /// Whether this host's kernel holds a connection of the flow half-open (SYN-RECV): the SYN came
    /// in, and what should follow its answer did not. Only connections whose SYN the witness saw
    /// arrive since `since` count, because those of earlier calls linger. `None` where there is no
    /// witness, where it saw no SYN, and over UDP.
    ///
    /// A kernel keeps trying for about a minute (observed on Linux), so that asking after the
    /// caller gave up is early enough.
    pub fn half_open(&self, flow: &Flow, since: Instant) -> Option<bool> {
        #[cfg(target_os = "linux")]
        if let Ok(watch) = &self.state {
            let callers = watch.callers(flow, since);
            return (!callers.is_empty()).then(|| half_open::half_open(&callers, flow.port))?;
        }
        let _ = (flow, since);
        None
    }
}

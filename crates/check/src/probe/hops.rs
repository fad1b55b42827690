//! Probes with rising hop limits. On Linux, without privileges but for packets that look like
//! answers; elsewhere nobody says which router answered.

use std::net::{IpAddr, SocketAddr};

use crate::{hops::Trace, report::Protocol};

#[cfg(target_os = "linux")]
mod linux;

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Where to.
    pub(crate) to: IpAddr,
    /// From which address; the system chooses where it is `None`.
    pub(crate) from: Option<IpAddr>,
    /// What packets are to look like, at most [`MAX_WAYS`].
    pub(crate) ways: Vec<Way>,
}

/// What packets look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) protocol: Protocol,
    /// The port that they go to.
    pub(crate) port: u16,
    /// The port that they come from, where they look like answers. Takes a privilege.
    pub(crate) answers_from: Option<u16>,
}

/// Ways that are looked at together. A Linux router answers six packets of one host at once, and
/// then one a second (observed): the two looks at the references and these are as many.
pub(crate) const MAX_WAYS: usize = 4;

/// Looks at the way to another host; a trace for each way, `None` where it can not be looked at.
/// Without ways, one trace of the references alone. Takes up to a second and a half.
pub(crate) async fn look(look: Look) -> Vec<Option<Trace>> {
    let wanted = look.ways.len().max(1);
    let looking = tokio::task::spawn_blocking(move || look.run());
    looking.await.unwrap_or_else(|_| vec![None; wanted])
}

impl Look {
    #[cfg(target_os = "linux")]
    fn run(mut self) -> Vec<Option<Trace>> {
        self.ways.truncate(MAX_WAYS);
        linux::run(&self)
    }

    #[cfg(not(target_os = "linux"))]
    fn run(self) -> Vec<Option<Trace>> {
        vec![None; self.ways.len().max(1)]
    }
}

/// The port of references, as of the classic traceroute: nobody listens there.
pub(crate) const REFERENCE_PORT: u16 = 33_434;

/// An address with a port and, over IPv6 on the link, the scope of `like`.
pub(crate) fn beside(like: SocketAddr, port: u16) -> SocketAddr {
    let mut addr = like;
    addr.set_port(port);
    addr
}

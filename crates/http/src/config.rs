use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use dolab_host::Clock;

use crate::Trust;

/// How a [`Client`](crate::Client) behaves.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Whose certificates are believed for `https`.
    pub trust: Trust,
    /// By which clock certificates hold or not. What servers say of the date, it is told.
    pub clock: Clock,
    /// Addresses of names: what a hosts file does, and the port as well. Names are in lower case.
    pub names: BTreeMap<(String, u16), SocketAddr>,
    /// Whether to speak to addresses that are neither private nor link-local nor loopback.
    pub allow_public: bool,
    /// From the wish to connect until the connection stands, TLS included.
    pub connect_timeout: Duration,
    /// From the request until the answer's head is there.
    pub response_timeout: Duration,
    /// Longest pause inside a body.
    pub stall_timeout: Duration,
    /// Redirections that are followed for one `GET` or `HEAD`. Never from `https` to `http`.
    pub max_redirects: usize,
    /// Idle connections that are kept, to all servers together.
    pub max_idle: usize,
    /// How long an idle connection is used again.
    pub idle_timeout: Duration,
    /// What the client calls itself (`User-Agent`): dolab, so that a server's log tells who it was.
    pub user_agent: String,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            trust: Trust::default(),
            clock: Clock::default(),
            names: BTreeMap::new(),
            allow_public: false,
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(30),
            max_redirects: 3,
            max_idle: 16,
            idle_timeout: Duration::from_secs(60),
            user_agent: concat!("dolab/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    str::FromStr,
    time::Instant,
};

use dolab_wire::{PeerType, is_near, text::printable};

use crate::{Candidate, Kind, Source};

/// The port that Delivery Optimization's peers listen on (documented).
pub const DO_PORT: u16 = dolab_wire::swarm::PORT;

/// Longest name in the domain name system, in bytes.
const MAX_NAME: usize = 253;

/// A host as the user writes it: `HOST`, `HOST:PORT`, `[V6]:PORT`, or a bare IPv6 address. A
/// link-local one names its interface: `fe80::1%eth0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    Addr(IpAddr),
    Scoped(Ipv6Addr, String),
    Name(String),
}

/// Why a host can not be used as it was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The text names no host. The user's mistake.
    #[error("`{text}` names no host: {why}")]
    Text {
        /// What was written, printable.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The zone of a link-local address is no interface here.
    #[error("`{zone}` in `{target}` is no network interface of this host: {known}")]
    Zone {
        /// What was written.
        target: String,
        /// The part after the percent sign.
        zone: String,
        /// The interfaces that there are.
        known: String,
    },
    /// The name could not be resolved.
    #[error("`{target}` can not be resolved: {source}: check the name, or give the address")]
    Unresolved {
        /// What was written.
        target: String,
        /// What the system's resolver said.
        source: io::Error,
    },
    /// The name has no address.
    #[error("`{0}` resolves to no address: check the name, or give the address")]
    NoAddress(String),
}

impl Target {
    /// The port that was written, if any.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The address that was written, where it was one and not a name.
    pub fn addr(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Addr(addr) => Some(*addr),
            Host::Scoped(addr, _) => Some((*addr).into()),
            Host::Name(_) => None,
        }
    }

    /// The host without its port.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Addr(addr) => addr.to_string(),
            Host::Scoped(addr, zone) => format!("{addr}%{zone}"),
            Host::Name(name) => name.clone(),
        }
    }

    /// Finds the addresses: those of a name come in the system's order of preference, each once.
    ///
    /// # Errors
    /// When the name can not be resolved or the zone is no interface.
    pub async fn resolve(&self, default_port: u16) -> Result<Candidate, TargetError> {
        let port = self.port.unwrap_or(default_port);
        let addrs = match &self.host {
            Host::Addr(addr) => vec![SocketAddr::new(*addr, port)],
            Host::Scoped(addr, zone) => {
                vec![SocketAddrV6::new(*addr, port, 0, self.zone_index(zone)?).into()]
            }
            Host::Name(name) => self.look_up(name, port).await?,
        };
        let is_near = addrs.first().is_some_and(|addr| is_near(addr.ip()));
        let peer_type = if is_near {
            PeerType::Lan
        } else {
            PeerType::Internet
        };
        let now = Instant::now();
        Ok(Candidate {
            source: Source::Static,
            name: self.to_string(),
            host: self.addr().is_none().then(|| self.host()),
            addrs,
            kind: Kind::Unknown,
            peer_type,
            interfaces: Vec::new(),
            found: now,
            changed: now,
        })
    }

    async fn look_up(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>, TargetError> {
        let found = tokio::net::lookup_host((name, port)).await;
        let found = found.map_err(|source| TargetError::Unresolved {
            target: self.to_string(),
            source,
        })?;
        let mut addrs = Vec::new();
        for addr in found {
            if addrs.len() < Candidate::MAX_ADDRS && !addrs.contains(&addr) {
                addrs.push(addr);
            }
        }
        if addrs.is_empty() {
            Err(TargetError::NoAddress(self.to_string()))
        } else {
            Ok(addrs)
        }
    }

    fn zone_index(&self, zone: &str) -> Result<u32, TargetError> {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let by_name = interfaces
            .iter()
            .find(|i| i.name == zone)
            .and_then(|i| i.index);
        by_name.or_else(|| zone.parse().ok()).ok_or_else(|| {
            let mut names: Vec<_> = interfaces.into_iter().map(|i| i.name).collect();
            names.sort();
            names.dedup();
            TargetError::Zone {
                target: self.to_string(),
                zone: zone.into(),
                known: format!("it has {}", names.join(", ")),
            }
        })
    }
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        let host = match addr {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => {
                Host::Scoped(*v6.ip(), v6.scope_id().to_string())
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => Host::Addr(addr.ip()),
        };
        Self {
            host,
            port: Some(addr.port()),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        parse(text).map_err(|why| TargetError::Text {
            text: printable(text, 80),
            why,
        })
    }
}

fn parse(text: &str) -> Result<Target, &'static str> {
    if text.contains('/') {
        return Err("only the host is wanted, without scheme and path");
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']').ok_or("the bracket is not closed")?;
        let host = v6(inside).ok_or("only an IPv6 address stands in brackets")?;
        let port = match after {
            "" => None,
            after => Some(port(
                after.strip_prefix(':').ok_or("a port follows a colon")?,
            )?),
        };
        return Ok(Target { host, port });
    }
    if let Some(host) = v6(text) {
        return Ok(Target { host, port: None });
    }
    let (host, port) = match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            return Err("an IPv6 address with a port is written [ADDRESS]:PORT");
        }
        Some((host, digits)) => (host, Some(port(digits)?)),
        None => (text, None),
    };
    Ok(Target {
        host: name_or_v4(host)?,
        port,
    })
}

fn v6(text: &str) -> Option<Host> {
    match text.split_once('%') {
        Some((addr, zone)) if !zone.is_empty() && zone.len() <= 64 && is_word(zone) => {
            Some(Host::Scoped(addr.parse().ok()?, zone.into()))
        }
        Some(_) => None,
        None => text
            .parse()
            .ok()
            .map(|addr: Ipv6Addr| Host::Addr(addr.into())),
    }
}

fn name_or_v4(text: &str) -> Result<Host, &'static str> {
    if let Ok(addr) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Addr(addr.into()));
    }
    if text.is_empty() {
        return Err("the host is missing");
    }
    if text.len() > MAX_NAME {
        return Err("a name has at most 253 bytes");
    }
    let last = text
        .trim_end_matches('.')
        .rsplit('.')
        .next()
        .unwrap_or_default();
    // The system's resolver would read `10.0.1` and `256` as an address of its own making.
    if last.is_empty() || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("an IPv4 address has four numbers from 0 to 255");
    }
    if !is_word(text) || text.starts_with('-') {
        return Err("a name has letters, digits, dots, hyphens and underscores");
    }
    Ok(Host::Name(text.into()))
}

fn is_word(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn port(digits: &str) -> Result<u16, &'static str> {
    match digits.parse::<u16>() {
        Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err("a port is a number from 1 to 65535"),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracket = !matches!(&self.host, Host::Name(_) | Host::Addr(IpAddr::V4(_)));
        match self.port {
            Some(port) if bracket => write!(f, "[{}]:{port}", self.host()),
            Some(port) => write!(f, "{}:{port}", self.host()),
            None => f.write_str(&self.host()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_address_with_a_port_is_read_back(addr in any::<SocketAddr>()) {
            prop_assume!(addr.port() != 0);
            let target: Target = match addr {
                SocketAddr::V4(v4) => v4.to_string(),
                SocketAddr::V6(v6) => format!("[{}]:{}", v6.ip(), v6.port()),
            }
            .parse()
            .expect("an address is a target");
            prop_assert_eq!(target.addr(), Some(addr.ip()));
            prop_assert_eq!(target.port(), Some(addr.port()));
            let again: Target = target.to_string().parse().expect("what is printed can be read");
            prop_assert_eq!(again, target);
        }

        #[test]
        fn no_text_panics_and_errors_are_printable(text in "\\PC{0,40}|[0-9a-f:.%\\[\\]]{0,40}") {
            match text.parse::<Target>() {
                Ok(target) => {
                    let again: Target = target.to_string().parse().expect("it was read once");
                    prop_assert_eq!(again, target);
                }
                Err(error) => prop_assert!(!error.to_string().chars().any(char::is_control)),
            }
        }
    }

    #[test]
    fn forms_that_users_write() {
        for (text, host, port) in [
            ("pc17", "pc17", None),
            ("pc17.example.org:7681", "pc17.example.org", Some(7681)),
            ("10.0.0.7", "10.0.0.7", None),
            (" 10.0.0.7:80 ", "10.0.0.7", Some(80)),
            ("fd00::7", "fd00::7", None),
            ("[fd00::7]", "fd00::7", None),
            ("[fe80::1%eth0]:7680", "fe80::1%eth0", Some(7680)),
            ("fe80::1%3", "fe80::1%3", None),
        ] {
            let target: Target = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(
                (target.host().as_str(), target.port()),
                (host, port),
                "{text}"
            );
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, why) in [
            ("", "missing"),
            (":80", "missing"),
            ("pc17:", "1 to 65535"),
            ("pc17:0", "1 to 65535"),
            ("pc17:+80", "1 to 65535"),
            ("pc17:65536", "1 to 65535"),
            ("10.0.0", "four numbers"),
            ("10.0.0.256", "four numbers"),
            ("http://pc17", "without scheme"),
            ("pc17/x", "without scheme"),
            ("pc 17", "letters"),
            ("-h", "letters"),
            ("fd00::7:g:80", "[ADDRESS]:PORT"),
            ("[fd00::7", "not closed"),
            ("[pc17]:80", "IPv6"),
            ("[fd00::7]80", "colon"),
            ("pc\x1b[2J", "letters"),
        ] {
            let error = text.parse::<Target>().expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains('\x1b'));
        }
    }

    #[tokio::test]
    async fn names_resolve_or_say_why_not() {
        let target: Target = "localhost:99".parse().expect("a name");
        let found = target
            .resolve(DO_PORT)
            .await
            .expect("every host knows itself");
        assert!(
            found
                .addrs
                .iter()
                .all(|addr| addr.ip().is_loopback() && addr.port() == 99)
        );
        assert_eq!(
            (found.source, found.host.as_deref()),
            (Source::Static, Some("localhost"))
        );

        let found = "::1"
            .parse::<Target>()
            .expect("an address")
            .resolve(DO_PORT)
            .await;
        assert_eq!(
            found.expect("no lookup is needed").addrs,
            ["[::1]:7680".parse().unwrap()]
        );

        let nowhere: Target = "no-such-host.invalid".parse().expect("a name");
        let error = nowhere
            .resolve(DO_PORT)
            .await
            .expect_err("reserved by RFC 2606")
            .to_string();
        assert!(error.contains("no-such-host.invalid") && error.contains("give the address"));

        let zone: Target = "fe80::1%nosuch0".parse().expect("a scoped address");
        let error = zone
            .resolve(DO_PORT)
            .await
            .expect_err("no such interface")
            .to_string();
        assert!(
            error.contains("`nosuch0`") && error.contains("it has "),
            "{error}"
        );
    }
}

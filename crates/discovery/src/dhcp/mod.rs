//! What a DHCP server tells of a site: option 234, the group, and option 235, Connected Caches
//! (documented). That both are text is documented; how Windows asks for them is not, here it is a
//! `DHCPINFORM` (RFC 2131), which leaves the host's address alone.
//!
//! One question to each interface, asked again once; answers that come within [`PATIENCE`] count. The
//! first that has one of the options wins.

mod message;

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use dolab_wire::text::printable;
use if_addrs::IfAddr;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::UdpSocket, task::JoinSet, time::timeout};

use crate::Interfaces;

const CLIENT: u16 = 68;
const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);

const GROUP: u8 = 234;
const CACHES: u8 = 235;

/// How long answers are waited for; half of it until the question is repeated.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Caches that one answer may name. More are left out.
pub const MAX_CACHES: usize = 16;

/// Longest name that is kept, in characters: that of a host in the DNS.
const MAX_NAME: usize = 253;

/// Interfaces that are asked on.
const MAX_INTERFACES: usize = 16;

/// What a DHCP server told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DhcpAnswer {
    /// Option 234, as it came, without zero bytes at its end.
    pub group: Option<String>,
    /// Option 235: hosts, in their order.
    pub caches: Vec<String>,
}

/// Why no DHCP server could be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DhcpError {
    /// Answers come to UDP 68, and that can not be had: it wants privileges.
    #[error(
        "dhcp options 234 and 235 can not be asked for: udp port 68 on {address}: {source}: run as root, or grant CAP_NET_BIND_SERVICE"
    )]
    Port {
        /// The address of the interface.
        address: Ipv4Addr,
        /// What the system said.
        source: io::Error,
    },
    /// There is no interface to ask on.
    #[error("dhcp options 234 and 235 can not be asked for: no interface has an IPv4 address")]
    NoInterface,
}

/// Asks the DHCP servers of these interfaces. `None` when none of them tells either option in time.
///
/// # Errors
/// When none could be asked.
pub async fn ask(interfaces: &Interfaces) -> Result<Option<DhcpAnswer>, DhcpError> {
    let mut asked = JoinSet::new();
    let mut refused = None;
    for (name, address) in addresses(interfaces) {
        match open(address) {
            Ok(socket) => {
                asked.spawn(ask_on(socket, address, hardware(&name)));
            }
            Err(source) => refused = Some(DhcpError::Port { address, source }),
        }
    }
    if asked.is_empty() {
        return Err(refused.unwrap_or(DhcpError::NoInterface));
    }
    while let Some(answer) = asked.join_next().await {
        if let Ok(Some(answer)) = answer {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

fn addresses(wanted: &Interfaces) -> Vec<(String, Ipv4Addr)> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let here = all
        .into_iter()
        .filter(|it| wanted.include(it) && !it.is_loopback());
    here.filter_map(|it| match it.addr {
        IfAddr::V4(addr) if !addr.ip.is_link_local() => Some((it.name, addr.ip)),
        IfAddr::V4(_) | IfAddr::V6(_) => None,
    })
    .take(MAX_INTERFACES)
    .collect()
}

/// Servers answer to the address that asks; a question to everyone leaves by the interface that has
/// it.
fn open(address: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // The system's own client may hold the port.
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddrV4::new(address, CLIENT).into())?;
    UdpSocket::from_std(socket.into())
}

async fn ask_on(socket: UdpSocket, address: Ipv4Addr, hardware: [u8; 6]) -> Option<DhcpAnswer> {
    for _ in 0..2 {
        let mut id = [0; 4];
        getrandom::fill(&mut id).expect("the system has randomness");
        let id = u32::from_be_bytes(id);
        let question = message::inform(id, address, hardware, &[GROUP, CACHES]);
        // Where it can not be sent, nobody answers.
        let _ = socket.send_to(&question, SERVER).await;
        if let Ok(answer) = timeout(PATIENCE / 2, answer(&socket, id)).await {
            return Some(answer);
        }
    }
    None
}

async fn answer(socket: &UdpSocket, id: u32) -> DhcpAnswer {
    let mut buffer = [0; message::MAX_MESSAGE + 1];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            // An earlier question met a closed port.
            tokio::task::yield_now().await;
            continue;
        };
        let answer = message::options(&buffer[..length], id).map(|options| read(&options));
        match answer {
            Some(answer) if answer != DhcpAnswer::default() => return answer,
            _ => tracing::debug!(%from, "dhcp: nothing for us"),
        }
    }
}

fn read(options: &std::collections::BTreeMap<u8, Vec<u8>>) -> DhcpAnswer {
    let text = |code| {
        let bytes = options.get(&code)?;
        let text = str::from_utf8(bytes).ok()?.trim_end_matches('\0').trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let hosts = text(CACHES).unwrap_or_default();
    let hosts = hosts.split(',').map(str::trim).filter(|host| is_host(host));
    DhcpAnswer {
        group: text(GROUP).map(|group| printable(&group, MAX_NAME)),
        caches: hosts.take(MAX_CACHES).map(str::to_owned).collect(),
    }
}

/// A name or an address, with a port or without: nothing that could be more in a URL.
fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !text.is_empty() && text.len() <= MAX_NAME && text.bytes().all(allowed)
}

/// The interface's hardware address, where the system tells; servers want some.
fn hardware(name: &str) -> [u8; 6] {
    let mut address = [0; 6];
    if let Ok(text) = std::fs::read_to_string(format!("/sys/class/net/{name}/address")) {
        let bytes = text.trim().split(':').map(|it| u8::from_str_radix(it, 16));
        for (to, byte) in address.iter_mut().zip(bytes) {
            *to = byte.unwrap_or(0);
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn options_become_a_group_and_hosts() {
        let options = |group: &[u8], caches: &[u8]| {
            read(&BTreeMap::from([
                (GROUP, group.to_vec()),
                (CACHES, caches.to_vec()),
            ]))
        };
        let answer = options(b"{0000}\0", b"cache-1.example, 10.0.0.7:8080 ,[fd00::1]\0");
        assert_eq!(answer.group.as_deref(), Some("{0000}"));
        assert_eq!(
            answer.caches,
            ["cache-1.example", "10.0.0.7:8080", "[fd00::1]"]
        );
        assert_eq!(options(b"", b"a/b,http://c,,d e"), DhcpAnswer::default());
        assert_eq!(options(&[0xff], &[0xff]), DhcpAnswer::default());
        let many = vec!["a"; MAX_CACHES + 5].join(",");
        assert_eq!(options(b"", many.as_bytes()).caches.len(), MAX_CACHES);
        let long = "a".repeat(MAX_NAME + 1);
        assert_eq!(options(b"", long.as_bytes()).caches.len(), 0);
    }

    #[tokio::test]
    async fn where_there_is_no_interface_nobody_is_asked() {
        let none = Interfaces::Named(Vec::new());
        assert!(matches!(ask(&none).await, Err(DhcpError::NoInterface)));
    }
}

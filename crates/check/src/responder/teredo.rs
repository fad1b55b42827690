//! UDP 3544: a Teredo server's first answer. It goes only to who solicits, and only so often.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    time::Instant,
};

use bytes::BytesMut;
use dolab_wire::teredo::Packet;

use super::{door::Door, udp::Socket};
use crate::{report::PathId, session::limits::Deed};

/// Bytes of a datagram that are looked at: a Teredo packet has at most the MTU of 1280 and its
/// headers. With receive offload the kernel may hand over several at once.
const BUFFER: usize = 64 << 10;

/// Serves one socket until the station stops.
pub(crate) fn serve(socket: std::net::UdpSocket, door: &Door) -> io::Result<()> {
    let socket = Socket::serving(socket, door.observer(PathId::Udp3544))?;
    let door = door.clone();
    let tasks = door.clone();
    tasks.spawn(async move {
        let mut buf = vec![0; BUFFER];
        loop {
            let (len, from, to) = match socket.receive(&mut buf).await {
                Ok(received) => received,
                Err(error) => {
                    tracing::warn!(%error, "teredo: the socket is broken");
                    return;
                }
            };
            if !door.welcomes(from.ip()) {
                tracing::debug!(%from, "teredo: a public address is not answered");
                continue;
            }
            let Some(answer) = answer(&buf[..len], from, to) else {
                tracing::debug!(%from, len, "teredo: no solicitation");
                continue;
            };
            let admitted = door
                .meter
                .admit(Deed::Advertisement, from.ip(), Instant::now());
            if let Err(why) = admitted {
                tracing::debug!(%from, %why, "teredo: not answered");
                continue;
            }
            if let Err(error) = socket.send(&answer, from, to).await {
                tracing::debug!(%from, %error, "teredo: the answer was not sent");
            }
        }
    });
    Ok(())
}

/// The answer to a solicitation. Teredo knows IPv4 only: a solicitation that came over IPv6, which
/// no Windows host sends, is told of no address.
fn answer(datagram: &[u8], from: SocketAddr, to: Option<IpAddr>) -> Option<BytesMut> {
    let packet = Packet::parse(datagram).ok()?;
    let server = match to.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(server)) => server,
        _ => Ipv4Addr::UNSPECIFIED,
    };
    let client = match from.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddrV4::new(ip, from.port()),
        IpAddr::V6(_) => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, from.port()),
    };
    let advertisement = packet.advertisement(client, server)?;
    let mut out = BytesMut::with_capacity(advertisement.encoded_len());
    advertisement.encode(&mut out);
    Some(out)
}

#[cfg(test)]
mod tests {
    use dolab_wire::teredo::Message;

    use super::*;

    #[test]
    fn a_solicitation_is_answered_with_where_it_came_from() {
        let mut question = BytesMut::new();
        Packet::solicitation([7; 8]).encode(&mut question);
        let from: SocketAddr = "[::ffff:10.0.0.7]:4000".parse().unwrap();
        let to = Some("10.0.0.1".parse().unwrap());
        let answer = answer(&question, from, to).unwrap();
        let answer = Packet::parse(&answer).unwrap();
        assert_eq!(answer.origin, Some("10.0.0.7:4000".parse().unwrap()));
        assert_eq!(answer.authentication.unwrap().nonce(), [7; 8]);
        let Message::Advertisement(advertisement) = answer.message else {
            panic!("{answer:?}");
        };
        assert_eq!(advertisement.server, Ipv4Addr::new(10, 0, 0, 1));
    }

    #[test]
    fn nothing_else_is_answered() {
        let from: SocketAddr = "10.0.0.7:4000".parse().unwrap();
        assert!(answer(b"GET / HTTP/1.1", from, None).is_none());
        assert!(answer(&[], from, None).is_none());
        let mut bubble = BytesMut::new();
        let any = std::net::Ipv6Addr::LOCALHOST;
        Packet::bubble(any, any).encode(&mut bubble);
        assert!(answer(&bubble, from, None).is_none());
    }
}

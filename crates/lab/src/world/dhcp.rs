//! What a router tells hosts that ask for options by DHCPINFORM (RFC 2131): it leases nothing.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
    os::fd::AsFd as _,
};

use super::stop::{Woken, Worker};
use crate::topology::Dhcp;

const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// Everything before the options, and the four bytes that say that options follow.
const HEADER: usize = 240;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
const MESSAGE_TYPE: u8 = 53;
const SERVER_ID: u8 = 54;
const INFORM: u8 = 8;
const ACK: u8 = 5;
const END: u8 = 255;
/// Group id of Delivery Optimization.
const GROUP: u8 = 234;
/// Connected Cache servers.
const CACHE: u8 = 235;

/// Starts a service in the namespace that the caller is in.
pub(super) fn start(dhcp: &Dhcp) -> io::Result<Worker> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, SERVER))?;
    socket.set_nonblocking(true)?;
    let mut options = dhcp.options.clone();
    options.extend(dhcp.group.clone().map(|group| (GROUP, group)));
    options.extend(dhcp.cache.clone().map(|cache| (CACHE, cache)));
    Worker::start("lab dhcp", move |stopped| {
        let mut buffer = [0; 1500];
        while let Ok(Woken::Go) = stopped.wait(&[socket.as_fd()], None) {
            let Ok(length) = socket.recv(&mut buffer) else {
                continue;
            };
            let Some(client) = buffer.get(..length).and_then(informed) else {
                continue;
            };
            let Ok(own) = address_towards(client) else {
                continue;
            };
            let mut answer = buffer[..HEADER].to_vec();
            // An answer, to the address that the client has.
            answer[0] = 2;
            put(&mut answer, MESSAGE_TYPE, &[ACK]);
            put(&mut answer, SERVER_ID, &own.octets());
            for (code, text) in &options {
                put(&mut answer, *code, text.as_bytes());
            }
            answer.push(END);
            // Who asked may have gone.
            let _ = socket.send_to(&answer, (client, CLIENT));
        }
    })
}

/// The address of a client that asks for options only.
fn informed(packet: &[u8]) -> Option<Ipv4Addr> {
    let request = packet.first() == Some(&1) && packet.get(236..HEADER)? == COOKIE;
    let mut rest = packet.get(HEADER..)?;
    let mut inform = false;
    while let [code, after @ ..] = rest {
        match (*code, after) {
            // A filler has no length.
            (0, after) => rest = after,
            (END, _) => break,
            (code, [length, after @ ..]) => {
                let value = after.get(..usize::from(*length))?;
                inform |= code == MESSAGE_TYPE && value == [INFORM];
                rest = &after[value.len()..];
            }
            (_, []) => return None,
        }
    }
    let address: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    let address = Ipv4Addr::from(address);
    (request && inform && !address.is_unspecified()).then_some(address)
}

/// The own address that a client is reached from.
fn address_towards(client: Ipv4Addr) -> io::Result<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect((client, CLIENT))?;
    match socket.local_addr()?.ip() {
        std::net::IpAddr::V4(own) => Ok(own),
        std::net::IpAddr::V6(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

/// Adds an option; a long one in several parts, which the client puts together (RFC 3396).
fn put(packet: &mut Vec<u8>, code: u8, value: &[u8]) {
    for part in value.chunks(255) {
        packet.push(code);
        packet.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
        packet.extend(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inform(options: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; HEADER];
        packet[0] = 1;
        packet[12..16].copy_from_slice(&[10, 0, 0, 1]);
        packet[236..].copy_from_slice(&COOKIE);
        packet.extend(options);
        packet
    }

    #[test]
    fn only_whole_informs_are_answered() {
        let asked = [0, 55, 2, 234, 235, MESSAGE_TYPE, 1, INFORM, END];
        let packet = inform(&asked);
        assert_eq!(informed(&packet), Some(Ipv4Addr::new(10, 0, 0, 1)));
        for length in 0..packet.len() - 1 {
            assert_eq!(informed(&packet[..length]), None, "{length}");
        }
        // DHCPDISCOVER.
        assert_eq!(informed(&inform(&[MESSAGE_TYPE, 1, 1, END])), None);
    }

    #[test]
    fn long_options_come_in_parts() {
        let mut packet = Vec::new();
        put(&mut packet, GROUP, &[7; 300]);
        assert_eq!(packet.len(), 304);
        assert_eq!((packet[257], packet[258]), (GROUP, 45));
    }
}

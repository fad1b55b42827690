//! Packet sockets: frames as they pass an interface.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd},
};

use nix::{ifaddrs::getifaddrs, sys::socket::bind};
use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};
use socket2::{Domain, Protocol, Socket, Type};

/// All protocols (ETH_P_ALL): only such a socket is shown what leaves.
const EVERYTHING: u16 = 0x0003;
/// Holds some thousand full frames until its thread comes round.
const BUFFER: usize = 8 << 20;
/// The largest frame: what a virtual interface takes in one piece.
pub(super) const LARGEST: usize = 65536 + 64;

/// A packet socket on one interface of the namespace that it was opened in.
#[derive(Debug)]
pub(super) struct PacketSocket(Socket);

impl PacketSocket {
    pub(super) fn open(interface: &str) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(EVERYTHING.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        // What the administrator allows at most, where it is less.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        let none = || io::Error::new(io::ErrorKind::NotFound, format!("no interface {interface}"));
        let mut links = getifaddrs()?.filter(|one| one.interface_name == interface);
        let link = links.find_map(|one| one.address?.as_link_addr().copied());
        bind(socket.as_raw_fd(), &link.ok_or_else(none)?)?;
        // What came in from other interfaces before it was socket.
        let packets = Self(socket);
        while packets.receive(&mut [0; 64])?.is_some() {}
        Ok(packets)
    }

    /// The next frame's length, of which as much as there is room for is in the buffer; `None` when
    /// there is none.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match recv(&self.0, buffer, RecvFlags::TRUNC) {
            Ok((_, whole)) => Ok(Some(whole)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            // The device went down, or the call was interrupted; others may come.
            Err(Errno::NETDOWN | Errno::INTR) => Ok(Some(0)),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.0.send(frame).map(drop)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

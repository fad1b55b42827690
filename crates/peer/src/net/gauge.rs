use std::{
    io,
    sync::{Arc, Weak},
};

use socket2::Socket;
use tokio::net::TcpStream;

use super::window::bound_window;
use crate::TcpInfo;

/// What the kernel is asked about a connection by, and told about its window.
#[derive(Debug)]
pub(crate) enum Gauge {
    /// A connection between peers, for as long as its task has it.
    Tcp(Weak<TcpStream>),
    /// One that another crate reads from.
    Socket(Arc<Socket>),
    /// Nobody knows.
    None,
}

impl Gauge {
    /// Whether the kernel knows anything.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// What the kernel measures now.
    pub(crate) fn read(&self) -> Option<TcpInfo> {
        match self {
            Self::Tcp(tcp) => TcpInfo::read(&*tcp.upgrade()?),
            Self::Socket(socket) => TcpInfo::read(&**socket),
            Self::None => None,
        }
    }

    /// Bounds its receive window, in bytes. To be said again now and then: the kernel forgets it
    /// whenever it gives a connection a larger buffer.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn bound_window(&self, bytes: u32) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp
                .upgrade()
                .map_or(Ok(()), |tcp| bound_window(&*tcp, bytes)),
            Self::Socket(socket) => bound_window(&**socket, bytes),
            Self::None => Ok(()),
        }
    }
}

//! How much a connection may have on its way to us.

#[cfg(target_os = "linux")]
pub(crate) use linux::bound_window;

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use nix::{libc, setsockopt_impl, sockopt_impl, sys::socket::setsockopt};
    use tokio::net::TcpStream;

    sockopt_impl!(
        /// `TCP_WINDOW_CLAMP`: the receive window is never announced larger than this. What was
        /// announced before is not taken back; it shrinks as data comes.
        WindowClamp,
        SetOnly,
        libc::IPPROTO_TCP,
        libc::TCP_WINDOW_CLAMP,
        u32
    );

    /// Bounds the receive window of a connection, in bytes. To be said again now and then: the
    /// kernel forgets it whenever it gives a connection a larger buffer.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn bound_window(stream: &TcpStream, bytes: u32) -> io::Result<()> {
        Ok(setsockopt(stream, WindowClamp, &bytes)?)
    }
}

/// Not to be had by a safe call here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn bound_window(_: &tokio::net::TcpStream, _: u32) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

//! How much a connection may have on its way to us.

#[cfg(target_os = "linux")]
pub(crate) use linux::bound_window;

#[cfg(target_os = "linux")]
mod linux {
    use std::{io, os::fd::AsFd};

    use nix::{libc, setsockopt_impl, sockopt_impl, sys::socket::setsockopt};

    sockopt_impl!(
        /// `TCP_WINDOW_CLAMP`: the receive window is never announced larger than this. What was
        /// announced before is not taken back; it shrinks as data comes.
        WindowClamp,
        SetOnly,
        libc::IPPROTO_TCP,
        libc::TCP_WINDOW_CLAMP,
        u32
    );

    /// See [`Gauge::bound_window`](super::super::Gauge::bound_window).
    pub(crate) fn bound_window(socket: &impl AsFd, bytes: u32) -> io::Result<()> {
        Ok(setsockopt(socket, WindowClamp, &bytes)?)
    }
}

/// Not to be had by a safe call here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn bound_window<T>(_: &T, _: u32) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

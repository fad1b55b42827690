//! Ctrl-C and its kin.

use std::io;

/// Waits until the user or the system wants the program to end: Ctrl-C, SIGTERM, or on Windows
/// the closing of the window.
///
/// # Errors
/// When the system does not let us listen for it.
#[cfg(unix)]
pub(crate) async fn interrupted() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

/// Waits until the user or the system wants the program to end: Ctrl-C, or the closing of the
/// window.
///
/// # Errors
/// When the system does not let us listen for it.
#[cfg(windows)]
pub(crate) async fn interrupted() -> io::Result<()> {
    use tokio::signal::windows::{ctrl_break, ctrl_close, ctrl_shutdown};

    let (mut brk, mut close, mut shutdown) = (ctrl_break()?, ctrl_close()?, ctrl_shutdown()?);
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = brk.recv() => Ok(()),
        _ = close.recv() => Ok(()),
        _ = shutdown.recv() => Ok(()),
    }
}

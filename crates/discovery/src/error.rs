use std::io;

use dolab_host::Holder;

/// Why discovery can not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// Another program holds the mDNS port for itself alone. This host's fault.
    #[error(
        "udp port {port} is held by {}, which does not share it: stop that program, or do without DNS-SD",
        .holder.as_ref().map_or_else(|| "another program".into(), Holder::to_string)
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// Who holds it, where the system tells.
        holder: Option<Holder>,
    },
    /// The system refused the socket. This host's fault.
    #[error("udp port {port} can not be opened: {source}")]
    Socket {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// No interface is up that was asked for.
    #[error("no network interface to discover on: {0}")]
    NoInterface(String),
    /// The announcement can not be made from what was given. The caller's fault.
    #[error("can not announce: {0}")]
    Announcement(String),
    /// A call was asked for without an announcement, so nobody could call back. The caller's fault.
    #[error("a call needs an announcement: without one the other host does not know whom to call")]
    NotAnnounced,
    /// More calls at once than the record has room for. The caller's fault.
    #[error("{max} calls are waiting already: wait until one is answered", max = crate::txt::MAX_CALLS)]
    TooManyCalls,
    /// Discovery was stopped, or its thread has died.
    #[error("discovery is not running any more")]
    Stopped,
    /// The mDNS daemon could not be started or asked.
    #[error("mdns: {0}")]
    Mdns(String),
}

impl From<mdns_sd::Error> for DiscoveryError {
    fn from(error: mdns_sd::Error) -> Self {
        if error == mdns_sd::Error::DaemonShutdown {
            Self::Stopped
        } else {
            Self::Mdns(error.to_string())
        }
    }
}

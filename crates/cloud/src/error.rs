use std::{io, net::IpAddr, path::PathBuf};

use dolab_host::Holder;

/// Why a cloud could not be started. All of these are this host's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program has the port.
    #[error(
        "{protocol} port {port} is taken{}: end that program, or choose another port",
        holder.as_ref().map(|it| format!(" by {it}")).unwrap_or_default()
    )]
    PortTaken {
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// The port.
        port: u16,
        /// Who has it, where the system tells.
        holder: Option<Holder>,
    },
    /// This user may not open the port.
    #[error(
        "{protocol} port {port} may not be opened by this user: run as root, or choose a port from 1024 on"
    )]
    PermissionDenied {
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// The port.
        port: u16,
    },
    /// The port can not be opened for another reason.
    #[error(
        "{protocol} port {port} can not be opened on {}: {source}",
        addresses(on)
    )]
    Listen {
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// The port.
        port: u16,
        /// Where.
        on: Vec<IpAddr>,
        /// What the system says.
        source: io::Error,
    },
    /// No certificate can be made.
    #[error(transparent)]
    Authority(#[from] crate::AuthorityError),
    /// TLS can not be set up.
    #[error("tls can not be set up: {0}")]
    Tls(String),
    /// More faults than there is room for.
    #[error(transparent)]
    Faults(#[from] crate::faults::TooManyFaults),
    /// The state file can not be used.
    #[error(transparent)]
    State(#[from] crate::StateError),
    /// A file can not be used.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn addresses(on: &[IpAddr]) -> String {
    if on.is_empty() {
        return "any address".into();
    }
    let on: Vec<_> = on.iter().map(ToString::to_string).collect();
    on.join(", ")
}

use std::io;

use super::Gone;
use crate::topology::TopologyError;

/// Why a network could not be built or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// The network or the fault is wrong: whoever wrote it is to blame.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// This user may not make namespaces here.
    #[error(
        "this user may not make namespaces: {0}; run it as root, or allow user namespaces \
         (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0)"
    )]
    NotAllowed(#[source] io::Error),
    /// A namespace could not be made.
    #[error("a namespace could not be made: {0}")]
    Namespace(#[source] io::Error),
    /// A tool is missing.
    #[error("{0} is not installed: on Debian and Ubuntu, apt install iproute2 nftables")]
    NoTool(&'static str),
    /// A tool refused a line: a kernel that lacks something, or a mistake of ours.
    #[error("{tool} in {node}: {said}\n{lines}")]
    Refused {
        /// `ip`, `tc` or `nft`.
        tool: &'static str,
        /// The namespace.
        node: String,
        /// What the tool said.
        said: String,
        /// What it was given.
        lines: String,
    },
    /// A kernel parameter could not be set.
    #[error("kernel parameter {key} in {node}: {error}")]
    Parameter {
        /// The parameter.
        key: String,
        /// The namespace.
        node: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file of a host could not be written.
    #[error("a file of {node}: {error}")]
    File {
        /// The host.
        node: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A service of ours in the network could not be started.
    #[error("the {what} of {node}: {error}")]
    Service {
        /// What it is.
        what: &'static str,
        /// The host or router.
        node: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A program could not be started.
    #[error("{program}: {error}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// There is no such host, router or switch.
    #[error("there is no node {0:?}")]
    NoNode(String),
    /// A namespace has ended.
    #[error(transparent)]
    Gone(#[from] Gone),
}

impl WorldError {
    pub(super) fn namespace(error: io::Error) -> Self {
        // Limits of user namespaces show as "no space".
        let limits = [io::ErrorKind::PermissionDenied, io::ErrorKind::StorageFull];
        if limits.contains(&error.kind()) {
            Self::NotAllowed(error)
        } else {
            Self::Namespace(error)
        }
    }
}

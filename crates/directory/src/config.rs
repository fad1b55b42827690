use std::time::Duration;

use dolab_wire::cloud::{MAX_PEERS, REANNOUNCE_SECS, REGISTRATION_SECS};

/// How a directory is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a registration lasts without being renewed. 15 minutes (a blog's word).
    pub lifetime: Duration,
    /// When a device is told to join again. 12 minutes (**assumed**: something less than the
    /// lifetime).
    pub interval: Duration,
    /// Peers in an answer, whatever is asked for. 255.
    pub max_peers: usize,
    /// Bytes of memory, counted as allocated. 512 MiB: a million devices and more.
    ///
    /// When they are used up, new registrations are refused with [`JoinError::Full`], and devices
    /// that are registered renew theirs as before. The other way, to drop the oldest, would let
    /// anyone who joins often enough wash out every real device; this way a flood keeps newcomers out
    /// for no longer than a lifetime.
    ///
    /// [`JoinError::Full`]: crate::JoinError::Full
    pub max_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(REGISTRATION_SECS),
            interval: Duration::from_secs(REANNOUNCE_SECS),
            max_peers: MAX_PEERS,
            max_bytes: 512 << 20,
        }
    }
}

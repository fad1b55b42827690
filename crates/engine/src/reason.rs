use std::fmt;

/// Why the engine wants to be woken at a moment, or why it gave up waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// A connection that was asked for has to stand.
    Dial,
    /// The other side has to shake hands.
    Handshake,
    /// Something, if only a keepalive, has to come from the peer.
    Idle,
    /// What was requested has to come, or to come further.
    Request,
    /// The peer has to take what it asked for.
    Send,
    /// The peer has to unchoke this device, which wants something of it.
    Choked,
    /// Nothing was sent for so long that a keepalive is due.
    KeepAlive,
    /// A connection that neither side needs is kept a little longer.
    Linger,
    /// Upload slots go round.
    Rotation,
    /// A peer may be dialled again.
    Redial,
    /// A content without any peer is given up on.
    Starvation,
    /// HTTP sources are looked at: one may be asked, or nothing moves.
    Http,
    /// A rate allows more.
    Rate,
    /// A body takes so long that others need not wait for it.
    Lane,
}

impl fmt::Display for Reason {
    /// What did not happen, so that it reads well behind `timed out:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dial => "the connection did not come about",
            Self::Handshake => "the peer did not shake hands",
            Self::Idle => "nothing came from the peer, not even a keepalive",
            Self::Request => "the peer does not send what it was asked for",
            Self::Send => "the peer does not take what it asked for",
            Self::Choked => "the peer never allowed a request",
            Self::KeepAlive => "nothing was sent for a while",
            Self::Linger => "neither side asked for anything",
            Self::Rotation => "upload slots go round",
            Self::Redial => "a peer may be dialled again",
            Self::Starvation => "no peer is left to fetch from",
            Self::Http => "HTTP sources are looked at",
            Self::Rate => "a rate allows more",
            Self::Lane => "a body takes long to leave",
        })
    }
}

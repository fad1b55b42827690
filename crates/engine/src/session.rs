use std::collections::VecDeque;

use dolab_content::{ContentId, PieceMap};
use dolab_wire::swarm::{Block, PeerId};

use crate::{
    Instant, SessionState,
    depth::Depth,
    pipeline::{Late, Pipeline},
};

/// How far a connection has come. Each state owns what is only valid in it; the end of a
/// connection is that it is no longer there.
#[derive(Debug)]
pub(crate) enum Session {
    /// The driver was asked to connect.
    Dialling {
        /// For this content.
        content: ContentId,
    },
    /// Our handshake is out, theirs is due: the side that dialled speaks first (observed).
    Greeting {
        /// For this content.
        content: ContentId,
    },
    /// Accepted: which content it is for shows only their handshake.
    Awaiting,
    /// Both shook hands. Our bitfield is out, theirs is due (observed: both sides send one).
    Mapping(Joined),
    /// Pieces go both ways.
    Exchanging(Box<Exchange>),
}

/// What both handshakes settled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    pub(crate) content: ContentId,
    pub(crate) peer: PeerId,
}

/// A peer whose pieces are known.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) joined: Joined,
    /// The pieces that it has.
    pub(crate) theirs: PieceMap,
    /// Whether its pieces count for their rarity: not so of one that came complete.
    pub(crate) counted: bool,
    /// How many of its pieces are missing here.
    pub(crate) wanted: u32,
    /// Whether it was told that we are interested.
    pub(crate) interested: bool,
    /// Whether it said that it is interested.
    pub(crate) wants: bool,
    pub(crate) download: Download,
    pub(crate) upload: Upload,
    /// Chokes in a row that left requests unanswered, with no answer in between.
    pub(crate) fruitless: u32,
    pub(crate) depth: Depth,
    pub(crate) late: Late,
}

/// From the peer to this device. Assumed: as in BitTorrent, both sides begin choked.
#[derive(Debug)]
pub(crate) enum Download {
    /// The peer answers no requests.
    Choked {
        /// Since it does so, or since we are interested if that came later.
        since: Instant,
    },
    /// The peer answers requests.
    Unchoked(Pipeline),
}

/// From this device to the peer.
#[derive(Debug)]
pub(crate) enum Upload {
    /// Requests are not answered.
    Choked {
        /// How many may come all the same, because they crossed the choke on the way.
        crossing: usize,
    },
    /// Requests are answered in the order in which they came.
    Unchoked {
        /// What is not handed to the driver yet.
        queue: VecDeque<Block>,
        /// What the peer makes of it.
        use_made: Use,
    },
}

/// What a peer makes of its upload slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    /// When it got the slot.
    pub(crate) since: Instant,
    /// When it last took something, or got the slot.
    pub(crate) taken: Instant,
    /// Bytes of bodies that it took.
    pub(crate) bytes: u64,
}

impl Session {
    pub(crate) fn state(&self) -> SessionState {
        match self {
            Self::Dialling { .. } => SessionState::Dialling,
            Self::Greeting { .. } => SessionState::Greeting,
            Self::Awaiting => SessionState::Awaiting,
            Self::Mapping(_) => SessionState::Mapping,
            Self::Exchanging(_) => SessionState::Exchanging,
        }
    }

    pub(crate) fn content(&self) -> Option<ContentId> {
        match self {
            Self::Dialling { content } | Self::Greeting { content } => Some(*content),
            Self::Awaiting => None,
            Self::Mapping(_) | Self::Exchanging(_) => self.joined().map(|joined| joined.content),
        }
    }

    pub(crate) fn joined(&self) -> Option<Joined> {
        match self {
            Self::Dialling { .. } | Self::Greeting { .. } | Self::Awaiting => None,
            Self::Mapping(joined) => Some(*joined),
            Self::Exchanging(exchange) => Some(exchange.joined),
        }
    }
}

impl Exchange {
    pub(crate) fn new(
        joined: Joined,
        theirs: PieceMap,
        wanted: u32,
        now: Instant,
        depth: Depth,
    ) -> Self {
        Self {
            joined,
            counted: !theirs.is_full(),
            theirs,
            wanted,
            interested: false,
            wants: false,
            download: Download::Choked { since: now },
            upload: Upload::Choked { crossing: 0 },
            fruitless: 0,
            depth,
            late: Late::default(),
        }
    }

    /// What is asked for, when it may ask.
    pub(crate) fn pipeline(&self) -> Option<&Pipeline> {
        match &self.download {
            Download::Choked { .. } => None,
            Download::Unchoked(pipeline) => Some(pipeline),
        }
    }

    /// What is asked for, when it may ask.
    pub(crate) fn pipeline_mut(&mut self) -> Option<&mut Pipeline> {
        match &mut self.download {
            Download::Choked { .. } => None,
            Download::Unchoked(pipeline) => Some(pipeline),
        }
    }

    /// Requests of the peer that wait here.
    pub(crate) fn queued(&self) -> usize {
        match &self.upload {
            Upload::Choked { .. } => 0,
            Upload::Unchoked { queue, .. } => queue.len(),
        }
    }
}

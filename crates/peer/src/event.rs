use std::{net::SocketAddr, sync::Arc};

use dolab_content::{ContentId, StoreError};
use dolab_engine::ConnId;

/// Something that happened on a peer, for logs, reports and progress bars.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Something that the engine tells.
    Exchange(dolab_engine::Event),
    /// The listener was reached: a TCP connection stands. Whatever becomes of it, and whatever it
    /// speaks.
    Accepted {
        /// Where it comes from.
        remote: SocketAddr,
        /// The address of ours that it came to.
        local: SocketAddr,
    },
    /// A verified piece could not be kept. [`dolab_engine::Event::Failed`] follows.
    StoreFailed {
        /// The content.
        content: ContentId,
        /// The piece.
        piece: u32,
        /// Why.
        error: Arc<StoreError>,
    },
    /// Bytes of a content that another peer asked for could not be read here.
    SourceFailed {
        /// The content.
        content: ContentId,
        /// The connection that asked, which is closed.
        conn: ConnId,
        /// Why.
        error: Arc<StoreError>,
    },
    /// A connection to a public address was wanted, and not made.
    RefusedPublic {
        /// The address.
        addr: SocketAddr,
    },
}

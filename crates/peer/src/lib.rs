//! A Delivery Optimization peer: it listens on TCP 7680, shares what the user named, and fetches
//! from others, piece by piece and verified.
//!
//! ```no_run
//! # async fn example(hashes: std::sync::Arc<dolab_content::PiecesHashFile>) -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use dolab_content::{Discard, PieceMap};
//! use dolab_peer::{Download, Peer, PeerConfig, Priority};
//!
//! let peer = Peer::start(PeerConfig::default()).await?;
//! let transfer = peer
//!     .download(Download {
//!         name: "update.cab".into(),
//!         have: PieceMap::empty(hashes.layout().pieces()),
//!         hashes,
//!         sink: Arc::new(Discard),
//!         source: None,
//!         priority: Priority::Foreground,
//!         sources: None,
//!     })
//!     .await?;
//! peer.candidate(transfer.content(), "192.168.1.31:7680".parse()?).await;
//! println!("{} bytes", transfer.finished().await?.bytes);
//! peer.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! One task runs the [engine](dolab_engine), which decides everything and sees no byte of a piece.
//! Each connection has a task. A body is read from the socket straight into the buffer of its
//! piece, hashed on another thread while the rest is still coming, and handed to the
//! [`Sink`](dolab_content::Sink) on a third, once, when the hash was found good. Nothing is read
//! back. On Linux what goes out goes from the page cache to the socket by `sendfile`.
//!
//! Everything is bounded; [`PeerConfig`] says by how much. A disk that hangs holds up its own
//! content only.

mod actor;
mod config;
mod conn;
mod counters;
mod data;
mod error;
mod event;
mod greet;
mod measure;
mod net;
mod origin;
mod peer;
mod shared;
mod snapshot;
mod throttle;
mod transfer;

pub use config::{PORT, PeerConfig};
pub use counters::Counts;
pub use dolab_engine::{
    ByKind, CandidateReport, FetchFailure, GiveUp, Limits, Rules, SourceId, SourceKind, Traffic,
};
pub use dolab_wire::{PeerType, Priority};
pub use error::{AddError, StartError};
pub use event::Event;
pub use greet::Foreign;
pub use measure::{Measurement, Probe, Verify};
pub use net::{FarEnd, SocketOptions, Stream, TcpInfo, connect, is_near};
pub use origin::{PacedBody, Pacer, SourceError, Sources};
pub use peer::{Download, Peer, Shared};
pub use snapshot::{ConnectionView, ContentView, Fetches, Snapshot};
pub use throttle::Background;
pub use transfer::{
    PieceOrigin, Progress, Provenance, Sender, Transfer, TransferError, TransferReport,
};

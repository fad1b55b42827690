//! What Delivery Optimization shares: contents, cut into pieces, each with its SHA-256.
//!
//! - [`ContentId`], [`Layout`], [`PieceRange`], [`PieceMap`]: what to call a content and its parts.
//! - [`Source`] and [`Sink`]: where bytes come from and where verified pieces go.
//!
//! No sockets. What needs a disk is there on Unix and Windows only; the rest builds anywhere.

mod id;
mod io;
mod layout;
mod piece_map;

pub use id::{ContentId, ParseIdError};
pub use io::{Sink, Source, StoreError};
pub use layout::{Layout, LayoutError, PieceRange};
pub use piece_map::{PieceMap, PieceMapError};

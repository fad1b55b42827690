//! What Delivery Optimization shares: contents, cut into pieces, each with its SHA-256.
//!
//! - [`ContentId`], [`Layout`], [`PieceRange`], [`PieceMap`]: what to call a content and its parts.
//! - [`PiecesHashFile`], [`PieceHasher`], [`hash_source`]: what every piece has to hash to.
//! - [`Source`] and [`Sink`]: where bytes come from and where verified pieces go. [`Synthetic`]
//!   makes bytes up, [`SharedFile`] reads a file of the user's, [`Store`] is a download in
//!   progress, [`Discard`] keeps nothing.
//! - [`safe_name`]: what a name that a peer sent may be used for.
//!
//! No sockets. What needs a disk is there on Unix and Windows only; the rest builds anywhere.

#[cfg(any(unix, windows))]
mod disk;
mod hasher;
mod id;
mod io;
mod layout;
mod name;
mod phf;
mod piece_map;
mod sha256;
#[cfg(any(unix, windows))]
mod shared_file;
#[cfg(any(unix, windows))]
mod store;
mod synthetic;

pub use hasher::{PieceHasher, hash_source};
pub use id::{ContentId, ParseIdError};
pub use io::{Discard, Sink, Source, StoreError};
pub use layout::{Layout, LayoutError, PieceRange};
pub use name::{NameError, safe_name};
pub use phf::{HashFileError, PiecesHashFile};
pub use piece_map::{PieceMap, PieceMapError};
#[cfg(any(unix, windows))]
pub use shared_file::SharedFile;
#[cfg(any(unix, windows))]
pub use store::{Existing, Store};
pub use synthetic::Synthetic;

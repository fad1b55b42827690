//! The way of a piece from the socket to the store: leased buffers, hash threads, store threads.

mod hash;
mod incoming;
mod pool;
mod queue;
mod store;

pub(crate) use hash::Hashers;
pub(crate) use incoming::{Incoming, PieceName, Whole};
pub(crate) use pool::{Lease, Pool};
use queue::{Next, Queue};
pub(crate) use store::Lane;

#[cfg(test)]
mod tests;

//! The sans-IO brain of the cloud: who joined which content, and who may meet whom.
//!
//! A device joins a content ([`Directory::join`]), is told of others that have it, and is itself
//! told to others until it leaves or its registration ends. No sockets, no clock: time is an
//! [`Instant`] that is handed in, randomness a seed, and no hash map is iterated, so the same calls
//! give the same answers on every system.
//!
//! # Who may meet
//!
//! Two devices may meet when each is in the scope of the other:
//!
//! - Mode 1 (Lan): same public address (documented).
//! - Mode 2 (Group): same group id, behind whatever address (documented). A group id counts in this
//!   mode only (documented). Without one a device meets nobody (**assumed**).
//! - Mode 3 (Internet): everyone (documented) in whose scope it is itself: others in mode 3, and
//!   those in mode 1 behind the same public address (**assumed**: nothing says how modes mix).
//! - Modes 0, 99, 100: nobody (documented: they do without peers).
//!
//! In the modes 1 and 2, and only there (documented), a device can narrow that further:
//!
//! - By its **subnet**: the network that its private address and mask name, which every join carries
//!   (observed; that the service applies it is inferred). Two networks are the same when address and
//!   mask are; behind which public address they are does not matter, since sites with several ways
//!   out are what Group mode is for (**assumed**). A device that names no subnet then meets nobody.
//! - By **local discovery**: its peers come by DNS-SD on the link and from nowhere else. Those are
//!   typed LinkLocal and every other type is assigned by the cloud (documented), so the cloud
//!   offers such a device nobody, and offers it to nobody (**assumed**).
//!
//! Servers meet only servers and clients only clients (a vendor's word). A device that has all of a
//! content is not offered to another one that has, and one that may not send is offered to nobody
//! (**assumed**).
//!
//! # What is offered
//!
//! As many as are wanted, at most 255 (the one sample of a join asks for that many). The nearest come
//! first: same public address and subnet, same public address, same subnet, then anyone; in Group
//! mode peers on the LAN are preferred (documented), for the others that is **assumed**. Within
//! each of these the choice is random. "Same public address" is for IPv6 the same /64, since a
//! device there has an address of its own (**assumed**).
//!
//! Each comes with its type: [`Lan`](PeerType::Lan) behind the same public address, also in Group
//! mode (documented), else [`Group`](PeerType::Group) or [`Internet`](PeerType::Internet).
//!
//! # What it costs
//!
//! A join takes time in proportion to what it is offered, and not to how many are registered. Memory is
//! bounded by [`Config::max_bytes`], counted as allocated: see there for what happens when it is full.

mod age;
mod arena;
mod circle;
mod config;
mod crowd;
mod directory;
mod draw;
mod entry;
mod error;
mod index;
mod names;
mod snapshot;

pub use config::Config;
pub use directory::{Counts, Directory};
pub use dolab_wire::{Instant, PeerType};
pub use error::{JoinError, SnapshotError};

#[cfg(test)]
mod tests;

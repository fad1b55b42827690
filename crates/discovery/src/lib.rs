//! The discovery client: who is there, found how.
//!
//! [`Discovery`] speaks DNS-SD over multicast DNS (RFC 6762, RFC 6763). It browses
//! `_dosvc._tcp.local`, the service under which Delivery Optimization's peers find each other on
//! the local link (observed), and on request announces this host there in the same form: the
//! instance is the host's name, SRV carries the port. What is in Microsoft's TXT record is not
//! known; ours says that a lab peer is there, and which contents it has.
//!
//! What is found comes as [`Event`]s about [`Candidate`]s, each with its source and age. Addresses
//! that the user named become candidates through [`Target`].
//!
//! [`dhcp`] asks a site's DHCP server for the group and for Connected Caches.
//!
//! [`cloud`] asks Delivery Optimization's cloud service, whose offers become candidates too.
//!
//! Everything that comes from the network is bounded in size and number, and its text is made
//! printable before it leaves this crate.

mod calls;
mod candidate;
pub mod cloud;
mod config;
mod daemon;
pub mod dhcp;
mod error;
mod record;
mod shared;
mod sightings;
mod stream;
mod target;
mod task;
pub mod txt;

pub use candidate::{Call, Candidate, Event, GroupMark, Kind, LabPeer, Source};
pub use config::{Announcement, DiscoveryConfig, Interfaces, SERVICE};
pub use daemon::{CallGuard, Discovery};
pub use error::DiscoveryError;
pub use stream::Candidates;
pub use target::{DO_PORT, Target, TargetError};
pub use txt::{CallRequest, CallTarget};

//! Bytes to messages and back, for everything that Delivery Optimization peers say to each other.
//!
//! This crate has no I/O, no clock, no threads and no randomness. It never touches the bytes of a
//! piece: a [`swarm::Head`] tells how many follow, and the caller moves them.
//!
//! - [`swarm`]: the Swarm protocol of TCP 7680.
//! - [`preface`]: the first bytes of a connection, which name the protocol that it speaks.
//! - [`session`]: dolab's own session, in which a check runs.
//! - [`teredo`]: Teredo's packets on UDP 3544.
//! - [`cloud`]: hosts, paths and JSON of Delivery Optimization's cloud service.
//! - [`relay`]: how two lab peers meet through the simulated cloud. Ours.
//! - [`download_mode`] and [`peer_type`]: the numbers and names that policies, joins and the status share.
//! - [`text`]: names and words of strangers, made safe to show.
//! - [`do_code`]: the error codes that administrators know from Delivery Optimization's own logs.

pub mod cloud;
pub mod do_code;
pub mod download_mode;
mod error;
mod near;
pub mod peer_type;
pub mod preface;
mod priority;
pub mod relay;
pub mod session;
pub mod swarm;
pub mod teredo;
pub mod text;
mod time;

pub use do_code::DoCode;
pub use download_mode::DownloadMode;
pub use error::{Incompatible, Malformed, WireError};
pub use near::is_near;
pub use peer_type::PeerType;
pub use priority::Priority;
pub use time::Instant;

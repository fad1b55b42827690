//! The brain of one Delivery Optimization device, without I/O.
//!
//! [`Engine::handle`] takes an [`Input`]; then [`Engine::poll_output`] is drained until it yields
//! nothing; then the caller sleeps until [`Engine::poll_timeout`] or the next input. The engine
//! reads no clock, draws randomness only from the seed it was given, and never sees the bytes of a
//! piece: it decides, the driver moves. The same seed and the same calls give the same outputs.
//!
//! # What it rests on
//!
//! The messages are observed; the rules for sending them are mostly not known. Where Delivery
//! Optimization's documents are silent, the engine does as BitTorrent does: both sides begin
//! choked, requests need an unchoke, the rarest piece comes first. Each field of [`Config`] and
//! each [`PeerViolation`] says what it rests on.
//!
//! # How it is laid out
//!
//! - A [`Config`], [`Input`]s and [`Output`]s, the [`Reason`] of each deadline, and blame: a
//!   [`PeerViolation`] is the peer's fault, a [`Misuse`] the caller's.
//! - A session has five [states](SessionState); which input leads from which to which is kept as a
//!   table in the tests' snapshots, with a picture of it for Graphviz.
//! - A piece is fetched over one connection, so that a bad one has one sender. Only when nothing
//!   else is left to ask for are the last pieces asked of several peers.
//!
//! # Bounds
//!
//! [`Config::max_outstanding`] bounds what the driver has to hold of pieces. The engine's own
//! memory is bounded by [`Config::max_connections`], times a piece map, twice
//! [`Config::max_requests_per_connection`] blocks that may come late and once as many that wait;
//! by [`Config::max_candidates`] and some 16 bytes a piece for each content that misses pieces;
//! and by 4096 senders of bad pieces. An input costs time logarithmic in connections and pieces;
//! only a bitfield, the end of a connection, and a piece that was stored cost more, and a stored
//! piece no more than a message to every peer.

mod addresses;
mod bans;
mod budget;
mod candidates;
mod cap;
mod config;
mod connection;
mod connections;
mod depth;
mod engine;
mod error;
mod hybrid;
mod io;
mod kind;
mod lanes;
pub mod ledbat;
mod picker;
mod pipeline;
mod rarity;
mod rate;
mod reason;
mod report;
mod rules;
mod session;
mod slots;
mod source;
mod swarm;
mod timers;
mod traffic;

#[cfg(test)]
mod tests;

pub use config::{Config, RequestSize};
pub use dolab_wire::Instant;
pub use engine::Engine;
pub use error::{Misuse, PeerViolation};
pub use io::{
    BodyOutcome, CloseReason, Command, ConnId, DialFailure, Event, GiveUp, Initiator, Input,
    Output, PieceOutcome,
};
pub use reason::Reason;
pub use report::{CandidateReport, ConnectionReport, ContentReport, Counters, SessionState};
pub use rules::{Limits, Rules};
pub use source::{FetchFailure, Source, SourceId, SourceKind};
pub use traffic::{ByKind, Traffic};

//! The brain of one Delivery Optimization device, without I/O.
//!
//! [`Engine::handle`] takes an [`Input`]; then [`Engine::poll_output`] is drained until it yields
//! nothing; then the caller sleeps until [`Engine::poll_timeout`] or the next input. The engine
//! reads no clock, draws randomness only from the seed it was given, and never sees the bytes of a
//! piece: it decides, the driver moves.

mod addresses;
mod bans;
mod budget;
mod candidates;
mod config;
mod connection;
mod depth;
mod engine;
mod error;
mod io;
mod picker;
mod pipeline;
mod rate;
mod reason;
mod report;
mod session;
mod slots;
mod swarm;
mod time;
mod timers;

#[cfg(test)]
mod tests;

pub use config::{Config, RequestSize};
pub use engine::Engine;
pub use error::{Misuse, PeerViolation};
pub use io::{
    BodyOutcome, CloseReason, Command, ConnId, DialFailure, Event, Initiator, Input, Output,
    PieceOutcome,
};
pub use reason::Reason;
pub use report::{ConnectionReport, ContentReport, Counters, SessionState};
pub use time::Instant;

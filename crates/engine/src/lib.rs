//! The brain of one Delivery Optimization device, without I/O.
//!
//! [`Engine::handle`] takes an [`Input`]; then [`Engine::poll_output`] is drained until it yields
//! nothing; then the caller sleeps until [`Engine::poll_timeout`] or the next input. The engine
//! reads no clock, draws randomness only from the seed it was given, and never sees the bytes of a
//! piece: it decides, the driver moves.

mod io;
mod time;

pub use io::{
    BodyOutcome, CloseReason, Command, ConnId, DialFailure, Event, Initiator, Input, Output,
    PieceOutcome,
};
pub use time::Instant;

//! The check session: how two sides of a check talk, over whatever stream the network lets through.
//!
//! - `channel`: messages over a stream.
//! - `opening`: the first messages, the proof of the key, and the hellos.
//! - `asker`: the side that checks: questions with their answers.
//! - `answerer`: the other side.
//! - [`limits`]: what a stranger can make this host do.

pub(crate) mod answerer;
pub(crate) mod asker;
pub(crate) mod channel;
mod error;
pub mod limits;
pub(crate) mod opening;

pub use error::SessionError;

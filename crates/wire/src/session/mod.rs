//! dolab's own session, in which two hosts prove to each other what the network lets through.
//!
//! After the [preface](crate::preface) each side sends [`Frame`]s: a 32-bit big-endian length, and
//! that many bytes of JSON that hold one [`Message`], tagged by its `type`.
//!
//! 1. Both sides send [`Message::Open`] at once: versions, nonces, and whether a key is demanded.
//! 2. With a key, both send [`Message::Proof`], the side that opened the connection first.
//! 3. Both send [`Message::Hello`]: who they are and what listens there. Nothing of this is told to
//!    a stranger who has the wrong key.
//! 4. The side that checks sends [`Message::Ask`], the other answers with [`Message::Reply`] of the
//!    same number, in any order, until one of them says [`Message::Bye`].
//!
//! Room to grow: fields and types that a side does not know are skipped, an unknown question is
//! answered by [`Refusal::Unsupported`]. What the two sides observed (`evidence`) is carried as
//! JSON values, since its types belong to those who judge it.
//!
//! All of this is our own invention; nothing of it is spoken by Windows.

mod ask;
mod frame;
mod hello;
mod message;

pub use ask::{Ask, ContentEntry, ExchangeResult, Offer, Reply, TraceWay};
pub use frame::{Frame, MAX_FRAME_LEN, SessionFormatError};
pub use hello::{Digest, Hello, Open, PortState, Role, VERSION};
pub use message::{Message, Refusal};

#[cfg(test)]
mod tests;

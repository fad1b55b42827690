//! The benchmark between two hosts: how fast the wire is, and what the protocol, the hashing and
//! the disk each cost.

pub mod compare;
mod rate;
pub mod report;

pub use rate::Rate;

//! The benchmark between two hosts: how fast the wire is, and what the protocol, the hashing and
//! the disk each cost.

pub mod report;

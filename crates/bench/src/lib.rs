//! The benchmark between two hosts: how fast the wire is, and what the protocol, the hashing and
//! the disk each cost.
//!
//! - [`run`]: the side that runs a benchmark, against one or several peers.
//! - [`Server`]: the side that takes part, handed to a `dolab_check::Station`.
//! - [`report`]: what a benchmark says.
//!
//! Control goes over the check session; the bytes go over connections of their own to the same
//! port, each of which brings a token that the session handed out. One side opens all of them, so a
//! firewall that lets one connection through lets the benchmark through, in both directions.

mod about;
pub mod compare;
mod end;
mod error;
mod flow;
mod latency;
mod limits;
mod merge;
mod pace;
mod pair;
mod proto;
mod rate;
mod raw;
mod remote;
pub mod report;
mod run;
mod sampler;
mod server;
mod stall;
mod swarm;
mod window;

pub use error::BenchError;
pub use limits::Limits;
pub use rate::Rate;
pub use run::{Plan, run};
pub use server::Server;

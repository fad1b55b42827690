//! The paired check: can these two hosts share, and if not, what is in the way?
//!
//! - [`blame`]: from evidence to a claim, or to "unknown".
//! - [`evidence`]: what was seen of a path, by whom.
//! - [`witness`] and [`icmp`]: what crosses this host's wire, and who sent an ICMP error.
//! - [`report`]: what a check says, as types and as the JSON of `dolab.check/1`.

pub mod blame;
pub mod evidence;
pub mod icmp;
pub mod report;
pub mod witness;

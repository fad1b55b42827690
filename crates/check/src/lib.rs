//! The paired check: can these two hosts share, and if not, what is in the way?
//!
//! - [`evidence`]: what was seen of a path, by whom.
//! - [`report`]: what a check says, as types and as the JSON of `dolab.check/1`.

pub mod evidence;
pub mod report;

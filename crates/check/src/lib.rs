//! The paired check: can these two hosts share, and if not, what is in the way?
//!
//! - [`report`]: what a check says, as types and as the JSON of `dolab.check/1`.

pub mod report;

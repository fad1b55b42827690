//! One Delivery Optimization device: policies, gates, the cloud service, downloads that mix peers,
//! a Connected Cache and the origin, the cache that is shared on, and what administrators read of
//! it.
//!
//! - [`report`]: the objects of Microsoft's cmdlets, as data.

mod counters;
pub mod report;
mod state;

pub use counters::Month;
pub use state::{Entry, State, StateError, View};

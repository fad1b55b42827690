//! Every policy of Delivery Optimization as a typed value, and what it decides.
//!
//! Nothing here does I/O, reads a clock or knows this host: what was set and what a device is like are
//! handed in, so that the policies of any device can be judged anywhere.
//!
//! - [`table`]: every policy as data: names, range, unit, defaults with who states them.
//! - [`Settings`]: what somebody set, and where it stands.
//! - [`Policies`]: what holds, merged by the providers' precedence, with where each value came from.

mod guid;
mod name;
mod os;
mod policies;
mod priority;
mod provider;
mod settings;
pub mod table;
mod value;

pub use guid::{Guid, NoGuid};
pub use name::{Name, UnknownPolicy};
pub use os::{Os, UnknownOs};
pub use policies::{
    Basis, CacheHostSource, Effective, GroupIdSource, Origin, Policies, Restriction,
};
pub use priority::Priority;
pub use provider::{KEYS, Key, Provider};
pub use settings::{Change, Place, Setting, Settings};
pub use value::{BadValue, Hours, MAX_TEXT, Raw, Value};

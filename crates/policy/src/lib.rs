//! Every policy of Delivery Optimization as a typed value, and what it decides.
//!
//! Nothing here does I/O, reads a clock or knows this host: what was set and what a device is like are
//! handed in, so that the policies of any device can be judged anywhere.
//!
//! - [`table`]: every policy as data: names, range, unit, defaults with who states them.
//! - [`Settings`]: what somebody set, and where it stands.
//! - [`Policies`]: what holds, merged by the providers' precedence, with where each value came from.
//! - [`gates`]: what keeps a download from peers or a device from serving them, with reasons.
//! - [`Limits`] and [`Group`]: how fast, and with whom.

pub mod gates;
mod group;
mod guid;
mod kept;
mod limits;
mod name;
mod os;
mod policies;
mod provider;
mod read;
mod settings;
mod situation;
pub mod table;
mod value;

pub use dolab_wire::Priority;
pub use group::{Group, GroupFacts, GroupOrigin, Tried};
pub use guid::{Guid, NoGuid};
pub use kept::{Held, Overruled, Told};
pub use limits::{DYNAMIC_BACKGROUND, DYNAMIC_FOREGROUND, Limits, PercentFrom};
pub use name::{Name, UnknownPolicy};
pub use os::{Os, UnknownOs};
pub use policies::{
    Basis, CacheHostSource, Effective, GroupIdSource, Note, Origin, Policies, Restriction,
};
pub use provider::{KEYS, Key, Provider};
pub use read::{
    MAX_FILE, MAX_PROBLEMS, Problem, ReadError, RegistryValue, Trouble, problems_of_table,
};
pub use settings::{Change, Place, Setting, Settings};
pub use situation::Situation;
pub use value::{BadValue, Hours, MAX_TEXT, Raw, Value};

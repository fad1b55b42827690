//! The paired check: can these two hosts share, and if not, what is in the way?
//!
//! - [`mod@bench`]: where benchmarks come in.
//! - [`blame`]: from evidence to a claim, or to "unknown".
//! - [`evidence`]: what was seen of a path, by whom.
//! - [`witness`] and [`icmp`]: what crosses this host's wire, and who sent an ICMP error.
//! - [`hops`]: the way between the two hosts, router by router.
//! - [`Station`]: one side of a check: what listens and answers, and what asks.
//! - [`case`], [`findings`], [`verdict`]: all that a check has learnt, what is wrong, and the answer.
//! - [`firewall`]: the rules that open a path, as commands.
//! - [`site`]: diagnosis from what devices know of themselves.
//! - [`report`]: what a check says, as types and as the JSON of `dolab.check/1`.

pub mod bench;
pub mod blame;
pub mod case;
mod contents;
mod control;
pub mod evidence;
mod exchange;
pub mod findings;
pub mod firewall;
pub mod hops;
pub mod icmp;
mod key;
mod probe;
pub mod report;
mod responder;
mod run;
pub mod session;
mod sighting;
pub mod site;
mod station;
mod target;
pub mod verdict;
mod wire_view;
pub mod witness;

pub use contents::{FetchHashesError, Offered, fetch_contents, fetch_hashes};
pub use key::{EmptyKey, Key};
pub use run::{CheckOptions, Progress};
pub use session::SessionError;
pub use station::{
    ListenerState, PortWish, Ports, SessionEvent, Station, StationConfig, StationError,
};
pub use target::{Target, TargetPorts};

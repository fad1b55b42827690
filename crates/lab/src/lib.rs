//! The failure lab: networks made of namespaces on one Linux machine, with faults that come and go.
//!
//! ```text
//!  Topology ─ validated ─▶ plan: the exact ip, nft and tc lines, in order ─▶ World (Linux)
//!  Fault ───────────────▶ changes: what applies it, what lifts it ─────────▶ World::apply, lift
//! ```
//!
//! [`topology`] and [`fault`] are data and exist on every system; `world` and `enclosure` need Linux.

#[cfg(target_os = "linux")]
pub mod enclosure;
pub mod fault;
pub mod report;
#[cfg(target_os = "linux")]
pub mod run;
pub mod scenario;
pub mod topology;
#[cfg(target_os = "linux")]
pub mod world;

mod plan;

pub use fault::Fault;
pub use plan::Kernel;
pub use topology::Topology;

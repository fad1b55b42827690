//! What captures say about Delivery Optimization: who connected to whom on TCP 7680, what they said
//! to each other, and what is wrong with it; and what stands beside it by DNS-SD and Teredo.
//!
//! A library without async: [`dissect`] reads pcap or pcapng from anything that can be read,
//! in bounded memory, tells [`Event`]s as they come and ends with a [`report::Report`]. Files that are
//! cut off or damaged give what they hold.

pub mod capture;
mod dissector;
pub mod event;
mod findings;
mod names;
mod packet;
pub mod report;
mod swarm;
mod tcp;
mod teredo;

pub use capture::CaptureError;
pub use dissector::{Options, dissect};
pub use event::Event;
pub use findings::{Finding, Kind, Severity};
pub use names::{Asker, Service};
pub use teredo::TeredoPair;

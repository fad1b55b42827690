//! The simulated Delivery Optimization service: everything that a device asks Microsoft for, on one
//! host of a lab.
//!
//! - Over TLS, with an authority of its own: geo, key-value, content policy, discovery and array, with
//!   the paths and fields of `dolab_wire::cloud`.
//! - Over plain HTTP and TLS: contents with ranges, their pieces hash files, and Microsoft's test
//!   objects.
//! - Over UDP: the handshake of QUIC.
//!
//! [`Cloud::start`] opens the ports; [`Cloud::faults`] makes things go wrong on purpose. What a
//! stranger can make it spend is in [`Limits`].

mod access;
mod body;
mod cache;
mod catalogue;
mod cloud;
mod config;
mod error;
pub mod faults;
mod hosts;
mod limits;
mod metrics;
mod net;
mod origin;
mod registrations;
mod relay;
mod service;
mod state;
mod tls;

pub use catalogue::{Content, ContentRules};
pub use cloud::{Cloud, own_addresses};
pub use config::{CacheConfig, CloudConfig, CloudPorts, ServiceConfig};
pub use error::StartError;
pub use faults::{Fault, FaultKind, Faults};
pub use hosts::{HOSTS, Role, hosts_file};
pub use limits::Limits;
pub use service::AUTHORITY_PATH;
pub use state::StateError;
pub use tls::{Authority, AuthorityError};

//! The client of Delivery Optimization's cloud service: what a content may do, how its pieces are
//! verified, and who else has it.
//!
//! [`CloudClient`] asks each service once, in the documented order, with the endpoint that the
//! answer before named:
//!
//! ```text
//! geo ─▶ key-value ─┬▶ content policy ─▶ pieces hash file
//!   learn()         │    content()
//!                   └▶ discovery ─▶ array: join ... join ... leave
//!                                     Membership
//! ```
//!
//! A [`Membership`] keeps a device registered and tells of the devices that the cloud offers, as
//! [`Event`](crate::Event)s like those of DNS-SD.
//!
//! It asks the real service's names, which a lab points at a cloud of its own
//! ([`dolab_http::ClientConfig::names`]); it speaks to no public address unless it is allowed to.
//!
//! Each [`CloudError`] says whose fault it is, and carries the code that Windows would log.

mod client;
mod config;
mod error;
mod membership;
mod offers;
mod relay;

pub use client::{CloudClient, ContentName, Endpoints, Metadata};
pub use config::CloudClientConfig;
pub use error::CloudError;
pub use membership::{CloudEvent, Membership};
pub use relay::{Relay, RelayError};

//! A small HTTP/1.1 client: what the discovery client, the peer and a device need, and no more.
//!
//! ```no_run
//! # async fn example() -> Result<(), dolab_http::Error> {
//! use dolab_http::{Client, ClientConfig, Request, Trust};
//!
//! let client = Client::new(ClientConfig {
//!     trust: Trust::authorities_from_pem(b"-----BEGIN CERTIFICATE-----...")?,
//!     names: [(("geo.prod.do.dsp.mp.microsoft.com".into(), 443), "10.0.0.9:4430".parse().unwrap())].into(),
//!     ..ClientConfig::default()
//! });
//! let response = client.send(Request::get("https://geo.prod.do.dsp.mp.microsoft.com/geo")?).await?;
//! let geo: serde_json::Value = response.json().await?;
//! # Ok(())
//! # }
//! ```
//!
//! - A name is resolved by [`ClientConfig::names`] first, then by the system. Whatever comes of it,
//!   a public address is refused unless [`ClientConfig::allow_public`] is set.
//! - TLS trusts the certificates that it was given ([`Trust`]) and no others; without any, `https`
//!   is an error.
//! - Connections are kept and used again. Proxies are not used.
//! - Each wait has its limit: the connection, the answer, each pause inside a body.
//! - Each [`Error`] says whose fault it is, and has Delivery Optimization's code where one exists.
//!
//! # Bounds
//! 256 KiB of headers and of unread body for each connection, [`ClientConfig::max_idle`] idle
//! connections, and what the caller asks for in [`Body::collect`].

mod any_certificate;
mod client;
mod config;
mod connect;
mod error;
mod pool;
mod range;
mod request;
mod response;
mod trust;

pub use any_certificate::AnyCertificate;
pub use client::{Client, Upgraded};
pub use config::ClientConfig;
pub use error::{Error, Fault};
pub use hyper::{HeaderMap, Method, StatusCode, Uri, header};
pub use range::ContentRange;
pub use request::Request;
pub use response::{Body, Response, Timing};
pub use trust::Trust;

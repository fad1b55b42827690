//! One Delivery Optimization device: policies, gates, the cloud service, downloads that mix peers,
//! a Connected Cache and the origin, the cache that is shared on, and what administrators read of
//! it.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use dolab_device::{Device, DeviceConfig, Request};
//! use dolab_discovery::cloud::CloudClientConfig;
//!
//! let mut config = DeviceConfig::new("/var/lib/dolab");
//! config.cloud = Some(CloudClientConfig::default());
//! let device = Device::start(config).await?;
//! let outcome = device.download(Request::url("http://dl.delivery.mp.microsoft.com/a.cab")).await?;
//! println!("{:?}", outcome.status.efficiency());
//! device.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! - [`Device`]: gates, downloads, cache, registrations, accounts, log.
//! - [`View`]: what another process reads of a device, whether that runs or not.
//! - [`report`]: the objects of Microsoft's cmdlets, as data.
//!
//! # How a download goes
//!
//! ```text
//! gates ─▶ cloud: geo, key-value ─▶ content policy ─▶ piece hashes ─▶ gates ─┬▶ hybrid: peers,
//!   │        │ does not answer          │ no peers        │ none, altered    │  cache, origin
//!   │        ▼                          ▼                 ▼                  │  by the rules
//!   └──▶ simple: the whole over HTTP, with the code of the reason ◀──────────┘
//! ```
//!
//! # Bounds
//! [`State::MAX_FILES`], [`State::MAX_PEERS`], [`Entry::MAX_PEERS`], 8 MiB of log, and those of
//! the [peer](dolab_peer::PeerConfig) and the cache's quota.

mod book;
mod cache;
mod config;
mod counters;
mod device;
mod error;
pub mod report;
mod request;
mod simple;
mod state;

pub use config::DeviceConfig;
pub use counters::Month;
pub use device::Device;
pub use error::{DeviceError, DownloadError, PinError};
pub use request::{Outcome, Request, SourceReport, What};
pub use state::{
    About, Account, Entry, Gone, Registration, State, StateError, Trouble, TroubleKind, View,
};

use std::{fs, path::PathBuf};

use clap::Args;
use dolab_discovery::cloud::Relay;
use dolab_host::{Clock, ClockSetting};
use dolab_http::{Client, ClientConfig, Trust};

use crate::failure::Failure;

/// The cloud that a device belongs to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cloud")]
pub struct Site {
    /// Belong to the simulated cloud at this address, such as https://10.0.0.9: see `dolab cloud`.
    #[arg(long, env = "DOLAB_CLOUD", value_name = "URL")]
    pub cloud: Option<String>,

    /// Trust the certificates of this file: what `dolab cloud --ca-out` wrote.
    #[arg(long, env = "DOLAB_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Judge hours, months and certificates by another clock than this system's: by an offset such as
    /// +400d or -90m, or by one that shows a local date and time now, such as 2015-01-01T08:30:00.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub clock: Option<ClockSetting>,
}

impl Site {
    /// How the cloud is asked, if there is one.
    pub(crate) fn http(&self, allow_public: bool) -> Result<Option<ClientConfig>, Failure> {
        let Some(cloud) = &self.cloud else {
            return Ok(None);
        };
        let trust = match &self.ca {
            Some(path) => {
                let wrong = |error: &dyn std::fmt::Display| {
                    Failure::wrong_use(format!("--ca {}: {error}", path.display()))
                };
                let pem = fs::read(path).map_err(|error| wrong(&error))?;
                Trust::authorities_from_pem(&pem).map_err(|error| wrong(&error))?
            }
            None if cloud.starts_with("https:") => {
                return Err(Failure::wrong_use(
                    "no certificate is trusted, so the cloud can not be",
                )
                .hint("--ca FILE trusts what `dolab cloud --ca-out FILE` wrote"));
            }
            None => Trust::None,
        };
        Ok(Some(ClientConfig {
            trust,
            clock: self.clock(),
            allow_public,
            ..ClientConfig::default()
        }))
    }

    /// The clock that dates and hours are judged by.
    pub(crate) fn clock(&self) -> Clock {
        self.clock.map_or_else(Clock::default, ClockSetting::clock)
    }

    /// The cloud as go-between of lab peers, if there is one.
    pub(crate) fn relay(&self, allow_public: bool) -> Result<Option<Relay>, Failure> {
        let (Some(http), Some(cloud)) = (self.http(allow_public)?, &self.cloud) else {
            return Ok(None);
        };
        let relay = Relay::new(Client::new(http), cloud);
        relay
            .map(Some)
            .map_err(|error| Failure::wrong_use(format!("--cloud: {error}")))
    }
}

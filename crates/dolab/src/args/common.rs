//! Arguments that several commands share.

use std::{fs, net::IpAddr, path::PathBuf};

use clap::Args;
use dolab_check::Key;

use crate::failure::Failure;

/// Where this host listens.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Listening")]
pub struct ListenArgs {
    /// Listen on this address only, instead of all of this host's.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<IpAddr>,

    /// Listen for the exchange on this TCP port; 0 takes a free one.
    #[arg(long, default_value_t = 7680)]
    pub port: u16,

    /// Do not announce this host on the link by DNS-SD.
    #[arg(long)]
    pub no_announce: bool,
}

/// Who may talk to whom.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Access")]
pub struct Access {
    /// A secret that both hosts must hold: without it, the other side does nothing for a stranger.
    /// Others on this host can read it here; --key-file and the environment hide it.
    #[arg(long, env = "DOLAB_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Option<String>,

    /// Read the secret from the first line of this file. Comes before --key.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// Speak to public addresses too, and not only to private, link-local and loopback ones.
    #[arg(long)]
    pub allow_public: bool,
}

impl Access {
    /// The secret, if there is one.
    pub(crate) fn key(&self) -> Result<Option<Key>, Failure> {
        let text = match &self.key_file {
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    Failure::wrong_use(format!("--key-file {}: {error}", path.display()))
                })?;
                Some(
                    text.lines()
                        .next()
                        .unwrap_or_default()
                        .trim_end()
                        .to_owned(),
                )
            }
            None => self.key.clone(),
        };
        text.map(|text| Key::new(&text))
            .transpose()
            .map_err(Failure::wrong_use)
    }
}

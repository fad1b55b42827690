use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::{Duration, SystemTime},
};

use clap::Args;
use dolab_cloud::Fault;
use dolab_content::Layout;
use dolab_wire::cloud::REGISTRATION_SECS;

use super::SyntheticSpec;
use crate::{
    exit,
    units::{self, Rate, Size},
};

/// Be the cloud: the simulated Delivery Optimization service, for a lab without Microsoft
///
/// Serves what a device asks Microsoft for: geo, key-value, content policy, discovery and array over
/// TLS with a certificate authority of its own, contents with ranges and their pieces hash files over
/// HTTP, a Connected Cache, and the handshake of QUIC on UDP. Runs until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct CloudArgs {
    /// Serve a file as content, or every file of a folder; repeat for more.
    #[arg(long, value_name = "PATH")]
    pub share: Vec<PathBuf>,

    /// The same, but peers may not share it: its content policy says so.
    #[arg(long, value_name = "PATH")]
    pub share_without_peers: Vec<PathBuf>,

    /// Serve made-up content of this size, without a file; with the same seed (a number, 0 if not
    /// given) it is the same content everywhere. Repeat for more.
    #[arg(long, value_name = "SIZE[:SEED]")]
    pub share_synthetic: Vec<SyntheticSpec>,

    /// Size of the pieces of every content. Delivery Optimization's is 1 MiB, typically; whether
    /// Windows takes another is not known.
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = piece_size)]
    pub piece_size: u32,

    /// Write the certificate that devices have to trust into this file, in PEM.
    #[arg(long, value_name = "FILE")]
    pub ca_out: Option<PathBuf>,

    /// Keep registrations and the certificate authority in this file, so that a restart forgets
    /// nothing. It holds a secret key.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,

    /// Write every request into this file, one line of JSON each, behind what is there.
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,

    /// Print lines for a hosts file that lead the service's real names here, and stop.
    #[arg(long)]
    pub print_hosts: bool,

    /// Let something go wrong on purpose, such as `path=/geo,status=503,times=3`; repeat for more.
    /// docs/cloud.md lists what can.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<Fault>,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub listening: CloudListening,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub told: CloudTold,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take a comment for help")]
    pub cache: CloudCache,
}

/// Where the cloud listens.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Listening")]
pub struct CloudListening {
    /// Listen on this address only, instead of all of this host's; repeat for more.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<IpAddr>,

    /// TCP port of the service over TLS; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    pub https: u16,

    /// TCP port of the contents; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    pub http: u16,

    /// UDP port of the QUIC handshake; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    pub quic: u16,

    /// Add this to the three ports, as in 8000 for 8443 and 8080.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub port_offset: u16,

    /// TCP port where Prometheus reads /metrics; on loopback, unless --listen names an address.
    #[arg(long, value_name = "PORT")]
    pub metrics: Option<u16>,

    /// A further name or address by which devices reach this host, such as that of a NAT before it;
    /// repeat for more. It goes into the certificate.
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,

    /// Speak to public addresses too, and not only to private, link-local and loopback ones.
    #[arg(long)]
    pub allow_public: bool,

    /// Take the address of a device from X-Forwarded-For, as behind a proxy. Anybody can claim any
    /// address then.
    #[arg(long)]
    pub trust_forwarded: bool,
}

/// What devices are told.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What devices are told")]
pub struct CloudTold {
    /// The country, two letters.
    #[arg(long, value_name = "CODE", default_value = "US", value_parser = country)]
    pub country: String,

    /// A Connected Cache for every device (CacheHost in the geo answer).
    #[arg(long, value_name = "HOST")]
    pub cache_host: Option<String>,

    /// CacheHostFlag in the geo answer: 1 sends devices to DHCP option 235.
    #[arg(long, value_name = "NUMBER")]
    pub cache_host_flag: Option<u32>,

    /// DownloadModeFailSafe in the geo answer, as it is to be sent.
    #[arg(long, value_name = "TEXT")]
    pub download_mode_fail_safe: Option<String>,

    /// A caller that may use peers, such as `WU Client Download`; repeat for more. Without it, those
    /// that were observed; `any` for every caller.
    #[arg(long, value_name = "NAME")]
    pub caller: Vec<String>,

    /// When a device joins again (IntervalSecs in the answer to a join): 1s to 15min, which is how long
    /// a registration lasts.
    #[arg(long, value_name = "TIME", default_value = "12min", value_parser = renewal)]
    pub renew_after: Duration,

    /// Least rate of a foreground download (ForegroundQosBps of every content).
    #[arg(long, value_name = "RATE", default_value = "6710886B/s")]
    pub foreground_qos: Rate,

    /// Least rate of a background download (BackgroundQosBps of every content).
    #[arg(long, value_name = "RATE", default_value = "2621440B/s")]
    pub background_qos: Rate,

    /// How long devices may keep a content (MaxCacheAgeSecs).
    #[arg(long, value_name = "TIME", default_value = "1day", value_parser = units::duration)]
    pub max_cache_age: Duration,

    /// When devices may keep it no longer (ExpireAtSecsSinceEpoch), as in 2030-01-31T12:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = humantime::parse_rfc3339)]
    pub expire_at: Option<SystemTime>,
}

/// The Connected Cache.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connected Cache")]
pub struct CloudCache {
    /// Memory for cached content; 0 keeps nothing.
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    pub cache_size: Size,

    /// Let it fill from this origin too, at this address and no other: NAME=ADDRESS:PORT, where NAME
    /// is what cacheHostOrigin says. Repeat for more.
    #[arg(long, value_name = "NAME=ADDR")]
    pub cache_origin: Vec<Origin>,
}

/// A foreign origin, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its name, as `cacheHostOrigin` says it.
    pub name: String,
    /// Its address.
    pub addr: SocketAddr,
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, addr) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or("write NAME=ADDRESS:PORT, as in update.example.org=10.0.0.7:80")?;
        let with_port = || Some(SocketAddr::new(addr.parse().ok()?, 80));
        let addr = addr.parse().ok().or_else(with_port);
        Ok(Self {
            name: name.to_owned(),
            addr: addr.ok_or("what follows the `=` is no IP address, with a port or without")?,
        })
    }
}

fn piece_size(text: &str) -> Result<u32, String> {
    let size: Size = text.parse()?;
    // A layout of one byte says whether such pieces are possible.
    let size = u32::try_from(size.0).unwrap_or(u32::MAX);
    match Layout::new(1, size) {
        Ok(_) => Ok(size),
        Err(error) => Err(error.to_string()),
    }
}

fn renewal(text: &str) -> Result<Duration, String> {
    let (least, most) = (
        Duration::from_secs(1),
        Duration::from_secs(REGISTRATION_SECS),
    );
    let time = units::duration(text)?;
    if (least..=most).contains(&time) {
        Ok(time)
    } else {
        Err("registrations are renewed after 1s to 15min".to_owned())
    }
}

fn country(text: &str) -> Result<String, &'static str> {
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("a country has two letters, as in DE")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_of_a_size_that_a_message_can_carry() {
        assert_eq!(piece_size("64KiB"), Ok(65_536));
        for text in ["0", "2MiB", "5GiB", "many"] {
            piece_size(text).unwrap_err();
        }
    }

    #[test]
    fn a_registration_is_renewed_before_it_ends() {
        assert_eq!(renewal("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(renewal("15min"), Ok(Duration::from_secs(900)));
        for text in ["", "0s", "999ms", "901s", "12"] {
            renewal(text).unwrap_err();
        }
    }

    #[test]
    fn an_origin_has_a_name_and_an_address() {
        let origin = |addr: &str| Origin {
            name: "a.example".into(),
            addr: addr.parse().unwrap(),
        };
        assert_eq!("a.example=10.0.0.7".parse(), Ok(origin("10.0.0.7:80")));
        assert_eq!("a.example=[::1]:81".parse(), Ok(origin("[::1]:81")));
        for text in ["", "a.example", "=10.0.0.7", "a=b", "a=10.0.0.7:x"] {
            text.parse::<Origin>().unwrap_err();
        }
    }
}

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use dolab_wire::cloud::REANNOUNCE_SECS;

use crate::{Authority, Content, Fault, Limits};

/// How a cloud runs.
#[derive(Debug)]
pub struct CloudConfig {
    /// Own addresses to listen on; all when there is none.
    pub listen: Vec<IpAddr>,
    /// Which ports.
    pub ports: CloudPorts,
    /// More names and addresses for the certificate, such as that of a NAT before this host. It has
    /// the service's names and this host's own already.
    pub names: Vec<String>,
    /// Speak to public addresses too, and not only to private, link-local and loopback ones.
    pub allow_public: bool,
    /// Take the caller's address from `X-Forwarded-For`. Anybody can claim any address then: only
    /// for a lab in which nobody lies.
    pub trust_forwarded: bool,
    /// Contents from the start.
    pub contents: Vec<Content>,
    /// What devices are told about themselves and the service.
    pub service: ServiceConfig,
    /// Who signs the certificate; `None`: the one in the state file, or a new one.
    pub authority: Option<Authority>,
    /// When a device is told to join again: 1 s to 15 minutes, which is how long a registration lasts;
    /// what is beyond is brought within.
    pub renew_after: Duration,
    /// The Connected Cache.
    pub cache: CacheConfig,
    /// Faults from the start.
    pub faults: Vec<Fault>,
    /// Where registrations and the authority are kept; `None`: in memory.
    pub state: Option<PathBuf>,
    /// Where every request is written down; `None`: nowhere.
    pub access_log: Option<PathBuf>,
    /// What a stranger can make it spend.
    pub limits: Limits,
    /// Decides who is offered first where several are equal.
    pub seed: u64,
}

/// Ports that the cloud listens on; 0 takes a free one, `None` opens none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudPorts {
    /// TCP: the service over TLS.
    pub https: Option<u16>,
    /// TCP: contents.
    pub http: Option<u16>,
    /// UDP: the QUIC handshake.
    pub quic: Option<u16>,
    /// TCP: what Prometheus reads, at `/metrics`. On loopback only, where no address is named.
    pub metrics: Option<u16>,
}

/// What devices are told.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Two letters.
    pub country_code: String,
    /// A Connected Cache for every device; `None`: none is named.
    pub cache_host: Option<String>,
    /// 1 sends devices to DHCP option 235 for a cache (documented).
    pub cache_host_flag: Option<u32>,
    /// Handed out as it is. What it does is not known.
    pub download_mode_fail_safe: Option<String>,
    /// Callers that may use peers; `None`: all.
    pub registered_callers: Option<Vec<String>>,
}

/// The Connected Cache.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// Bytes that it keeps. 0 passes everything through.
    pub bytes: u64,
    /// Origins that it fills from besides the cloud itself, by the name (and port, where there is
    /// one) that `cacheHostOrigin` says, each with its address. No others are asked.
    pub origins: HashMap<String, SocketAddr>,
}

impl Default for CloudConfig {
    /// The real ports, on all addresses, for near callers, with no content.
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            ports: CloudPorts::default(),
            names: Vec::new(),
            allow_public: false,
            trust_forwarded: false,
            contents: Vec::new(),
            service: ServiceConfig::default(),
            renew_after: Duration::from_secs(REANNOUNCE_SECS),
            authority: None,
            cache: CacheConfig::default(),
            faults: Vec::new(),
            state: None,
            access_log: None,
            limits: Limits::default(),
            seed: 0,
        }
    }
}

impl Default for CloudPorts {
    /// 443, 80 and 443, and none for metrics.
    fn default() -> Self {
        Self {
            https: Some(443),
            http: Some(80),
            quic: Some(443),
            metrics: None,
        }
    }
}

impl CloudPorts {
    /// Free ones, for tests.
    pub fn free() -> Self {
        Self {
            https: Some(0),
            http: Some(0),
            quic: Some(0),
            metrics: Some(0),
        }
    }
}

impl Default for ServiceConfig {
    /// What the published samples say.
    fn default() -> Self {
        let callers = [
            "WU Client Download",
            "IntuneAppDownload",
            "EdgeUpdate DO Job",
            "Microsoft Office Click-to-Run",
            "MDMSW Job",
            "MLModelDownloadJob",
        ];
        Self {
            country_code: "US".into(),
            cache_host: None,
            cache_host_flag: None,
            download_mode_fail_safe: None,
            registered_callers: Some(callers.map(Into::into).into()),
        }
    }
}

impl Default for CacheConfig {
    /// 256 MiB, and no foreign origins.
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            origins: HashMap::new(),
        }
    }
}

use std::{path::PathBuf, time::Duration};

use dolab_discovery::{DiscoveryConfig, cloud::CloudClientConfig};
use dolab_http::ClientConfig;
use dolab_peer::PeerConfig;
use dolab_policy::{GroupFacts, Policies, gates::Conditions};
use dolab_wire::cloud::GEO_PATH;

/// How a device is set up.
#[derive(Debug)]
pub struct DeviceConfig {
    /// The policies that hold on it.
    pub policies: Policies,
    /// What the gates look at. `None`: this host is asked, and again every
    /// [`DeviceConfig::CONDITIONS`]. Whether the cloud answers, what was uploaded and the hour are
    /// always the device's own to say, where they are `None` here.
    pub conditions: Option<Conditions>,
    /// The proxy that the whole device uses, for those who read its state. It is not used itself.
    pub proxy: Option<String>,
    /// What the group may be taken from, where no policy names it.
    pub group: GroupFacts,
    /// The folder that everything is kept in: see [`State`](crate::State).
    pub state: PathBuf,
    /// The cloud service; `None`: it can not be reached, and every download is a simple one. The
    /// group in it is the device's own, whatever is said here.
    pub cloud: Option<CloudClientConfig>,
    /// How contents are asked for over HTTP. Its clock is the device's: hours, months, the ages of
    /// files and the log go by it.
    pub http: ClientConfig,
    /// The peer. Where it listens, counts only if the policies let it upload.
    pub peer: PeerConfig,
    /// DNS-SD; `None`: neither announced nor looked for.
    pub discovery: Option<DiscoveryConfig>,
    /// Whether TCP 7680 is closed while nothing is transferred. Real devices close it (reported);
    /// a lab's device answers checks at any time, so the default is `false`.
    pub idle_port_closed: bool,
    /// How long a download may bring nothing, once it was allowed to ask every source, until it is
    /// given up. Five minutes as in Microsoft's client for Linux (documented); Windows' is not known.
    pub patience: Duration,
}

impl DeviceConfig {
    /// How often this host is asked for its conditions.
    pub const CONDITIONS: Duration = Duration::from_secs(60);

    /// The same, with a cloud at this address, such as `https://10.0.0.1`, and everything that goes
    /// over HTTP done in one way.
    pub fn with_cloud(mut self, cloud: &str, http: ClientConfig) -> Self {
        self.cloud = Some(CloudClientConfig {
            http: http.clone(),
            geo: format!("{}{GEO_PATH}", cloud.trim_end_matches('/')),
            ..CloudClientConfig::default()
        });
        self.with_http(http)
    }

    /// The same, with contents asked for in this way.
    pub fn with_http(mut self, http: ClientConfig) -> Self {
        self.peer.http = http.clone();
        self.http = http;
        self
    }

    /// A device with this folder, which knows no cloud and sets no policy.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            policies: Policies::default(),
            conditions: None,
            proxy: None,
            group: GroupFacts::default(),
            state: state.into(),
            cloud: None,
            http: ClientConfig::default(),
            peer: PeerConfig::default(),
            discovery: Some(DiscoveryConfig::default()),
            idle_port_closed: false,
            patience: Duration::from_secs(300),
        }
    }
}

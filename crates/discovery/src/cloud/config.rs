use dolab_http::ClientConfig;
use dolab_wire::cloud::{ClientVersion, GEO_HOST, GEO_PATH, PROFILE};

/// How a [`CloudClient`](super::CloudClient) asks.
#[derive(Clone, Debug)]
pub struct CloudClientConfig {
    /// Whom it trusts, what it resolves names to, and whether it speaks to public addresses.
    pub http: ClientConfig,
    /// Where it begins. `https://geo.prod.do.dsp.mp.microsoft.com/geo` (observed).
    pub geo: String,
    /// The version that it states.
    pub version: ClientVersion,
    /// The device profile that it states: 768 (observed).
    pub profile: u32,
    /// The group that it states to geo (documented).
    pub group: Option<String>,
    /// Who downloads: the cloud lets only some callers use peers. `WU Client Download` (observed).
    pub caller: String,
}

impl Default for CloudClientConfig {
    fn default() -> Self {
        Self {
            http: ClientConfig::default(),
            geo: format!("https://{GEO_HOST}{GEO_PATH}"),
            version: ClientVersion::default(),
            profile: PROFILE,
            group: None,
            caller: "WU Client Download".into(),
        }
    }
}

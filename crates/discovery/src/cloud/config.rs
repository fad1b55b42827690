use dolab_http::ClientConfig;
use dolab_wire::cloud::{
    ClientVersion, GEO_HOST, GEO_PATH, GEO_VERSION_HOST, GEO_VERSION_PATH, PROFILE,
};

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

impl CloudClientConfig {
    /// Where the version of the geo answer is asked for: beside [`Self::geo`], under the name that
    /// belongs to it where that is one of the service's own (observed), else at the same host, as
    /// in a lab. `None` where geo is somewhere else than at `/geo`: it is not asked for then.
    pub fn geo_version(&self) -> Option<String> {
        let base = self.geo.strip_suffix(GEO_PATH)?;
        let base = match base.split_once(GEO_HOST) {
            Some((scheme, rest)) => format!("{scheme}{GEO_VERSION_HOST}{rest}"),
            None => base.to_owned(),
        };
        Some(base + GEO_VERSION_PATH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_asked_for_beside_geo() {
        for (geo, version) in [
            (
                "https://geo.prod.do.dsp.mp.microsoft.com/geo",
                Some("https://geover.prod.do.dsp.mp.microsoft.com/geoversion"),
            ),
            (
                "https://geo.prod.do.dsp.mp.microsoft.com:8443/geo",
                Some("https://geover.prod.do.dsp.mp.microsoft.com:8443/geoversion"),
            ),
            (
                "https://10.0.0.1:8443/geo",
                Some("https://10.0.0.1:8443/geoversion"),
            ),
            ("https://10.0.0.1/elsewhere", None),
        ] {
            let config = CloudClientConfig {
                geo: geo.into(),
                ..CloudClientConfig::default()
            };
            assert_eq!(config.geo_version().as_deref(), version, "{geo}");
        }
    }
}

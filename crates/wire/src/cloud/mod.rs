//! What Delivery Optimization's cloud service and its clients say to each other: hosts, paths,
//! parameters and JSON, without any I/O.
//!
//! A client asks in this order (documented): [`Geo`] (where am I), [`KeyValue`] (the other
//! endpoints and the device's configuration), [`ContentPolicy`] (what one content may do and where
//! its pieces hash file is), [`Discovered`] (which array serves the content), [`Join`] (who else
//! has it). Each answer names the endpoint of the next step, so only [`GEO_HOST`] is fixed.
//!
//! Names and forms of geo, kv, content policy, disc and the join's request are observed. Of the
//! answer to a join ([`Joined`]), of leaving ([`Leave`]) and of the interval nothing is public:
//! those are **assumed**, and marked so where they stand.
//!
//! Reading tolerates fields that are not known, numbers where a text is usual and the other way
//! round, and `null` or an empty text for what is not there. It insists on what Microsoft's own
//! troubleshooter insists on, and an error names the field.

mod content_policy;
mod discovered;
mod error;
mod fields;
mod geo;
mod join;
mod joined;
mod key_value;
mod query;
mod version;

pub use content_policy::{ContentPolicy, ContentPolicyValues};
pub use discovered::Discovered;
pub use error::{Document, ReplyError};
pub use geo::{Geo, GeoVersion};
pub use join::{Join, Leave, PeerSelection};
pub use joined::{Joined, OfferedPeer};
pub use key_value::KeyValue;
pub use query::{Query, with_query};
pub use version::{ClientVersion, ParseVersionError};

/// The host that every client asks first (observed, and in the registry of Windows).
pub const GEO_HOST: &str = "geo.prod.do.dsp.mp.microsoft.com";
/// The host that tells whether the geo answer changed (observed).
pub const GEO_VERSION_HOST: &str = "geover.prod.do.dsp.mp.microsoft.com";
/// A host of the key-value service (observed; documented as `kv*`).
pub const KEY_VALUE_HOST: &str = "kv501.prod.do.dsp.mp.microsoft.com";
/// A host of the content policy service (documented as `cp*`; the number is **assumed**).
pub const CONTENT_POLICY_HOST: &str = "cp501.prod.do.dsp.mp.microsoft.com";
/// A host of the discovery service (documented as `disc*`; the number is **assumed**).
pub const DISCOVERY_HOST: &str = "disc501.prod.do.dsp.mp.microsoft.com";
/// A host of the arrays (documented as `array*`; the number is **assumed**).
pub const ARRAY_HOST: &str = "array501.prod.do.dsp.mp.microsoft.com";
/// The domain that holds all of the above (documented as what a firewall has to allow).
pub const DOMAIN: &str = "prod.do.dsp.mp.microsoft.com";

/// Path of the geo service (observed).
pub const GEO_PATH: &str = "/geo";
/// Path of the geo version service (observed).
pub const GEO_VERSION_PATH: &str = "/geoversion";
/// Path of the key-value service (observed).
pub const KEY_VALUE_PATH: &str = "/all";
/// Path of the content policy service (observed), with the place where the content id goes.
pub const CONTENT_POLICY_PATH: &str = "/content/{contentId}/contentpolicy";
/// Path of the discovery service, with the place where the content id goes. That it has such a
/// place is observed; the rest is **assumed**.
pub const DISCOVERY_PATH: &str = "/content/{contentId}/discovery";
/// What an endpoint holds where the content id goes (observed).
pub const CONTENT_ID_PLACE: &str = "{contentId}";

/// Type of every answer (observed).
pub const CONTENT_TYPE: &str = "text/json";
/// Type of a join's body (observed).
pub const REQUEST_CONTENT_TYPE: &str = "application/json";
/// The device profile that every sample carries (observed; what it means is not known).
pub const PROFILE: u32 = 768;
/// Seconds after which a registration that was not renewed ends: who has not joined for 15 minutes
/// is offered no more (a blog's word).
pub const REGISTRATION_SECS: u64 = 900;
/// Seconds between two joins of a device, where the answer names none. The blog says 15 minutes
/// here too; something less is needed so that nobody falls off while it renews (**assumed**).
pub const REANNOUNCE_SECS: u64 = 720;
/// Most peers that an answer offers, and what the one sample of a join asks for (observed).
pub const MAX_PEERS: usize = 255;

/// Longest answer of a service that is read, in bytes.
pub const MAX_REPLY_LEN: usize = 1 << 20;
/// Longest join that is read, in bytes.
pub const MAX_JOIN_LEN: usize = 16 << 10;
/// Longest content id, URL or group id in a join, in bytes.
pub const MAX_ID_LEN: usize = 2048;

/// Puts the content id into an endpoint. One without a place for it is left as it is.
pub fn with_content_id(endpoint: &str, content_id: &str) -> String {
    let id = query::encode(content_id).to_string();
    endpoint.replace(CONTENT_ID_PLACE, &id)
}

#[cfg(test)]
mod tests;

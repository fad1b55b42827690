use std::net::IpAddr;

use serde::Serialize;

use super::{Document, ReplyError, fields};

/// Where the client is, and who to ask next (observed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Geo {
    /// The address that the service sees. Mandatory, and never the unspecified one.
    pub external_ip_address: IpAddr,
    /// Two letters, such as `DE`.
    pub country_code: String,
    /// URL of the key-value service. Mandatory.
    #[serde(rename = "KeyValue_EndpointFullUri")]
    pub key_value_endpoint: String,
    /// Changes when the client should ask again; 16 hex digits in every sample. Mandatory.
    pub version: String,
    /// Meaning not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compact_version: Option<String>,
    /// Sent to the key-value service again; `7` in the sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_id: Option<String>,
    /// Meaning not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_cert: Option<bool>,
    /// Meaning not known; empty in the sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_mode_fail_safe: Option<String>,
    /// A Connected Cache that the service assigns (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_host: Option<String>,
    /// 1 means "look at DHCP option 235" (documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_host_flag: Option<u32>,
}

impl Geo {
    /// Reads an answer.
    ///
    /// # Errors
    /// When a web page came, the JSON is not valid or empty, or `Version`,
    /// `KeyValue_EndpointFullUri` or `ExternalIpAddress` is missing.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, ReplyError> {
        let value = fields::reply(Document::Geo, content_type, body)?;
        let fields = fields::Fields::of(Document::Geo, &value)?;
        let external: IpAddr = fields.parse("ExternalIpAddress", "an IP address")?;
        if external.is_unspecified() {
            let value = external.to_string().into();
            let expected = "the address that the service sees";
            return Err(fields.wrong("ExternalIpAddress", &value, expected));
        }
        Ok(Self {
            external_ip_address: external,
            country_code: fields.optional_text("CountryCode")?.unwrap_or_default(),
            key_value_endpoint: fields.text("KeyValue_EndpointFullUri")?,
            version: fields.text("Version")?,
            compact_version: fields.optional_text("CompactVersion")?,
            cache_id: fields.optional_text("CacheId")?,
            content_cert: fields.flag("ContentCert")?,
            download_mode_fail_safe: fields.optional_text("DownloadModeFailSafe")?,
            cache_host: fields.optional_text("CacheHost")?,
            cache_host_flag: fields.optional("CacheHostFlag", "a number")?,
        })
    }
}

/// Whether the geo answer is still the one that the client has. The form is **assumed**.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GeoVersion {
    /// [`Geo::version`] as it is now. Mandatory.
    pub version: String,
}

impl GeoVersion {
    /// Reads an answer.
    ///
    /// # Errors
    /// As [`Geo::parse`].
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, ReplyError> {
        let value = fields::reply(Document::GeoVersion, content_type, body)?;
        let fields = fields::Fields::of(Document::GeoVersion, &value)?;
        Ok(Self {
            version: fields.text("Version")?,
        })
    }
}

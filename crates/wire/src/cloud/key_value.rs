use serde::Serialize;

use super::{Document, ReplyError, fields};

/// The other endpoints, and the device's configuration (observed). Microsoft's answer holds many
/// more values than these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyValue {
    /// URL of a content's policy, with [`CONTENT_ID_PLACE`](super::CONTENT_ID_PLACE). Mandatory.
    #[serde(rename = "ContentPolicy_EndpointFullUri")]
    pub content_policy_endpoint: String,
    /// URL of the discovery service, with [`CONTENT_ID_PLACE`](super::CONTENT_ID_PLACE).
    /// Mandatory.
    #[serde(rename = "Discovery_EndpointFullUri")]
    pub discovery_endpoint: String,
    /// Callers that may use peers; others get 0x80D0380B. Names, with `.*` at either end for any
    /// text (observed). `None`: the service names none, and every caller may (**assumed**).
    #[serde(
        rename = "Client_RegisteredCallersFilterList",
        skip_serializing_if = "Option::is_none"
    )]
    pub registered_callers: Option<Vec<String>>,
}

impl KeyValue {
    /// Reads an answer.
    ///
    /// # Errors
    /// When a web page came, the JSON is not valid or empty, or an endpoint is missing.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, ReplyError> {
        let value = fields::reply(Document::KeyValue, content_type, body)?;
        let fields = fields::Fields::of(Document::KeyValue, &value)?;
        let callers = fields.texts("Client_RegisteredCallersFilterList")?;
        Ok(Self {
            content_policy_endpoint: fields.text("ContentPolicy_EndpointFullUri")?,
            discovery_endpoint: fields.text("Discovery_EndpointFullUri")?,
            registered_callers: (!callers.is_empty()).then_some(callers),
        })
    }

    /// Whether a caller, such as `WU Client Download`, may use peers.
    pub fn is_registered(&self, caller: &str) -> bool {
        let Some(callers) = &self.registered_callers else {
            return true;
        };
        callers.iter().any(|pattern| {
            let (head, open_start) = strip(pattern.strip_prefix(".*"), pattern);
            let (name, open_end) = strip(head.strip_suffix(".*"), head);
            match (open_start, open_end) {
                (false, false) => caller == name,
                (false, true) => caller.starts_with(name),
                (true, false) => caller.ends_with(name),
                (true, true) => caller.contains(name),
            }
        })
    }
}

fn strip<'a>(stripped: Option<&'a str>, whole: &'a str) -> (&'a str, bool) {
    (stripped.unwrap_or(whole), stripped.is_some())
}

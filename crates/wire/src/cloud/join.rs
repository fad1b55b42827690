use std::{
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::Serializer;
use serde::ser::SerializeMap;

use super::{
    ClientVersion, Document, MAX_ID_LEN, MAX_JOIN_LEN, MAX_PEERS, PROFILE, ReplyError, fields,
};
use crate::{DownloadMode, swarm::PeerId};

/// A device registers for a content, or renews its registration: the body of a POST to
/// [`Discovered::join_url`](super::Discovered::join_url).
///
/// Names and forms are observed, every value is a text on the wire. `Port`,
/// `RestrictPeerSelectionBy` and `IsServer` are ours (**assumed**): the sample has none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The content's id. At least one of this and `alt_catalog_id` is mandatory.
    pub content_id: Option<String>,
    /// The content's URL, for a content that has no id.
    pub alt_catalog_id: Option<String>,
    /// Who joins. Mandatory.
    pub peer_id: PeerId,
    /// The device's own address.
    pub reported_ip: Option<Ipv4Addr>,
    /// The mask of the network that `reported_ip` is in.
    pub subnet_mask: Option<Ipv4Addr>,
    /// The device's IPv6 address; link-local in the sample.
    pub ipv6: Option<Ipv6Addr>,
    /// Whether nobody waits for the download.
    pub is_background: bool,
    /// `ClientDialectVersion...`.
    pub dialect: ClientVersion,
    /// Bytes sent to peers so far.
    pub uploaded: u64,
    /// Bytes received so far.
    pub downloaded: u64,
    /// Bytes received from the content's source.
    pub downloaded_cdn: u64,
    /// Bytes received from a Connected Cache.
    pub downloaded_doinc: u64,
    /// Bytes still missing; 0 for a device that has all of it.
    pub left: u64,
    /// 1 in the sample; other values and their meaning are not known.
    pub event: u32,
    /// Whether the device may not send to peers. Such a device is not offered (**assumed**).
    pub restricted_upload: bool,
    /// Peers that the device can use; 255 in the sample, and never more than that.
    pub peers_wanted: u32,
    /// The group, in mode 2.
    pub group_id: Option<String>,
    /// The download mode (documented). Mandatory.
    pub scope: DownloadMode,
    /// 768 in the sample.
    pub profile: u32,
    /// 0 in the sample; counts the joins of a device (**assumed**).
    pub seq: u64,
    /// The port that it listens on: 7680 where none is stated. **Assumed**.
    pub port: u16,
    /// What narrows its choice of peers. **Assumed**.
    pub restrict: PeerSelection,
    /// Whether it is a server: those meet only servers. **Assumed**.
    pub is_server: bool,
}

/// The policy DORestrictPeerSelectionBy (documented): what narrows a device's peers in the modes 1
/// and 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeerSelection {
    /// 0: nothing but the download mode.
    #[default]
    Any,
    /// 1: the subnet.
    Subnet,
    /// 2: what local discovery (DNS-SD) finds.
    LocalDiscovery,
}

impl PeerSelection {
    /// The number that the policy has.
    pub const fn number(self) -> u32 {
        match self {
            Self::Any => 0,
            Self::Subnet => 1,
            Self::LocalDiscovery => 2,
        }
    }
}

impl FromStr for PeerSelection {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "0" => Ok(Self::Any),
            "1" => Ok(Self::Subnet),
            "2" => Ok(Self::LocalDiscovery),
            _ => Err(()),
        }
    }
}

impl Join {
    /// A first join with the values of the sample: foreground, nothing moved yet.
    pub fn new(content_id: &str, peer_id: PeerId, scope: DownloadMode) -> Self {
        Self {
            content_id: Some(content_id.into()),
            alt_catalog_id: None,
            peer_id,
            reported_ip: None,
            subnet_mask: None,
            ipv6: None,
            is_background: false,
            dialect: ClientVersion::default(),
            uploaded: 0,
            downloaded: 0,
            downloaded_cdn: 0,
            downloaded_doinc: 0,
            left: 0,
            event: 1,
            restricted_upload: false,
            peers_wanted: MAX_PEERS as u32,
            group_id: None,
            scope,
            profile: PROFILE,
            seq: 0,
            port: crate::swarm::PORT,
            restrict: PeerSelection::Any,
            is_server: false,
        }
    }

    /// What names the content: its id, else its URL.
    pub fn content(&self) -> &str {
        let id = self.content_id.as_deref();
        id.or(self.alt_catalog_id.as_deref()).unwrap_or_default()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// When it is longer than [`MAX_JOIN_LEN`], no JSON, or a field is missing or wrong.
    pub fn parse(body: &[u8]) -> Result<Self, ReplyError> {
        const COUNT: &str = "a number of bytes";
        let value = fields::json(Document::Join, body, MAX_JOIN_LEN)?;
        let fields = fields::Fields::of(Document::Join, &value)?;
        let dialect = |part: &str| {
            let field = format!("ClientDialectVersion{part}");
            Ok::<u32, ReplyError>(fields.optional(&field, "a number")?.unwrap_or(0))
        };
        let count = |field| Ok::<u64, ReplyError>(fields.optional(field, COUNT)?.unwrap_or(0));
        let (content_id, alt_catalog_id) = names(&fields)?;
        Ok(Self {
            content_id,
            alt_catalog_id,
            peer_id: fields.parse("PeerId", "40 hex digits")?,
            reported_ip: fields.optional("ReportedIp", "an IPv4 address")?,
            subnet_mask: fields.optional("SubnetMask", "an IPv4 mask")?,
            ipv6: fields.optional("Ipv6", "an IPv6 address")?,
            is_background: fields.flag("IsBackground")?.unwrap_or(false),
            dialect: ClientVersion([
                dialect("Major")?,
                dialect("Minor")?,
                dialect("Build")?,
                dialect("Revision")?,
            ]),
            uploaded: count("Uploaded")?,
            downloaded: count("Downloaded")?,
            downloaded_cdn: count("DownloadedCdn")?,
            downloaded_doinc: count("DownloadedDoinc")?,
            left: count("Left")?,
            event: fields
                .optional("JoinRequestEvent", "a number")?
                .unwrap_or(0),
            restricted_upload: fields.flag("RestrictedUpload")?.unwrap_or(false),
            peers_wanted: fields
                .optional("PeersWanted", "a number")?
                .unwrap_or(MAX_PEERS as u32),
            group_id: fields.short_text("GroupId", MAX_ID_LEN, "at most 2048 bytes long")?,
            scope: fields.parse("Scope", "a download mode")?,
            profile: fields.optional("Profile", "a number")?.unwrap_or(PROFILE),
            seq: count("Seq")?,
            port: fields
                .optional("Port", "a port")?
                .unwrap_or(crate::swarm::PORT),
            restrict: fields
                .optional("RestrictPeerSelectionBy", "0, 1 or 2")?
                .unwrap_or_default(),
            is_server: fields.flag("IsServer")?.unwrap_or(false),
        })
    }

    /// The body, every value a text. What is not there is an empty text, as in the sample, except
    /// the name of the content that is not used.
    pub fn to_json(&self) -> Vec<u8> {
        let [major, minor, build, revision] = self.dialect.0;
        let flag = |flag: bool| u8::from(flag).to_string();
        let mut fields: Vec<(&str, String)> = Vec::with_capacity(26);
        fields.extend(self.content_id.clone().map(|id| ("ContentId", id)));
        fields.extend(self.alt_catalog_id.clone().map(|id| ("AltCatalogId", id)));
        fields.extend([
            ("PeerId", self.peer_id.to_string()),
            ("ReportedIp", optional(self.reported_ip)),
            ("SubnetMask", optional(self.subnet_mask)),
            ("Ipv6", optional(self.ipv6)),
            ("IsBackground", flag(self.is_background)),
            ("ClientDialectVersionMajor", major.to_string()),
            ("ClientDialectVersionMinor", minor.to_string()),
            ("ClientDialectVersionBuild", build.to_string()),
            ("ClientDialectVersionRevision", revision.to_string()),
            ("Uploaded", self.uploaded.to_string()),
            ("Downloaded", self.downloaded.to_string()),
            ("DownloadedCdn", self.downloaded_cdn.to_string()),
            ("DownloadedDoinc", self.downloaded_doinc.to_string()),
            ("Left", self.left.to_string()),
            ("JoinRequestEvent", self.event.to_string()),
            ("RestrictedUpload", flag(self.restricted_upload)),
            ("PeersWanted", self.peers_wanted.to_string()),
            ("GroupId", self.group_id.clone().unwrap_or_default()),
            ("Scope", self.scope.number().to_string()),
            ("Profile", self.profile.to_string()),
            ("Seq", self.seq.to_string()),
            ("Port", self.port.to_string()),
            (
                "RestrictPeerSelectionBy",
                self.restrict.number().to_string(),
            ),
            ("IsServer", flag(self.is_server)),
        ]);
        body(&fields)
    }
}

/// A device takes its registration back: the body of a POST to
/// [`Discovered::leave_url`](super::Discovered::leave_url). All of it is **assumed**.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// The content's id. At least one of this and `alt_catalog_id` is mandatory.
    pub content_id: Option<String>,
    /// The content's URL, for a content that has no id.
    pub alt_catalog_id: Option<String>,
    /// Who leaves. Mandatory.
    pub peer_id: PeerId,
}

impl Leave {
    /// What names the content: its id, else its URL.
    pub fn content(&self) -> &str {
        let id = self.content_id.as_deref();
        id.or(self.alt_catalog_id.as_deref()).unwrap_or_default()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// As [`Join::parse`].
    pub fn parse(body: &[u8]) -> Result<Self, ReplyError> {
        let value = fields::json(Document::Leave, body, MAX_JOIN_LEN)?;
        let fields = fields::Fields::of(Document::Leave, &value)?;
        let (content_id, alt_catalog_id) = names(&fields)?;
        Ok(Self {
            content_id,
            alt_catalog_id,
            peer_id: fields.parse("PeerId", "40 hex digits")?,
        })
    }

    /// The body, every value a text.
    pub fn to_json(&self) -> Vec<u8> {
        let mut fields: Vec<(&str, String)> = Vec::with_capacity(3);
        fields.extend(self.content_id.clone().map(|id| ("ContentId", id)));
        fields.extend(self.alt_catalog_id.clone().map(|id| ("AltCatalogId", id)));
        fields.push(("PeerId", self.peer_id.to_string()));
        body(&fields)
    }
}

fn names(fields: &fields::Fields<'_>) -> Result<(Option<String>, Option<String>), ReplyError> {
    const SHORT: &str = "at most 2048 bytes long";
    let id = fields.short_text("ContentId", MAX_ID_LEN, SHORT)?;
    let url = fields.short_text("AltCatalogId", MAX_ID_LEN, SHORT)?;
    if id.is_none() && url.is_none() {
        return Err(fields.missing("ContentId"));
    }
    Ok((id, url))
}

fn optional<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// One object with the fields in this order.
fn body(fields: &[(&str, String)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    let mut json = serde_json::Serializer::new(&mut bytes);
    let written = json.serialize_map(Some(fields.len())).and_then(|mut map| {
        for (name, value) in fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    });
    written.expect("texts always serialise into memory");
    bytes
}

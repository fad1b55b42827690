use base64::{
    Engine as _,
    alphabet::Alphabet,
    engine::{
        GeneralPurpose,
        general_purpose::{PAD, STANDARD},
    },
};
use serde::{Serialize, Serializer};

use super::{Document, ReplyError, fields};
use crate::DownloadMode;

/// Base64 as content ids have it: `-` where the usual one has `/` (observed, in the one sample), and
/// so `_` for `+` (**assumed**). The URL-safe one has them the other way round.
const IN_ID: GeneralPurpose = GeneralPurpose::new(
    match &Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") {
        Ok(alphabet) => alphabet,
        Err(_) => panic!("64 characters that differ"),
    },
    PAD,
);

/// What one content may do, and how its pieces are verified (observed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContentPolicy {
    /// `DO-` and the hash of hashes in a base64 of its own, in the sample. Mandatory.
    pub content_id: String,
    /// The hash that the pieces hash file has to have. A content without one has no pieces hash
    /// file and can not be shared.
    #[serde(serialize_with = "base64")]
    pub hash_of_hashes: Option<[u8; 32]>,
    /// Where the pieces hash file is.
    pub pieces_hash_file_cdn_urls: Vec<String>,
    /// Where the content is; none in the sample.
    pub content_cdn_urls: Vec<String>,
    /// Meaning not known; false in the sample.
    pub is_secure: bool,
    /// Meaning not known; false in the sample.
    pub is_internal: bool,
    /// Limits that the cloud hands out for this content.
    pub policies: ContentPolicyValues,
    /// Meaning not known; 0 in the sample.
    pub rank: i64,
}

/// The values in a content policy. What is `None` is left to the device's own policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContentPolicyValues {
    /// Least rate of a foreground download, in bytes per second; 6,710,886 in the sample.
    pub foreground_qos_bps: Option<u64>,
    /// Least rate of a background download, in bytes per second; 2,621,440 in the sample.
    pub background_qos_bps: Option<u64>,
    /// How long the content may be kept, in seconds; 86,400 in the sample.
    pub max_cache_age_secs: Option<u64>,
    /// When it may be kept no longer, in seconds since 1970; empty in the sample.
    pub expire_at_secs_since_epoch: Option<u64>,
    /// Meaning not known; 86,400 in the sample.
    pub download_to_expire: Option<u64>,
    /// The mode that the content is bound to (0x80D03802). That there is such a thing is
    /// documented; that it stands here is **assumed**.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number")]
    pub download_mode: Option<DownloadMode>,
}

impl ContentPolicy {
    /// The content id of the observed form: `DO-` and the hash in base64, with `-` for `/` and `_` for
    /// `+`.
    pub fn content_id_of(hash_of_hashes: &[u8; 32]) -> String {
        format!("DO-{}", IN_ID.encode(hash_of_hashes))
    }

    /// The hash of hashes in a content id of the observed form.
    pub fn hash_in(content_id: &str) -> Option<[u8; 32]> {
        let bytes = IN_ID.decode(content_id.strip_prefix("DO-")?).ok()?;
        bytes.try_into().ok()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// When a web page came, the JSON is not valid or empty, `ContentId` is missing, or another
    /// field holds what it can not hold.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, ReplyError> {
        let value = fields::reply(Document::ContentPolicy, content_type, body)?;
        let fields = fields::Fields::of(Document::ContentPolicy, &value)?;
        let hash: Option<Base64> = fields.optional("HashOfHashes", "a SHA-256 in base64")?;
        let policies = match fields.object("Policies")? {
            None => ContentPolicyValues::default(),
            Some(policies) => ContentPolicyValues {
                foreground_qos_bps: policies.optional("ForegroundQosBps", "a number")?,
                background_qos_bps: policies.optional("BackgroundQosBps", "a number")?,
                max_cache_age_secs: policies.optional("MaxCacheAgeSecs", "a number")?,
                expire_at_secs_since_epoch: policies
                    .optional("ExpireAtSecsSinceEpoch", "a number")?,
                download_to_expire: policies.optional("DownloadToExpire", "a number")?,
                download_mode: policies.optional("DownloadMode", "a download mode")?,
            },
        };
        Ok(Self {
            content_id: fields.text("ContentId")?,
            hash_of_hashes: hash.map(|Base64(hash)| hash),
            pieces_hash_file_cdn_urls: fields.texts("PiecesHashFileCdnUrls")?,
            content_cdn_urls: fields.texts("ContentCdnUrls")?,
            is_secure: fields.flag("IsSecure")?.unwrap_or(false),
            is_internal: fields.flag("IsInternal")?.unwrap_or(false),
            policies,
            rank: fields.optional("Rank", "a number")?.unwrap_or(0),
        })
    }
}

struct Base64([u8; 32]);

impl std::str::FromStr for Base64 {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = STANDARD.decode(text).map_err(|_| ())?;
        Ok(Self(bytes.try_into().map_err(|_| ())?))
    }
}

fn base64<S: Serializer>(hash: &Option<[u8; 32]>, to: S) -> Result<S::Ok, S::Error> {
    hash.map(|hash| STANDARD.encode(hash)).serialize(to)
}

fn number<S: Serializer>(mode: &Option<DownloadMode>, to: S) -> Result<S::Ok, S::Error> {
    mode.map(DownloadMode::number).serialize(to)
}

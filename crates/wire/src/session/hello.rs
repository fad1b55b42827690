use std::{fmt, net::IpAddr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Version of the session that this build speaks. Both sides speak the lower of the two.
pub const VERSION: u16 = 1;

/// 32 bytes as 64 hex digits: a nonce, a proof, a hash or a content id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// Which part a side plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the check and asks.
    Asker,
    /// Answers.
    Answerer,
}

impl Role {
    /// The part of the other side.
    pub fn other(self) -> Self {
        match self {
            Self::Asker => Self::Answerer,
            Self::Answerer => Self::Asker,
        }
    }
}

/// The first message each way. It tells a stranger nothing but that dolab is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Highest version that the sender speaks.
    pub version: u16,
    /// The part that the sender wants to play.
    pub role: Role,
    /// Random; proofs are bound to it.
    pub nonce: Digest,
    /// Whether the sender has a key, and so demands that the other proves to have it too.
    pub key: bool,
    /// In a connection that answers a call on the link: the nonce of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
}

/// Who a side is, told once the key is proven, or where none is demanded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of dolab.
    pub software: String,
    /// Operating system, such as `linux`.
    pub os: String,
    /// The host's name.
    pub host: String,
    /// Whether it announces itself on the link by DNS-SD.
    #[serde(default)]
    pub announces: bool,
    /// Its peer id, as 40 hex digits.
    pub peer: String,
    /// Its addresses.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// What listens there, for each of DO's paths.
    #[serde(default)]
    pub ports: Vec<PortState>,
}

/// The listener of one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortState {
    /// The path, such as `tcp-7680`.
    pub path: String,
    /// The port that is listened on, or that was wanted.
    pub port: u16,
    /// Why nothing listens there, as the evidence types of `dolab-check` have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<serde_json::Value>,
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || de::Error::custom("64 hex digits were expected");
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

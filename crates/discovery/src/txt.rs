//! The TXT record of a lab peer.
//!
//! ```text
//! dolab=1                the form of this record; its presence makes a lab peer
//! ver=0.1.0              the version of dolab
//! id=<40 hex digits>     the peer id
//! rev=7                  counts the changes of this record
//! g=<16 hex digits>      marks the group of a device in group mode
//! n=3                    how many contents there are
//! c0=<64 hex digits>     one of them, c1 the next, up to c7
//! call0=<16 hex>;HOST    asks HOST to call back, and to show this nonce
//! ```
//!
//! A full record has under 1,000 bytes, so that announcement and addresses fit into one frame.
//! Records of real Windows hosts have several hundred bytes (observed).

use std::{collections::HashMap, fmt, net::IpAddr, str};

use dolab_content::ContentId;
use dolab_wire::{swarm::PeerId, text::printable};

use crate::{GroupMark, LabPeer};

/// Contents that a record lists. More are counted only.
pub const MAX_CONTENTS: usize = 8;

/// Calls that a record holds.
pub const MAX_CALLS: usize = 4;

/// The form of the record that this version writes.
const FORM: &str = "1";

/// Longest version text that is kept, in characters.
const MAX_VERSION: usize = 32;

/// Asks a host to call back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallRequest {
    /// Who is wanted.
    pub target: CallTarget,
    /// Random, chosen by the caller, and shown again by who calls back.
    pub nonce: u64,
}

/// The host that a call wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CallTarget {
    /// The one with this address.
    Addr(IpAddr),
    /// The one with this DNS-SD instance or host name, in any case of letters.
    Name(String),
}

impl CallTarget {
    /// Longest name, in bytes: a DNS label.
    pub const MAX_NAME: usize = 63;

    fn parse(text: &str) -> Option<Self> {
        match text.parse() {
            Ok(addr) => Some(Self::Addr(addr)),
            Err(_) if text.is_empty() || text.len() > Self::MAX_NAME => None,
            Err(_) => Some(Self::Name(text.into())),
        }
    }
}

impl fmt::Display for CallTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addr(addr) => addr.fmt(f),
            Self::Name(name) => f.write_str(&printable(name, Self::MAX_NAME)),
        }
    }
}

/// Keys and values for a lab peer's record. What is over the limits is left out.
///
/// The revision has to differ from that of the record before. A record that came back to an
/// earlier form within a second would not be sent (RFC 6762, section 6), and one that was received
/// would be taken for the earlier one that is still remembered.
pub fn encode(lab: &LabPeer, revision: u32) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("dolab".into(), FORM.into()),
        ("ver".into(), printable(&lab.version, MAX_VERSION)),
        ("id".into(), lab.peer.to_string()),
        ("rev".into(), revision.to_string()),
        ("n".into(), lab.total.to_string()),
    ];
    if let Some(GroupMark(mark)) = lab.group {
        pairs.push(("g".into(), format!("{:016x}", u64::from_be_bytes(mark))));
    }
    for (n, content) in lab.contents.iter().take(MAX_CONTENTS).enumerate() {
        pairs.push((format!("c{n}"), content.to_string()));
    }
    for (n, call) in lab.calls.iter().take(MAX_CALLS).enumerate() {
        let target = match &call.target {
            CallTarget::Addr(addr) => addr.to_string(),
            CallTarget::Name(name) => name.clone(),
        };
        pairs.push((format!("call{n}"), format!("{:016x};{target}", call.nonce)));
    }
    pairs
}

/// Reads a record, or `None` when it is no lab peer's.
///
/// A later form of the record is read as far as it is understood. An entry that makes no sense is
/// left out; a record without a usable peer id is nobody's.
pub fn decode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Option<LabPeer> {
    let mut values = HashMap::new();
    for (key, value) in pairs {
        // The first of several with one key counts (RFC 6763, section 6.4).
        if let Ok(value) = str::from_utf8(value) {
            values.entry(key.to_ascii_lowercase()).or_insert(value);
        }
    }
    let value = |key: &str| values.get(key).copied();
    value("dolab").filter(|form| !form.is_empty())?;
    let contents: Vec<ContentId> = (0..MAX_CONTENTS)
        .filter_map(|n| value(&format!("c{n}"))?.parse().ok())
        .collect();
    let listed = contents.len() as u32;
    Some(LabPeer {
        peer: PeerId(hex20(value("id")?)?),
        version: printable(value("ver").unwrap_or_default(), MAX_VERSION),
        total: value("n")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0)
            .max(listed),
        contents,
        group: value("g").and_then(mark),
        calls: (0..MAX_CALLS)
            .filter_map(|n| call(value(&format!("call{n}"))?))
            .collect(),
    })
}

fn call(value: &str) -> Option<CallRequest> {
    let (nonce, target) = value.split_once(';')?;
    let nonce = u64::from_str_radix(nonce, 16).ok()?;
    Some(CallRequest {
        target: CallTarget::parse(target)?,
        nonce,
    })
}

fn mark(text: &str) -> Option<GroupMark> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = digits
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten()?;
    Some(GroupMark(number.to_be_bytes()))
}

fn hex20(text: &str) -> Option<[u8; 20]> {
    if text.len() != 40 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 20];
    for (byte, at) in bytes.iter_mut().zip((0..40).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn decode_pairs(pairs: &[(String, String)]) -> Option<LabPeer> {
        decode(
            pairs
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_bytes())),
        )
    }

    fn target() -> impl Strategy<Value = CallTarget> {
        prop_oneof![
            any::<IpAddr>().prop_map(CallTarget::Addr),
            // A name that reads as an address is one.
            "[a-z;=. ]{1,60}x".prop_map(CallTarget::Name),
        ]
    }

    fn lab() -> impl Strategy<Value = LabPeer> {
        let content = any::<[u8; 32]>().prop_map(ContentId);
        let call = (target(), any::<u64>());
        (
            any::<[u8; 20]>(),
            "[0-9a-z.+-]{0,32}",
            vec(content, 0..=MAX_CONTENTS),
            any::<u16>(),
            any::<Option<[u8; 8]>>(),
            vec(
                call.prop_map(|(target, nonce)| CallRequest { target, nonce }),
                0..=MAX_CALLS,
            ),
        )
            .prop_map(|(peer, version, contents, more, group, calls)| LabPeer {
                peer: PeerId(peer),
                version,
                total: contents.len() as u32 + u32::from(more),
                contents,
                group: group.map(GroupMark),
                calls,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(lab in lab()) {
            let pairs = encode(&lab, u32::MAX);
            prop_assert_eq!(decode_pairs(&pairs), Some(lab));
            let bytes: usize = pairs.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
            prop_assert!(bytes < 1000, "{} bytes", bytes);
            prop_assert!(pairs.iter().all(|(key, value)| key.len() + value.len() < 255));
        }

        #[test]
        fn whatever_a_stranger_sends_is_bounded(
            pairs in vec(("[a-z]{0,5}[0-9]?", vec(any::<u8>(), 0..255)), 0..40),
            id in any::<[u8; 20]>(),
        ) {
            let id = PeerId(id).to_string();
            let own = [("dolab", b"1".as_slice()), ("id", id.as_bytes())];
            let strange = pairs.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
            let lab = decode(own.into_iter().chain(strange)).expect("it has what makes a lab peer");
            prop_assert!(lab.contents.len() <= MAX_CONTENTS && lab.calls.len() <= MAX_CALLS);
            prop_assert!(!lab.version.chars().any(char::is_control));
        }
    }

    #[test]
    fn only_our_mark_makes_a_lab_peer() {
        let id = PeerId([7; 20]).to_string();
        assert_eq!(decode([("id", id.as_bytes())]), None);
        assert_eq!(
            decode([("dolab", b"".as_slice()), ("id", id.as_bytes())]),
            None
        );
        assert_eq!(
            decode([("dolab", b"1".as_slice()), ("id", b"short".as_slice())]),
            None
        );
        let later = decode([
            ("DoLab", b"2".as_slice()),
            ("id", id.as_bytes()),
            ("x", b"?"),
        ]);
        assert_eq!(
            later.expect("a later form is still a lab peer").peer,
            PeerId([7; 20])
        );
    }

    #[test]
    fn a_list_that_was_cut_says_so() {
        let contents = (0..20).map(|n| ContentId([n; 32])).collect();
        let lab = LabPeer {
            peer: PeerId([1; 20]),
            version: String::new(),
            contents,
            total: 20,
            group: None,
            calls: vec![],
        };
        let read = decode_pairs(&encode(&lab, 1)).expect("it is ours");
        assert_eq!((read.contents.len(), read.total), (MAX_CONTENTS, 20));
    }
}

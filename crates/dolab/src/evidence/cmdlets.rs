//! What Microsoft's cmdlets print, and our commands in their form, with the cmdlets' own names.

use dolab_check::site::{Bytes, Device, File, Peer, Status};
use dolab_policy::Held;
use dolab_wire::{DownloadMode, PeerType};
use serde_json::Value;

/// Adds what a document tells of a device. Whether it tells anything.
pub(super) fn add(device: &mut Device, document: &Value) -> bool {
    match document {
        Value::Array(objects) => {
            let mut any = false;
            for object in objects {
                any |= add(device, object);
            }
            any
        }
        Value::Object(_) => {
            let inner = ["files", "config"]
                .into_iter()
                .find_map(|key| document.get(key));
            if let Some(inner) = inner.filter(|_| document.get("schema").is_some()) {
                return add(device, inner) || inner.as_array().is_some_and(Vec::is_empty);
            }
            // `dolab status --json` has each file's fields beside its sums.
            let object = document.get("status").filter(|it| it.is_object());
            one(device, object.unwrap_or(document))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn one(device: &mut Device, object: &Value) -> bool {
    if let Some(id) = text(object, "FileId") {
        if let Some(Value::Array(peers)) = lower(object, "Peers") {
            let file = known(device, id);
            file.peers = peers.iter().filter_map(peer).collect();
        } else if lower(object, "ConnectionEstablished").is_some() {
            let peer = peer(object);
            known(device, id).peers.extend(peer);
        } else {
            read_file(known(device, id), object);
        }
        return true;
    }
    if lower(object, "DownloadModeProvider").is_some() {
        let Some(mode) = mode(object) else {
            return false;
        };
        let provider = text(object, "DownloadModeProvider").unwrap_or_default();
        device.policies.push(Held {
            name: "DODownloadMode".to_owned(),
            value: format!("{mode} ({})", mode.number()),
            number: Some(mode.number()),
            set: provider != "DefaultProvider",
            provider,
            overruled: Vec::new(),
        });
        return true;
    }
    false
}

/// The file with an id, which is made known if it is new. Bounded by the file that is read.
fn known(device: &mut Device, id: String) -> &mut File {
    let at = device.files.iter().position(|file| file.id == id);
    let at = at.unwrap_or_else(|| {
        device.files.push(File {
            id,
            ..File::default()
        });
        device.files.len() - 1
    });
    &mut device.files[at]
}

fn read_file(file: &mut File, object: &Value) {
    let number = |name| lower(object, name).and_then(Value::as_u64).unwrap_or(0);
    file.size = number("FileSize");
    file.caller = text(object, "PredefinedCallerApplication").unwrap_or_default();
    file.foreground = match lower(object, "Priority") {
        Some(Value::String(name)) => name == "Foreground",
        Some(priority) => priority == 1,
        None => false,
    };
    file.status = match lower(object, "Status") {
        Some(Value::String(name)) => match name.as_str() {
            "Downloading" => Status::Downloading,
            "Caching" => Status::Caching,
            "Paused" => Status::Paused,
            _ => Status::Complete,
        },
        Some(number) => match number.as_u64() {
            Some(0) => Status::Downloading,
            Some(2) => Status::Caching,
            Some(3) => Status::Paused,
            _ => Status::Complete,
        },
        None => Status::Complete,
    };
    file.mode = mode(object);
    let cache_host = number("BytesFromCacheServer");
    file.from = Bytes {
        // What came from a cache is among it (documented).
        cdn: number("BytesFromHttp").saturating_sub(cache_host),
        cache_host,
        lan: number("BytesFromLanPeers"),
        link_local: number("BytesFromLinkLocalPeers"),
        group: number("BytesFromGroupPeers"),
        internet: number("BytesFromInternetPeers"),
    };
    file.to = Bytes {
        lan: number("BytesToLanPeers"),
        link_local: number("BytesToLinkLocalPeers"),
        group: number("BytesToGroupPeers"),
        internet: number("BytesToInternetPeers"),
        ..Bytes::default()
    };
    file.caches = text(object, "CacheHost")
        .filter(|host| !host.is_empty())
        .into_iter()
        .collect();
}

fn peer(object: &Value) -> Option<Peer> {
    let number = |name| lower(object, name).and_then(Value::as_u64).unwrap_or(0);
    Some(Peer {
        ip: text(object, "IP")?.parse().ok()?,
        kind: serde_json::from_value::<PeerType>(lower(object, "PeerType")?.clone()).ok()?,
        connected: lower(object, "ConnectionEstablished")?.as_bool()?,
        sent: number("BytesSent"),
        received: number("BytesReceived"),
        code: None,
        end: String::new(),
    })
}

fn mode(object: &Value) -> Option<DownloadMode> {
    serde_json::from_value(lower(object, "DownloadMode")?.clone()).ok()
}

fn text(object: &Value, name: &str) -> Option<String> {
    lower(object, name)?.as_str().map(str::to_owned)
}

/// A field in whatever case: cmdlets and their users write it as they like.
fn lower<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = object.as_object()?;
    fields.get(name).or_else(|| {
        let same = |(key, _): &(&String, &'a Value)| key.eq_ignore_ascii_case(name);
        fields.iter().find(same).map(|(_, value)| value)
    })
}

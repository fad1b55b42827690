//! Evidence in files: our own, or what cmdlets print.

use std::{fs, io::Read as _, path::Path};

use dolab_check::site::{Device, EVIDENCE_SCHEMA};
use serde_json::Value;

use super::cmdlets;
use crate::{escape::escape, failure::Failure};

/// Longest file that is read, in bytes.
const MAX: u64 = 64 << 20;
/// Most devices of one file.
const MAX_DEVICES: usize = 4096;

/// What to do for want of evidence.
const WHERE_FROM: &str = "`dolab diagnose --evidence-out FILE` writes evidence on the other machine; the JSON of \
     `dolab status` and of Get-DeliveryOptimizationStatus is read too";

/// The devices that a file tells of.
pub(crate) fn read(path: &Path) -> Result<Vec<Device>, Failure> {
    let name = path.display().to_string();
    let wrong = |what: &str| Failure::wrong_use(format!("{name}: {what}")).hint(WHERE_FROM);
    let mut text = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(MAX + 1).read_to_end(&mut text));
    read.map_err(|error| {
        Failure::unreadable(path, &error).hint(match path.is_dir() {
            true => "the state folder of a device is named with --state",
            false => WHERE_FROM,
        })
    })?;
    if text.len() as u64 > MAX {
        return Err(wrong(
            "more than 64 MiB: evidence of devices has some kilobytes each",
        ));
    }
    let text = decode(&text).ok_or_else(|| wrong("this is no text"))?;
    let documents: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect();
    let documents = documents.map_err(|error| match error.is_eof() {
        true => wrong("the file ends in the middle of its JSON: copy it once more"),
        false => wrong(&format!("this is no JSON: {error}")),
    })?;
    let fallback = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut devices = Vec::new();
    // What cmdlets print of one device belongs together.
    let mut printed = None;
    for document in documents {
        if document["schema"] == EVIDENCE_SCHEMA {
            let number = devices.len() + 1;
            let device: Device = serde_json::from_value(document).map_err(|error| {
                let error = error.to_string();
                let error = escape(&error);
                wrong(&format!(
                    "device {number} is not as {EVIDENCE_SCHEMA} has it: {error}"
                ))
            })?;
            devices.push(device);
            if devices.len() > MAX_DEVICES {
                return Err(wrong("more than 4096 devices"));
            }
            continue;
        }
        // Events of a command stand before its document.
        if document.get("event").is_some() {
            continue;
        }
        let device = printed.get_or_insert_with(|| Device {
            name: fallback.clone(),
            ..Device::default()
        });
        if !cmdlets::add(device, &document) {
            return Err(wrong(&no_evidence(&document)));
        }
    }
    devices.extend(printed);
    if devices.is_empty() {
        return Err(wrong("there is no evidence of a device in it"));
    }
    Ok(devices)
}

/// What a document is that is no evidence.
fn no_evidence(document: &Value) -> String {
    let newer = |schema: &str| {
        let version = schema.strip_prefix("dolab.evidence/")?;
        version.parse::<u32>().ok()
    };
    match document["schema"].as_str() {
        Some(schema) if newer(schema).is_some() => format!(
            "{} is newer than this dolab, which reads {EVIDENCE_SCHEMA}: use the dolab that wrote it",
            escape(schema)
        ),
        Some(schema) => format!("this is {}, and no evidence of a device", escape(schema)),
        None => "this is no evidence of a device".to_owned(),
    }
}

/// UTF-8, or UTF-16 as PowerShell's redirection writes it.
fn decode(bytes: &[u8]) -> Option<String> {
    if let Some(rest) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        let units = rest
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        return String::from_utf16(&units.collect::<Vec<_>>()).ok();
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &[u8]) -> Result<Vec<Device>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pc7.json");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn what_cmdlets_print_is_read_as_they_print_it() {
        let text = r#"[{"FileId":"ab","FileSize":104857600,"Status":"Caching","Priority":"Foreground",
            "BytesFromHttp":4,"BytesFromCacheServer":1,"BytesFromLanPeers":2,"DownloadMode":"Simple",
            "PredefinedCallerApplication":"WU Client Download"},
            {"FileId":"cd","Status":0,"DownloadMode":1}]
            {"DownloadMode":"Simple","DownloadModeProvider":"MdmProvider"}"#;
        let mut utf16 = vec![0xFF, 0xFE];
        for unit in text.encode_utf16() {
            utf16.extend(unit.to_le_bytes());
        }
        for bytes in [text.as_bytes().to_vec(), utf16] {
            let devices = written(&bytes).unwrap_or_else(|it| panic!("{}", it.error));
            let [device] = devices.as_slice() else {
                panic!()
            };
            assert_eq!(device.name, "pc7");
            let file = &device.files[0];
            assert_eq!(
                (file.from.cdn, file.from.cache_host, file.from.lan),
                (3, 1, 2)
            );
            assert_eq!(file.mode, Some(dolab_wire::DownloadMode::Simple));
            assert_eq!(device.files[1].mode, Some(dolab_wire::DownloadMode::Lan));
            let diagnosis = dolab_check::site::diagnose(&devices);
            assert_eq!(diagnosis.findings[0].code, "DL006");
            assert!(diagnosis.findings[0].evidence[0].contains("MdmProvider"));
        }
    }

    #[test]
    fn what_is_no_evidence_is_refused() {
        for text in [
            "",
            "{",
            "[]",
            "{}",
            "{\"schema\":\"other/1\"}",
            "7",
            "\u{0}",
        ] {
            let refused = written(text.as_bytes());
            assert!(refused.is_err(), "{text:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(written(deep.as_bytes()).is_err());
        let wrong = "{\"schema\":\"dolab.evidence/1\",\"files\":7}";
        assert!(
            written(wrong.as_bytes())
                .unwrap_err()
                .error
                .contains("pc7.json")
        );
    }

    #[test]
    fn evidence_comes_back_as_it_was_written() {
        let device = Device {
            schema: EVIDENCE_SCHEMA.to_owned(),
            name: "a".to_owned(),
            ..Device::default()
        };
        let line = serde_json::to_string(&device).unwrap();
        let devices = written(format!("{line}\n{line}\n").as_bytes())
            .ok()
            .unwrap();
        assert_eq!(devices, [device.clone(), device]);
    }
}

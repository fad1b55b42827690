use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::{
    KEYS, Name, Os, Place, Policies, Provider, Raw, Value,
    settings::Change,
    value::{HOURS, arbitrary},
};

/// What a file sets, a line for each step.
fn told(settings: &Settings) -> String {
    let mut out = String::new();
    for change in settings.changes() {
        match change {
            Change::Set(it) => {
                let (name, value, place) = (it.name, &it.value, &it.place);
                writeln!(out, "{name} = {value} ({}) at {place}", it.provider)
            }
            Change::Unset { name, provider } => writeln!(out, "{name} taken back ({provider})"),
            Change::Clear(provider) => writeln!(out, "everything taken back ({provider})"),
        }
        .unwrap();
    }
    out
}

fn read(file: &str, text: &str) -> Result<String, String> {
    Settings::read(file, text.as_bytes())
        .map(|settings| told(&settings))
        .map_err(|error| error.to_string())
}

const TOML: &str = r#"
# What group policy sets.
DODownloadMode = "Group"
dogroupid = "{01234567-89AB-CDEF-0123-456789ABCDEF}"
MinFileSizeToCache = 0x0a
DOAllowVPNPeerCaching = true
DOCacheHost = ["cache1.example", "10.0.0.2"]
DOVpnKeywords = "Corp, Tailscale"
DOModifyCacheDrive = 'D:\Cache'
DOSetHoursToLimitBackgroundDownloadBandwidth = { from = 8, to = 17, inside = 20, outside = 80 }

[mdm]
DODownloadMode = 1
DORestrictPeerSelectionBy = "local-discovery"

[settings]
DownloadMode = 3

[admin.DOSetHoursToLimitForegroundDownloadBandwidth]
from = 22
to = 6
inside = 0
outside = 50
"#;

#[test]
fn our_files_are_read_with_the_line_of_each_value() {
    insta::assert_snapshot!("toml", read("lab.toml", TOML).unwrap());
    assert_eq!(read("empty.toml", ""), Ok(String::new()));
}

const WRONG_TOML: &str = r#"DODownloadMod = 1
DODownloadMode = 4
DOMinFileSizeToCache = 0
  DOMaxCacheSize = 101
DOGroupId = "berlin"
DOMaxCacheAge = 1.5
DOVpnKeywords = [1]
DOModifyCacheDrive = " "
DODelayCacheServerFallbackForeground = 2592001
DOMinBackgroundQos = "fast"
DOAbsoluteMaxCacheSize = -1
DOMonthlyUploadDataCap = 99999999999999999999
DOMaxUploadBandwidth = {}
DOMinRAMAllowedToPeer = 2
domINramALLOWEDtopeer = 3
DOSetHoursToLimitForegroundDownloadBandwidth = { from = 24, to = 1, inside = 1, outside = 1 }
DOSetHoursToLimitBackgroundDownloadBandwidth = { from = 2, to = 1, within = 1 }
admin = 5
"#;

#[test]
fn what_is_wrong_in_our_files_is_told_with_line_and_column() {
    insta::assert_snapshot!("wrong_toml", read("lab.toml", WRONG_TOML).unwrap_err());
    insta::assert_snapshot!(
        "toml_syntax",
        read("x.toml", "a = 1\nDODownloadMode = = 2\n").unwrap_err()
    );
    insta::assert_snapshot!(
        "toml_twice",
        read("x.toml", "\nDODownloadMode = 1\nDODownloadMode = 2\n").unwrap_err()
    );
    insta::assert_snapshot!(
        "toml_hours",
        read(
            "x.toml",
            "DOSetHoursToLimitForegroundDownloadBandwidth = { from = 4, to = 1 }"
        )
        .unwrap_err()
    );
}

const EXPORT: &str = r#"Windows Registry Editor Version 5.00

; what administrators export
[HKEY_LOCAL_MACHINE\SOFTWARE\Other]
"DODownloadMode"=dword:00000063
this line makes no sense, and nobody minds

[HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\DeliveryOptimization]
@="nothing"
"DODownloadMode"=dword:00000002
"DOGroupId"="{01234567-89ab-cdef-0123-456789abcdef}"
"domaxcacheage"=dword:00093a80 ; seven days
"DOModifyCacheDrive"="D:\\Cache \"big\""
"DOMonthlyUploadDataCap"=hex(b):0a,00,00,00,00,00,00,00
"DOMaxCacheSize"=qword:000000000000001e
"DOMinRAMAllowedToPeer"=hex(4):02,00,00,00
"DOMinDiskSizeAllowedToPeer"=hex(5):00,00,00,40
"DOMinFileSizeToCache"="10"
"DOVpnKeywords"=hex(7):43,00,6f,00,72,00,70,00,00,00,57,00,47,00,\
  00,00,00,00
"DOCacheHost"=hex(2):63,00,31,00,2c,00,\
  63,00,\
  32,00,00,00
"SetHoursToLimitBackgroundDownloadBandwidthFrom"=dword:00000008
"SetHoursToLimitBackgroundDownloadBandwidthTo"=dword:00000011
"DOSetHoursToLimitBackgroundDownloadBandwidthIn"=dword:00000014
"SetHoursToLimitBackgroundDownloadBandwidthOut"=dword:00000050

[hklm\software\microsoft\policymanager\current\device\deliveryoptimization]
"DODownloadMode"=dword:00000001
"DODownloadMode_ProviderSet"=dword:00000001
"DODownloadMode_WinningProvider"="B5292708"
"DORestrictPeerSelectionBy"=dword:00000002
"DORestrictPeerSelectionBy"=-

[HKEY_USERS\S-1-5-20\Software\Microsoft\Windows\CurrentVersion\DeliveryOptimization\Settings]
"DownloadMode"=dword:00000003
"DownloadModeProvider"=dword:00000008

[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\DeliveryOptimization\Config]
"DODownloadMode"=dword:00000000
"GeoVersion_EndpointFullUri"="x"

[-HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\DeliveryOptimization\Config]
"DODownloadMode"=dword:00000000
"#;

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    [0xFF, 0xFE].into_iter().chain(units).collect()
}

#[test]
fn exports_are_read_in_every_form() {
    let expected = read("do.reg", EXPORT).unwrap();
    insta::assert_snapshot!("export", expected);
    let crlf = EXPORT.replace('\n', "\r\n");
    let marked = format!("\u{feff}{EXPORT}");
    for bytes in [
        utf16(EXPORT),
        utf16(&crlf),
        crlf.clone().into_bytes(),
        marked.into_bytes(),
    ] {
        let settings = Settings::read("do.reg", &bytes).unwrap();
        assert_eq!(told(&settings), expected);
    }
    // By its first line, whatever the file is called.
    let settings = Settings::read("export.txt", EXPORT.as_bytes()).unwrap();
    assert_eq!(told(&settings), expected.replace("do.reg", "export.txt"));
}

#[test]
fn old_exports_have_texts_of_one_byte_each() {
    let mut bytes = b"REGEDIT4\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Windows\\DeliveryOptimization]\r\n".to_vec();
    bytes.extend(b"\"DOModifyCacheDrive\"=\"D:\\\\Gr\xfcn\"\r\n");
    bytes.extend(b"\"DOCacheHost\"=hex(2):63,31,2e,64,65,00\r\n");
    bytes.extend(b"\"DOVpnKeywords\"=hex(7):43,00,57,47,00,00\r\n");
    let settings = Settings::read("old.reg", &bytes).unwrap();
    insta::assert_snapshot!("old_export", told(&settings));
}

const WRONG_EXPORT: &str = r#"Windows Registry Editor Version 5.00
[HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\DeliveryOptimization]
"DODownloadMod"=dword:00000001
"DODownloadMode"=dword:00000004
"DODownloadMode"=dword:1g
"DODownloadMode"=dword:000000001
"DODownloadMode"=hex:01,00,00,00
"DODownloadMode"=hex(4):01,00,00
"DODownloadMode"=hex(9):01
"DODownloadMode"=1
"DODownloadMode"
DODownloadMode=dword:00000001
"DOGroupId"="berlin"
"DOGroupId"="01234567-89ab-cdef-0123-456789abcdef
"DOMaxCacheSize"=dword:00000065
"DownloadMode"=dword:00000001
"SetHoursToLimitForegroundDownloadBandwidthFrom"=dword:00000008
"SetHoursToLimitForegroundDownloadBandwidthTo"="late"
"DOMaxCacheAge"=dword:00000001 and more
[HKEY_LOCAL_MACHINE\SOFTWARE\Other
"#;

#[test]
fn what_is_wrong_in_an_export_is_told_with_its_line() {
    insta::assert_snapshot!("wrong_export", read("do.reg", WRONG_EXPORT).unwrap_err());
    insta::assert_snapshot!(
        "no_export",
        read("do.reg", "DODownloadMode = 1").unwrap_err()
    );
}

#[test]
fn what_is_too_large_or_no_text_is_refused() {
    let error = |bytes: &[u8]| Settings::read("x", bytes).unwrap_err().to_string();
    insta::assert_snapshot!("too_large", error(&vec![b' '; MAX_FILE + 1]));
    for bytes in [&b"a\0b"[..], b"\xff\xfea", b"\xff\xfe\0\0"] {
        assert_eq!(error(bytes), "x: this is no text in UTF-8 or UTF-16");
    }
    // As many problems as a file can have are not told.
    let many = "x = 1\n".replace('x', "y");
    let many: String = (0..10_000)
        .map(|n| many.replace('y', &format!("k{n}")))
        .collect();
    let error = Settings::read("x", many.as_bytes()).unwrap_err();
    assert_eq!(error.problems.len(), MAX_PROBLEMS);
}

#[test]
fn a_live_registry_is_read_as_far_as_it_makes_sense() {
    let value = |key: usize, name: &str, raw| RegistryValue {
        key: &KEYS[key],
        name: name.to_owned(),
        raw,
    };
    let (settings, problems) = Settings::from_registry([
        value(0, "DODownloadMode", Raw::Number(2)),
        value(0, "DONewPolicyOf2030", Raw::Number(2)),
        value(0, "DOMaxCacheSize", Raw::Number(0)),
        value(
            1,
            "SetHoursToLimitForegroundDownloadBandwidthFrom",
            Raw::Number(1),
        ),
        value(2, "DownloadMode", Raw::Number(0)),
        value(3, "anything", Raw::Other("bytes")),
    ]);
    insta::assert_snapshot!("live", told(&settings));
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("live_problems", problems.join("\n"));
}

#[test]
fn files_and_registries_merge_by_provider() {
    let mut all = Settings::read("lab.toml", TOML.as_bytes()).unwrap();
    all.extend(Settings::read("do.reg", EXPORT.as_bytes()).unwrap());
    let policies = Policies::new(Os::Windows11, &all);
    let mode = policies.effective(Name::DownloadMode);
    // The same provider in both: the later file.
    assert_eq!(
        mode.origin,
        crate::Origin::Set {
            provider: Provider::Registry,
            place: Place::File {
                file: "do.reg".to_owned(),
                line: 10
            },
        }
    );
    let weaker: Vec<_> = mode.overridden.iter().map(|it| it.provider).collect();
    assert_eq!(weaker, [Provider::Mdm, Provider::Settings]);
    // Taken back in the export, so that nobody sets it.
    let restriction = policies.effective(Name::RestrictPeerSelectionBy);
    assert_eq!(restriction.origin.provider(), Provider::Default);
}

/// A setting as our own files have it.
fn as_toml(name: Name, value: &Value) -> String {
    let text = |text: &str| serde_json::to_string(text).unwrap();
    match value {
        Value::Number(number) => format!("{name} = {number}\n"),
        Value::Guid(guid) => format!("{name} = \"{guid}\"\n"),
        Value::Text(it) => format!("{name} = {}\n", text(it)),
        Value::List(texts) => {
            let texts: Vec<_> = texts.iter().map(|it| text(it)).collect();
            format!("{name} = [{}]\n", texts.join(", "))
        }
        Value::Hours(hours) => {
            let parts = HOURS
                .iter()
                .zip([hours.from, hours.to, hours.inside, hours.outside]);
            let parts: Vec<_> = parts.map(|(part, it)| format!("{part} = {it}")).collect();
            format!("{name} = {{ {} }}\n", parts.join(", "))
        }
    }
}

/// The same as an export has it.
fn as_export(name: Name, value: &Value, bare: bool) -> String {
    let shown = if bare { &name.mdm()[2..] } else { name.mdm() };
    let quoted = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"");
    match value {
        Value::Number(number) => format!("\"{shown}\"=dword:{number:08x}\n"),
        Value::Guid(guid) => format!("\"{shown}\"=\"{{{guid}}}\"\n"),
        Value::Text(text) => format!("\"{shown}\"=\"{}\"\n", quoted(text)),
        Value::List(texts) => {
            // As REG_MULTI_SZ, four bytes in a line.
            let texts = texts.iter().map(|text| format!("{text}\0"));
            let texts: String = texts.chain(["\0".to_owned()]).collect();
            let bytes: Vec<_> = texts.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let lines: Vec<_> = bytes
                .chunks(4)
                .map(|line| {
                    line.iter()
                        .map(|byte| format!("{byte:02x}"))
                        .collect::<Vec<_>>()
                        .join(",")
                })
                .collect();
            format!("\"{shown}\"=hex(7):{}\n", lines.join(",\\\n  "))
        }
        Value::Hours(hours) => name
            .policy()
            .registry_values()
            .iter()
            .zip([hours.from, hours.to, hours.inside, hours.outside])
            .map(|(name, it)| format!("\"{name}\"=dword:{it:08x}\n"))
            .collect(),
    }
}

fn setting() -> impl Strategy<Value = (Name, Value)> {
    prop::sample::select(Name::all().collect::<Vec<_>>())
        .prop_flat_map(|name| arbitrary(name.policy()).prop_map(move |value| (name, value)))
}

fn values(settings: &Settings) -> Vec<(Name, Value, Provider)> {
    let mut values: Vec<_> = settings
        .changes()
        .iter()
        .map(|change| match change {
            Change::Set(it) => (it.name, it.value.clone(), it.provider),
            Change::Unset { .. } | Change::Clear(_) => panic!("nothing is taken back"),
        })
        .collect();
    values.sort_by_key(|(name, _, provider)| (*name, *provider));
    values
}

proptest! {
    #[test]
    fn every_value_is_read_as_it_was_written(
        settings in prop::collection::btree_map(prop::sample::select(Name::all().collect::<Vec<_>>()), Just(()), 0..20),
        each in prop::collection::vec(setting(), 40),
        key in prop::sample::select(&KEYS[..]),
    ) {
        let chosen: Vec<_> = settings
            .keys()
            .filter_map(|name| each.iter().find(|(of, _)| of == name))
            .collect();
        let expected: Vec<_> = chosen
            .iter()
            .map(|(name, value)| (*name, value.clone(), key.provider))
            .collect();
        let table = key.provider.table().unwrap();
        let toml: String = chosen.iter().map(|(name, value)| as_toml(*name, value)).collect();
        let toml = format!("[{table}]\n{toml}");
        let read = Settings::read("a.toml", toml.as_bytes());
        prop_assert_eq!(&values(&read.expect(&toml)), &expected);
        let export: String = chosen
            .iter()
            .map(|(name, value)| as_export(*name, value, key.bare_names))
            .collect();
        let export = format!("Windows Registry Editor Version 5.00\n\n[{key}]\n{export}");
        for bytes in [export.clone().into_bytes(), utf16(&export)] {
            let read = Settings::read("a.reg", &bytes);
            prop_assert_eq!(&values(&read.expect(&export)), &expected);
        }
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, reg: bool) {
        let _ = Settings::read(if reg { "a.reg" } else { "a.toml" }, &bytes);
    }

    /// Lines that look like an export's.
    #[test]
    fn no_export_panics(
        lines in prop::collection::vec(
            "(\\[-?(HKLM\\\\SOFTWARE\\\\Policies\\\\Microsoft\\\\Windows\\\\DeliveryOptimization|x)\\]?|\"(DO[a-zA-Z]{0,12}|DODownloadMode|DOVpnKeywords|SetHoursToLimitForegroundDownloadBandwidth(From|To|In))\"? ?=(-|dword:[0-9a-g]{0,9}|hex(\\([0-9ab]\\))?:([0-9a-f]{2},){0,5}\\\\?|\"[^\n]{0,6}\"?)|[^\n]{0,12})",
            0..30,
        ),
    ) {
        let text = format!("Windows Registry Editor Version 5.00\n[{}]\n{}", KEYS[0], lines.join("\n"));
        let _ = Settings::read("a.reg", text.as_bytes());
    }
}

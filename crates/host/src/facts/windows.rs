//! Windows tells in its registry.

use dolab_policy::{KEYS, Problem, Raw, RegistryValue, Settings};
use windows_registry::{Key, LOCAL_MACHINE, Type, USERS, Value};

/// Network adapters, each in a numbered key.
const ADAPTERS: &str =
    r"SYSTEM\CurrentControlSet\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}";

pub(super) fn policies() -> (Settings, Vec<Problem>) {
    let mut found = Vec::new();
    for key in &KEYS {
        let root = match key.root {
            "HKEY_USERS" => USERS,
            _ => LOCAL_MACHINE,
        };
        // A key that is not there sets nothing; the one of the service needs an administrator.
        let Ok(open) = root.open(key.path) else {
            continue;
        };
        let Ok(values) = open.values() else { continue };
        found.extend(values.map(|(name, value)| RegistryValue {
            key,
            name,
            raw: raw(value),
        }));
    }
    Settings::from_registry(found)
}

fn raw(value: Value) -> Raw {
    let found = match value.ty() {
        Type::U32 => u32::try_from(value).ok().map(|it| Raw::Number(it.into())),
        Type::U64 => u64::try_from(value).ok().map(|it| Raw::Number(it.into())),
        Type::String | Type::ExpandString => String::try_from(value).ok().map(Raw::Text),
        Type::MultiString => Vec::<String>::try_from(value).ok().map(Raw::List),
        Type::Bytes | Type::Other(_) => Some(Raw::Other("bytes")),
    };
    found.unwrap_or(Raw::Other("a value that is not whole"))
}

/// What an adapter's driver calls it, by the adapter's GUID.
pub(super) fn description(adapter: &str) -> String {
    let of = |key: &Key, name: &str| {
        let key = key.open(name).ok()?;
        let id = key.get_string("NetCfgInstanceId").ok()?;
        let text = key.get_string("DriverDesc").ok()?;
        id.eq_ignore_ascii_case(adapter).then_some(text)
    };
    LOCAL_MACHINE
        .open(ADAPTERS)
        .ok()
        .and_then(|key| key.keys().ok()?.find_map(|name| of(&key, &name)))
        .unwrap_or_default()
}

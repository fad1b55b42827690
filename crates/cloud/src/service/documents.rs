//! Geo, key-value, content policy and discovery: documents that only say something.

use std::fmt::Write;

use dolab_content::PieceHasher;
use dolab_wire::{
    DownloadMode,
    cloud::{
        CONTENT_POLICY_PATH, ContentPolicy, ContentPolicyValues, DISCOVERY_PATH, Discovered, Geo,
        GeoVersion, KEY_VALUE_PATH, KeyValue,
    },
};
use hyper::StatusCode;

use super::{Asked, Reply};
use crate::{cloud::Shared, faults::Effects, hosts::Role};

type Answer = Result<Reply, Reply>;

pub(super) fn geo(shared: &Shared, asked: &Asked) -> Answer {
    let service = &shared.service;
    Ok(Reply::json(&Geo {
        external_ip_address: asked.external,
        country_code: service.country_code.clone(),
        key_value_endpoint: asked.url(Role::KeyValue, KEY_VALUE_PATH),
        version: version(shared, asked),
        compact_version: None,
        cache_id: Some("7".into()),
        content_cert: Some(false),
        download_mode_fail_safe: service.download_mode_fail_safe.clone(),
        cache_host: service.cache_host.clone(),
        cache_host_flag: service.cache_host_flag,
    }))
}

pub(super) fn geo_version(shared: &Shared, asked: &Asked) -> Answer {
    Ok(Reply::json(&GeoVersion {
        version: version(shared, asked),
    }))
}

/// 16 hex digits that change with what a device is told: with the service's configuration, and with
/// the address that the device is seen at (assumed; Microsoft's version is opaque).
fn version(shared: &Shared, asked: &Asked) -> String {
    let told = format!("{} {:?}", asked.external, shared.service);
    let digest = PieceHasher::hash(told.as_bytes());
    let mut version = String::with_capacity(16);
    for byte in &digest[..8] {
        let _ = write!(version, "{byte:02X}");
    }
    version
}

pub(super) fn key_value(shared: &Shared, asked: &Asked) -> Answer {
    Ok(Reply::json(&KeyValue {
        content_policy_endpoint: asked.url(Role::ContentPolicy, CONTENT_POLICY_PATH),
        discovery_endpoint: asked.url(Role::Discovery, DISCOVERY_PATH),
        registered_callers: shared.service.registered_callers.clone(),
    }))
}

pub(super) fn content_policy(
    shared: &Shared,
    asked: &Asked,
    id: &str,
    effects: &Effects,
) -> Answer {
    let url = asked.query.value("altCatalogId");
    let content = shared.catalogue.named(id);
    let content = content.or_else(|| shared.catalogue.at_url(url?));
    let Some(content) = content else {
        let what = "no such content: ask with the id that the cloud printed, or with the content's \
                    URL as altCatalogId";
        return Err(Reply::error(StatusCode::NOT_FOUND, what));
    };
    let rules = content.rules;
    let id = content.hashes.id().0;
    let mut hash = id;
    if effects.wrong_hash_of_hashes {
        hash[0] ^= 0xff;
    }
    Ok(Reply::json(&ContentPolicy {
        content_id: ContentPolicy::content_id_of(&id),
        hash_of_hashes: Some(hash),
        pieces_hash_file_cdn_urls: vec![asked.url(Role::Content, &content.pieces_hash_path())],
        content_cdn_urls: vec![asked.url(Role::Content, &content.path())],
        is_secure: false,
        is_internal: false,
        policies: ContentPolicyValues {
            foreground_qos_bps: rules.foreground_qos_bps,
            background_qos_bps: rules.background_qos_bps,
            max_cache_age_secs: rules.max_cache_age_secs,
            expire_at_secs_since_epoch: rules.expire_at_secs_since_epoch,
            download_to_expire: None,
            download_mode: (!rules.peers).then_some(DownloadMode::CdnOnly),
        },
        rank: 0,
    }))
}

/// Every content is served by the one array that there is.
pub(super) fn discovery(asked: &Asked) -> Answer {
    Ok(Reply::json(&[Discovered {
        collective_array: asked.url(Role::Array, "/"),
    }]))
}

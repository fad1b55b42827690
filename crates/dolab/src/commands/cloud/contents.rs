//! What the cloud serves: hashed one after the other, each with its lines to copy.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use dolab_cloud::{Cloud, Content, ContentRules};
use dolab_wire::cloud::ContentPolicy;
use serde::Serialize;

use super::Base;
use crate::{
    args::{CloudArgs, CloudTold},
    escape::escape,
    failure::Failure,
    offer::{self, Offer},
    output::Output,
    units::{Rate, Size},
};

/// Files of one folder that are served.
const MOST_FILES: usize = 10_000;

/// Serves everything that the user named.
pub(super) async fn share_all(
    args: &CloudArgs,
    cloud: &Cloud,
    base: &Base,
    output: &Output,
) -> Result<(), Failure> {
    let rules = rules(&args.told);
    let piece_size = args.piece_size;
    let without_peers = ContentRules {
        peers: false,
        ..rules
    };
    let named = args.share.iter().map(|path| (path, rules));
    let paths = args.share_without_peers.iter();
    for (path, rules) in named.chain(paths.map(|path| (path, without_peers))) {
        for file in files(path)? {
            let modified = fs::metadata(&file).and_then(|it| it.modified()).ok();
            let (open, to) = (file.clone(), output.clone());
            let offer = blocking(move || offer::file(&open, piece_size, &to)).await?;
            let content = content(offer, modified, rules);
            share(cloud, base, content, Some(&file), output);
        }
    }
    for &spec in &args.share_synthetic {
        let to = output.clone();
        let offer = blocking(move || offer::synthetic(spec, piece_size, &to)).await?;
        share(cloud, base, content(offer, None, rules), None, output);
    }
    Ok(())
}

fn rules(told: &CloudTold) -> ContentRules {
    let bytes = |rate: Rate| (rate.bits_per_second / 8.0) as u64;
    let since_1970 = |date: SystemTime| {
        let since = date.duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default().as_secs()
    };
    ContentRules {
        peers: true,
        foreground_qos_bps: Some(bytes(told.foreground_qos)),
        background_qos_bps: Some(bytes(told.background_qos)),
        max_cache_age_secs: Some(told.max_cache_age.as_secs()),
        expire_at_secs_since_epoch: told.expire_at.map(since_1970),
    }
}

fn content(offer: Offer, modified: Option<SystemTime>, rules: ContentRules) -> Content {
    Content {
        name: offer.name,
        source: offer.source,
        hashes: offer.hashes,
        modified,
        rules,
    }
}

/// The file itself, or the files of a folder, but not of its folders.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let wrong = |error| Failure::cannot_run(format!("{}: {error}", path.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(wrong)? {
        let file = entry.map_err(wrong)?.path();
        // What is empty has no pieces.
        if fs::metadata(&file).is_ok_and(|it| it.is_file() && it.len() > 0) {
            files.push(file);
        }
        if files.len() > MOST_FILES {
            let what = format!("{}: more than {MOST_FILES} files", path.display());
            return Err(Failure::wrong_use(what).hint("name the files, or a smaller folder"));
        }
    }
    if files.is_empty() {
        let what = format!("{}: no file in this folder has any bytes", path.display());
        return Err(Failure::wrong_use(what).hint("check the path that follows --share"));
    }
    files.sort();
    Ok(files)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("hashing does not panic")
}

fn share(cloud: &Cloud, base: &Base, content: Content, path: Option<&Path>, output: &Output) {
    let content = cloud.share(content);
    let (id, name) = (content.hashes.id(), &content.name);
    let bytes = content.hashes.layout().length();
    let url = format!("{}{}", base.content, content.path());
    let peers = if content.rules.peers {
        ""
    } else {
        ", without peers"
    };
    output.line(format_args!(
        "serving: {}, {}{peers}",
        escape(name),
        Size(bytes)
    ));
    output.line(format_args!("  {id}"));
    output.line(format_args!("  {url}"));
    output.line(format_args!(
        "  on a device: dolab fetch {id} --cloud {}",
        base.cloud
    ));
    #[derive(Serialize)]
    struct Fields<'a> {
        id: String,
        content_id: String,
        name: &'a str,
        bytes: u64,
        path: Option<String>,
        url: &'a str,
        pieces_hash_url: String,
        peers: bool,
    }
    output.event(
        "serving",
        Fields {
            id: id.to_string(),
            content_id: ContentPolicy::content_id_of(&id.0),
            name,
            bytes,
            path: path.map(|path| path.display().to_string()),
            url: &url,
            pieces_hash_url: format!("{}{}", base.content, content.pieces_hash_path()),
            peers: content.rules.peers,
        },
    );
}

//! What a peer shares: hashed one after the other, each with its line to copy.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use dolab_check::Station;
use dolab_content::ContentId;
use dolab_peer::AddError;
use serde::Serialize;

use crate::{
    args::PeerArgs,
    escape::escape,
    failure::Failure,
    offer::{self, Offer},
    output::Output,
    units::Size,
};

/// What is shared, by what the user calls it.
pub(super) type Names = BTreeMap<ContentId, String>;

/// Shares everything that the user named. `dial` is what is typed elsewhere to reach this host.
pub(super) async fn share_all(
    args: &PeerArgs,
    station: &Station,
    dial: &str,
    output: &Output,
) -> Result<Names, Failure> {
    let mut names = Names::new();
    for path in &args.share {
        let (open, to) = (path.clone(), output.clone());
        let offer = blocking(move || offer::file(&open, offer::PIECE_SIZE, &to)).await?;
        share(args, station, dial, offer, Some(path), &mut names, output).await?;
    }
    for &spec in &args.share_synthetic {
        let to = output.clone();
        let offer = blocking(move || offer::synthetic(spec, offer::PIECE_SIZE, &to)).await?;
        share(args, station, dial, offer, None, &mut names, output).await?;
    }
    Ok(names)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("hashing does not panic")
}

async fn share(
    args: &PeerArgs,
    station: &Station,
    dial: &str,
    offer: Offer,
    path: Option<&PathBuf>,
    names: &mut Names,
    output: &Output,
) -> Result<(), Failure> {
    let hash_file = match &args.hash_file_dir {
        Some(folder) => Some(offer::write_hash_file(&offer, folder)?),
        None => None,
    };
    let (id, name) = (offer.hashes.id(), offer.name.clone());
    let bytes = offer.hashes.layout().length();
    let shared = dolab_peer::Shared {
        name: offer.name,
        hashes: offer.hashes,
        source: offer.source,
    };
    match station.share(shared).await {
        Ok(_) => {
            names.insert(id, name.clone());
        }
        Err(AddError::Known(_)) => output.note(format_args!(
            "note: {} has the same content as {}, which is shared already",
            escape(&name),
            escape(names.get(&id).unwrap_or(&name)),
        )),
        Err(error) => return Err(Failure::cannot_run(error)),
    }
    output.line(format_args!("sharing: {}, {}", escape(&name), Size(bytes)));
    output.line(format_args!("  {id}"));
    output.line(format_args!(
        "  on the other host: dolab fetch {id} --from {dial}"
    ));
    if let Some(file) = &hash_file {
        output.line(format_args!("  piece hashes: {}", file.display()));
    }
    tell(id, &name, bytes, path, hash_file.as_deref(), output);
    Ok(())
}

fn tell(
    id: ContentId,
    name: &str,
    bytes: u64,
    path: Option<&PathBuf>,
    hash_file: Option<&Path>,
    output: &Output,
) {
    #[derive(Serialize)]
    struct Fields<'a> {
        id: String,
        name: &'a str,
        bytes: u64,
        path: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pieces_hash_file: Option<String>,
    }
    output.event(
        "sharing",
        Fields {
            id: id.to_string(),
            name,
            bytes,
            path: path.map(|path| path.display().to_string()),
            pieces_hash_file: hash_file.map(|path| path.display().to_string()),
        },
    );
}

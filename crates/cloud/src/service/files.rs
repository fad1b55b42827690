//! Contents, their pieces hash files, and the test objects.

use std::sync::Arc;

use dolab_content::PiecesHashFile;
use hyper::{Request, Response, StatusCode, body::Incoming};
use serde_json::Value;

use super::{Asked, Reply};
use crate::{
    body::Body,
    catalogue::Found,
    cloud::Shared,
    faults::Effects,
    origin::{self, Flaws},
};

pub(super) fn serve(
    shared: &Arc<Shared>,
    asked: &Asked,
    request: Request<Incoming>,
    effects: &Effects,
) -> Response<Body> {
    let Some(found) = shared.catalogue.at(&asked.path) else {
        return Reply::error(StatusCode::NOT_FOUND, "there is nothing at this path").into();
    };
    let flaws = Flaws {
        no_ranges: effects.no_ranges,
        oversize: u64::from(effects.wrong_size),
    };
    let (resource, flaws) = match found {
        Found::Content(content) => (content.resource(), flaws),
        Found::TestObject(resource) => (resource, flaws),
        // Here the size is what the file says, not the file's own.
        Found::PiecesHashFile(content) => {
            let instead = altered(&content.hashes, effects);
            let oversize = 0;
            let flaws = Flaws { oversize, ..flaws };
            (content.pieces_hash_file(instead), flaws)
        }
    };
    let (method, headers) = (request.method(), request.headers());
    origin::serve(
        &resource,
        method,
        headers,
        flaws,
        shared.gate.limits.stalled,
    )
}

/// The pieces hash file as the faults want it; `None` for the right one.
fn altered(hashes: &PiecesHashFile, effects: &Effects) -> Option<Vec<u8>> {
    let wrong = effects.wrong_piece_hash || effects.wrong_hash_of_hashes || effects.wrong_size;
    if !wrong {
        return None;
    }
    let mut file: Value = serde_json::from_slice(&hashes.to_json()).expect("it was just written");
    if effects.wrong_piece_hash {
        flip(&mut file["Pieces"][0]);
    }
    if effects.wrong_hash_of_hashes {
        flip(&mut file["HashOfHashes"]);
    }
    if effects.wrong_size {
        file["ContentLength"] = (hashes.layout().length() + 1).into();
    }
    Some(serde_json::to_vec(&file).expect("it was just read"))
}

/// Another hash of the same form.
fn flip(hash: &mut Value) {
    let text = hash.as_str().expect("hashes are texts");
    let first = if text.starts_with('A') { 'B' } else { 'A' };
    *hash = format!("{first}{}", &text[1..]).into();
}

#[cfg(test)]
mod tests {
    use dolab_content::{HashFileError, Layout};

    use super::*;

    fn read(effects: &Effects) -> Result<PiecesHashFile, HashFileError> {
        let layout = Layout::new(2 << 20, 1 << 20).unwrap();
        let hashes = PiecesHashFile::from_hashes(layout, vec![[1; 32], [2; 32]]).unwrap();
        let json = altered(&hashes, effects).unwrap_or_else(|| hashes.to_json());
        PiecesHashFile::from_json_of(hashes.id(), &json)
    }

    #[test]
    fn each_flaw_is_told_by_who_reads_the_file() {
        read(&Effects::default()).unwrap();
        let piece = Effects {
            wrong_piece_hash: true,
            ..Effects::default()
        };
        let error = read(&piece).unwrap_err();
        assert!(
            matches!(error, HashFileError::HashOfHashesComputed { .. }),
            "{error}"
        );
        let hash = Effects {
            wrong_hash_of_hashes: true,
            ..Effects::default()
        };
        let error = read(&hash).unwrap_err();
        assert!(
            matches!(error, HashFileError::HashOfHashesStated { .. }),
            "{error}"
        );
        let size = Effects {
            wrong_size: true,
            ..Effects::default()
        };
        let error = read(&size).unwrap_err();
        assert!(matches!(error, HashFileError::Pieces { .. }), "{error}");
    }
}

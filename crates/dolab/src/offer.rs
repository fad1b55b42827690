//! Contents that this host offers: opened, and hashed with a progress bar.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use dolab_content::{
    Layout, LayoutError, PiecesHashFile, SharedFile, Source, StoreError, Synthetic, hash_source,
};

use crate::{
    args::SyntheticSpec,
    exit::Exit,
    failure::Failure,
    output::Output,
    units::{Rate, Size},
};

/// Piece size, in bytes: Delivery Optimization's default (documented).
pub(crate) const PIECE_SIZE: u32 = 1 << 20;

/// A content that is ready to be shared.
#[derive(Clone)]
pub(crate) struct Offer {
    /// What it is called: the file's name without its folders, or how it was made up.
    pub(crate) name: String,
    /// Where its bytes are.
    pub(crate) source: Arc<dyn Source>,
    /// What they have to be.
    pub(crate) hashes: Arc<PiecesHashFile>,
}

/// Opens and hashes a file, in pieces of so many bytes. Blocks.
pub(crate) fn file(path: &Path, piece_size: u32, output: &Output) -> Result<Offer, Failure> {
    let shown = path.display();
    let file = SharedFile::open(path).map_err(|error| cannot_share(path, &error))?;
    let layout = Layout::new(file.length(), piece_size).map_err(|error| {
        let exit = if error == LayoutError::Empty {
            Exit::WrongUse
        } else {
            Exit::CannotRun
        };
        Failure::new(exit, format_args!("{shown}: {error}"))
    })?;
    let name = path.file_name().map_or_else(
        || shown.to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    let hashes = hash(&file, layout, &name, output).map_err(|error| cannot_share(path, &error))?;
    Ok(Offer {
        name,
        source: Arc::new(file),
        hashes,
    })
}

/// Makes content up and hashes it, in pieces of so many bytes. Blocks.
pub(crate) fn synthetic(
    spec: SyntheticSpec,
    piece_size: u32,
    output: &Output,
) -> Result<Offer, Failure> {
    let SyntheticSpec { size, seed } = spec;
    let layout = Layout::new(size.0, piece_size).map_err(Failure::wrong_use)?;
    let source = Synthetic::new(seed, size.0);
    let name = format!("synthetic-{}-{seed}.bin", size.0);
    let hashes = hash(&source, layout, &name, output).map_err(Failure::cannot_run)?;
    Ok(Offer {
        name,
        source: Arc::new(source),
        hashes,
    })
}

fn hash(
    source: &dyn Source,
    layout: Layout,
    name: &str,
    output: &Output,
) -> Result<Arc<PiecesHashFile>, StoreError> {
    let bar = output.transfer(format!("hashing {name}"), layout.length());
    let threads = thread::available_parallelism().map_or(1, Into::into);
    let hashes = hash_source(source, layout, threads, &|done| bar.set_position(done))?;
    tracing::info!(
        name,
        size = %Size(layout.length()),
        rate = %Rate::of(layout.length(), bar.elapsed()),
        "hashed"
    );
    bar.finish_and_clear();
    Ok(Arc::new(hashes))
}

fn cannot_share(path: &Path, error: &StoreError) -> Failure {
    let missing = matches!(error, StoreError::Io { source, .. }
        if source.kind() == std::io::ErrorKind::NotFound);
    if missing {
        return Failure::wrong_use(format!("{}: there is no such file", path.display()))
            .hint("check the path that follows --share");
    }
    Failure::cannot_run(error).hint("name a file that this user can read")
}

/// Writes the hash file of an offer into a folder, and says where.
pub(crate) fn write_hash_file(offer: &Offer, folder: &Path) -> Result<PathBuf, Failure> {
    let path = folder.join(format!("{}.json", offer.hashes.id()));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, offer.hashes.to_json()))
        .map_err(|error| {
            Failure::cannot_run(format!("{}: {error}", path.display()))
                .hint("name a folder that can be written to")
        })?;
    Ok(path)
}

//! What a sender sends: a stretch of bytes that is ready before the clock starts, over and over.
//! Made-up bytes are made at a few GB/s, which would hold a fast link up.

use std::{
    fs::File,
    sync::{Arc, Weak},
};

use dolab_content::{
    HashFileError, Layout, PieceHasher, PiecesHashFile, Source as Bytes, StoreError, Synthetic,
};
use dolab_wire::session::Digest;
use serde::{Deserialize, Serialize};

use crate::{pace::Pace, report::Source};

/// Bytes in a piece: Delivery Optimization's size (observed).
pub(crate) const PIECE: u32 = 1 << 20;

/// Pieces of made-up bytes: more than the caches of most processors hold, so that sending reads
/// memory as it would with a real file.
const PIECES: u32 = 64;

/// What the made-up bytes are made from.
const SEED: u64 = 0x62_656E_6368;

/// Bytes of a sender. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    bytes: Arc<Stretch>,
}

#[derive(Debug)]
struct Stretch {
    piece_size: u32,
    /// SHA-256 of each piece.
    hashes: Vec<[u8; 32]>,
    memory: Memory,
}

/// Where they stand: in a file without a name where the kernel can send from it, as a real peer
/// does.
#[derive(Debug)]
enum Memory {
    #[cfg(target_os = "linux")]
    File(File),
    Heap(Box<[u8]>),
}

impl Window {
    /// Makes the bytes and hashes them: some hundred milliseconds on one core.
    pub(crate) fn make(source: Source, piece_size: u32) -> Self {
        let pieces = match source {
            Source::Synthetic => PIECES,
            Source::Zero => 1,
        };
        let length = u64::from(pieces) * u64::from(piece_size);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)].into_boxed_slice();
        if source == Source::Synthetic {
            let made = Synthetic::new(SEED, length).read_at(0, &mut bytes);
            made.expect("the content is as long as what is read of it");
        }
        let hashes = bytes.chunks(piece_size as usize).map(PieceHasher::hash);
        Self {
            bytes: Arc::new(Stretch {
                piece_size,
                hashes: hashes.collect(),
                memory: Memory::of(bytes),
            }),
        }
    }

    /// The content of `length` bytes that these make when they are repeated.
    pub(crate) fn offer(&self, length: u64) -> Offer {
        let piece_size = self.bytes.piece_size;
        let rest = (length % u64::from(piece_size)) as usize;
        let last = (rest > 0).then(|| {
            let mut bytes = vec![0; rest];
            let index = length / u64::from(piece_size);
            self.copy(index * u64::from(piece_size), &mut bytes);
            Digest(PieceHasher::hash(&bytes))
        });
        Offer {
            length,
            piece_size,
            hashes: self.bytes.hashes.iter().copied().map(Digest).collect(),
            last,
        }
    }

    /// Bytes before they repeat.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.hashes.len() as u64 * u64::from(self.bytes.piece_size)
    }

    /// The file that they stand in.
    pub(crate) fn file(&self) -> Option<&File> {
        match &self.bytes.memory {
            #[cfg(target_os = "linux")]
            Memory::File(file) => Some(file),
            Memory::Heap(_) => None,
        }
    }

    /// The bytes at `offset` and behind it that stand in memory as one, up to the end of the stretch.
    pub(crate) fn slice(&self, offset: u64) -> Option<&[u8]> {
        match &self.bytes.memory {
            #[cfg(target_os = "linux")]
            Memory::File(_) => None,
            Memory::Heap(bytes) => bytes.get((offset % self.len()) as usize..),
        }
    }

    /// Fills `buf` with what the content has from `offset` on.
    fn copy(&self, offset: u64, buf: &mut [u8]) {
        let mut done = 0;
        while done < buf.len() {
            let at = (offset + done as u64) % self.len();
            let most = (buf.len() - done).min((self.len() - at) as usize);
            let part = &mut buf[done..done + most];
            match &self.bytes.memory {
                #[cfg(target_os = "linux")]
                Memory::File(file) => {
                    let read = std::os::unix::fs::FileExt::read_exact_at(file, part, at);
                    read.expect("memory of our own can be read");
                }
                Memory::Heap(bytes) => part.copy_from_slice(&bytes[at as usize..][..most]),
            }
            done += most;
        }
    }
}

impl Memory {
    fn of(bytes: Box<[u8]>) -> Self {
        #[cfg(target_os = "linux")]
        match file_of(&bytes) {
            Ok(file) => return Self::File(file),
            Err(error) => tracing::debug!(%error, "no file in memory: sending from a buffer"),
        }
        Self::Heap(bytes)
    }
}

#[cfg(target_os = "linux")]
fn file_of(bytes: &[u8]) -> std::io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};

    let file = File::from(memfd_create("dolab-bench", MemfdFlags::CLOEXEC)?);
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0)?;
    Ok(file)
}

/// The windows that flows of this process share, for as long as one of them has them.
#[derive(Debug, Default)]
pub(crate) struct Windows(tokio::sync::Mutex<[Weak<Stretch>; 2]>);

impl Windows {
    /// The window of a kind, made if need be.
    pub(crate) async fn of(&self, source: Source) -> Window {
        let mut held = self.0.lock().await;
        let slot = &mut held[usize::from(source == Source::Zero)];
        if let Some(bytes) = slot.upgrade() {
            return Window { bytes };
        }
        let made = tokio::task::spawn_blocking(move || Window::make(source, PIECE)).await;
        let window = made.expect("making bytes does not panic");
        *slot = Arc::downgrade(&window.bytes);
        window
    }
}

/// A window as the source of a peer's content.
#[derive(Debug)]
pub(crate) struct Repeated {
    pub(crate) window: Window,
    /// Limits how fast it can be read.
    pub(crate) pace: Option<Arc<Pace>>,
}

impl Bytes for Repeated {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        if let Some(pace) = &self.pace {
            std::thread::sleep(pace.take(buf.len()));
        }
        self.window.copy(offset, buf);
        Ok(())
    }

    /// None with a limit: the kernel would send as fast as it can.
    fn file(&self) -> Option<&File> {
        self.window.file().filter(|_| self.pace.is_none())
    }

    fn file_offset(&self, offset: u64) -> u64 {
        offset % self.window.len()
    }
}

/// A content that repeats itself, as the session tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    /// Bytes.
    pub(crate) length: u64,
    /// Bytes in a piece.
    pub(crate) piece_size: u32,
    /// SHA-256 of the pieces before they repeat.
    pub(crate) hashes: Vec<Digest>,
    /// SHA-256 of a last piece that is shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Digest>,
}

/// Why an offer makes no content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfferError {
    #[error("the content has no pieces to repeat, or more than are sent for a benchmark")]
    Pieces,
    #[error(transparent)]
    Layout(#[from] dolab_content::LayoutError),
    #[error(transparent)]
    Hashes(#[from] HashFileError),
}

impl Offer {
    /// The hashes of all its pieces.
    pub(crate) fn pieces(&self) -> Result<PiecesHashFile, OfferError> {
        let layout = Layout::new(self.length, self.piece_size)?;
        if self.hashes.is_empty() || self.hashes.len() > PIECES as usize {
            return Err(OfferError::Pieces);
        }
        let repeated = self.hashes.iter().map(|hash| hash.0).cycle();
        let mut hashes: Vec<_> = repeated.take(layout.pieces() as usize).collect();
        if let (Some(slot), Some(last)) = (hashes.last_mut(), self.last) {
            *slot = last.0;
        }
        Ok(PiecesHashFile::from_hashes(layout, hashes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(window: &Window, length: u64) {
        let offer = window.offer(length);
        let hashes = offer.pieces().unwrap();
        let source = Repeated {
            window: window.clone(),
            pace: None,
        };
        let layout = hashes.layout();
        #[cfg(unix)]
        let mut file = vec![0; layout.piece_size() as usize];
        for piece in 0..layout.pieces() {
            let mut buf = vec![0; layout.piece_len(piece).unwrap() as usize];
            source.read_at(layout.offset(piece), &mut buf).unwrap();
            assert!(hashes.matches(piece, &buf), "piece {piece} of {length}");
            // The kernel reads the same from the file.
            #[cfg(unix)]
            if let Some(from) = source.file() {
                let at = source.file_offset(layout.offset(piece));
                let part = &mut file[..buf.len()];
                std::os::unix::fs::FileExt::read_exact_at(from, part, at).unwrap();
                assert_eq!(part, buf);
            }
        }
    }

    #[test]
    fn every_piece_has_the_hash_that_is_told_however_often_the_bytes_repeat() {
        let window = Window::make(Source::Synthetic, 4096);
        for length in [1, 4096, 5000, 64 * 4096, 64 * 4096 + 1, 200 * 4096 - 1] {
            whole(&window, length);
        }
        whole(&Window::make(Source::Zero, 1000), 12_345);
    }

    #[test]
    fn no_offer_of_a_stranger_makes_more_than_it_may() {
        let good = Window::make(Source::Zero, 1000).offer(10_000);
        let with = |hashes| Offer {
            hashes,
            ..good.clone()
        };
        assert!(with(Vec::new()).pieces().is_err());
        assert!(with(vec![Digest([0; 32]); 65]).pieces().is_err());
        let empty = Offer {
            length: 0,
            ..good.clone()
        };
        assert!(empty.pieces().is_err());
    }
}

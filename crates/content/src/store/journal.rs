//! The piece map beside an unfinished file: a header that names the content, then records that
//! are only ever appended.
//!
//! Every record carries the first eight bytes of a SHA-256 over the check before it and itself, so
//! that what is read is a prefix of what was written, whatever a crash left behind it. A
//! [`Record::Written`] alone survives the end of the process; it counts without rehashing only
//! when a later [`Record::Durable`] says that the data was forced to the disk.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, BufWriter, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use crate::{ContentId, Layout, PieceMap, disk};

const MAGIC: &[u8; 8] = b"dolabmap";
const VERSION: u32 = 1;
const HEADER_LEN: usize = 64;
const RECORD_LEN: usize = 20;

/// What happened to some pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// These were verified and handed to the system.
    Written { first: u32, count: u32 },
    /// The data of the journal's first `records` records is on the disk.
    Durable { records: u32 },
    /// These were found bad on the disk.
    Lost { first: u32, count: u32 },
}

/// A journal that is open for more.
#[derive(Debug)]
pub(super) struct Journal {
    file: Arc<File>,
    path: PathBuf,
    end: u64,
    records: u32,
    check: [u8; 8],
}

/// What lies where a journal should be.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// Something that can not be read.
    Damaged,
    /// The journal of another content.
    Other(ContentId),
    /// The journal of this content.
    Ours(Box<Replayed>),
}

/// What a journal says.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) journal: Journal,
    /// Pieces that are there and on the disk.
    pub(super) known: PieceMap,
    /// Pieces that were written, and may have been lost with the system's memory.
    pub(super) doubtful: PieceMap,
    /// Whether something that is no record follows: then any other piece may be there too.
    pub(super) damaged: bool,
}

impl Journal {
    /// Starts a journal in the place of whatever is there, all or nothing.
    pub(super) fn create(
        path: &Path,
        id: ContentId,
        layout: Layout,
        known: &PieceMap,
        doubtful: &PieceMap,
    ) -> io::Result<Self> {
        let new = unfinished(path);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&new)?;
        let header = header(id, layout);
        let mut journal = Self {
            file: Arc::new(file),
            path: path.to_owned(),
            end: HEADER_LEN as u64,
            records: 0,
            check: *header.last_chunk().expect("the check ends the header"),
        };
        let mut out = BufWriter::new(&*journal.file);
        out.write_all(&header)?;
        let durable = runs(known).map(written).collect::<Vec<_>>();
        let records = durable.len() as u32;
        let mark = (records > 0).then_some(Record::Durable { records });
        for record in durable
            .into_iter()
            .chain(mark)
            .chain(runs(doubtful).map(written))
        {
            let bytes = encode(journal.check, record);
            out.write_all(&bytes)?;
            journal.check = *bytes.last_chunk().expect("the check ends a record");
            journal.end += RECORD_LEN as u64;
            journal.records += 1;
        }
        out.flush()?;
        drop(out);
        journal.file.sync_all()?;
        std::fs::rename(&new, path)?;
        disk::sync_names(path)?;
        Ok(journal)
    }

    /// Reads what lies at `path`.
    pub(super) fn read(path: &Path, id: ContentId, layout: Layout) -> io::Result<Found> {
        let file = match File::options().read(true).write(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            file => file?,
        };
        let mut reader = BufReader::new(&file);
        let mut found = [0; HEADER_LEN];
        match reader.read_exact(&mut found) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Found::Damaged),
            read => read?,
        }
        let expected = header(id, layout);
        let check: [u8; 8] = *expected.last_chunk().expect("the check ends the header");
        if found != expected {
            return Ok(other(&found).map_or(Found::Damaged, Found::Other));
        }
        let mut replay = Replay::new(layout.pieces(), check);
        let damaged = loop {
            let mut bytes = [0; RECORD_LEN];
            let got = read_up_to(&mut reader, &mut bytes)?;
            if got < RECORD_LEN {
                // A record that was cut off was never acknowledged: nothing is missing.
                break false;
            }
            if !replay.take(&bytes) {
                break true;
            }
        };
        drop(reader);
        let Replay {
            records,
            check,
            known,
            pending,
            ..
        } = replay;
        let mut doubtful = PieceMap::empty(layout.pieces());
        for &piece in pending.keys() {
            doubtful.insert(piece);
        }
        let journal = Self {
            file: Arc::new(file),
            path: path.to_owned(),
            end: HEADER_LEN as u64 + u64::from(records) * RECORD_LEN as u64,
            records,
            check,
        };
        Ok(Found::Ours(Box::new(Replayed {
            journal,
            known,
            doubtful,
            damaged,
        })))
    }

    /// Adds a record. When that fails the journal is as before: the next one takes its place.
    pub(super) fn append(&mut self, record: Record) -> io::Result<()> {
        let bytes = encode(self.check, record);
        disk::write_at(&self.file, self.end, &bytes)?;
        self.check = *bytes.last_chunk().expect("the check ends a record");
        self.end += RECORD_LEN as u64;
        self.records += 1;
        Ok(())
    }

    /// Records so far.
    pub(super) fn records(&self) -> u32 {
        self.records
    }

    /// The file, to be forced to the disk without holding up whoever appends.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Where the journal at `path` is made before it takes that name.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    let mut new = path.to_owned().into_os_string();
    new.push(".new");
    new.into()
}

/// The state of reading a journal.
struct Replay {
    pieces: u32,
    records: u32,
    check: [u8; 8],
    known: PieceMap,
    /// Pieces that wait for a durable mark, each with the number of its record.
    pending: BTreeMap<u32, u32>,
}

impl Replay {
    fn new(pieces: u32, check: [u8; 8]) -> Self {
        Self {
            pieces,
            records: 0,
            check,
            known: PieceMap::empty(pieces),
            pending: BTreeMap::new(),
        }
    }

    /// Takes the next record; false when it is none.
    fn take(&mut self, bytes: &[u8; RECORD_LEN]) -> bool {
        let Some(record) = decode(bytes) else {
            return false;
        };
        if encode(self.check, record) != *bytes {
            return false;
        }
        match record {
            Record::Written { first, count } => {
                let Some(range) = self.range(first, count) else {
                    return false;
                };
                for piece in range.filter(|&piece| !self.known.contains(piece)) {
                    self.pending.insert(piece, self.records);
                }
            }
            Record::Durable { records } => {
                if records > self.records {
                    return false;
                }
                let known = &mut self.known;
                self.pending.retain(|&piece, &mut record| {
                    let waits = record >= records;
                    if !waits {
                        known.insert(piece);
                    }
                    waits
                });
            }
            Record::Lost { first, count } => {
                let Some(range) = self.range(first, count) else {
                    return false;
                };
                for piece in range {
                    self.known.remove(piece);
                    self.pending.remove(&piece);
                }
            }
        }
        self.records += 1;
        self.check = *bytes.last_chunk().expect("the check ends a record");
        true
    }

    fn range(&self, first: u32, count: u32) -> Option<std::ops::Range<u32>> {
        let end = first.checked_add(count).filter(|&end| end <= self.pieces)?;
        Some(first..end)
    }
}

fn written((first, count): (u32, u32)) -> Record {
    Record::Written { first, count }
}

/// The runs of pieces in a map: first piece and number.
fn runs(map: &PieceMap) -> impl Iterator<Item = (u32, u32)> + '_ {
    let mut pieces = map.iter().peekable();
    std::iter::from_fn(move || {
        let first = pieces.next()?;
        let mut count = 1;
        while pieces.next_if_eq(&(first + count)).is_some() {
            count += 1;
        }
        Some((first, count))
    })
}

fn header(id: ContentId, layout: Layout) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&layout.piece_size().to_le_bytes());
    bytes[16..24].copy_from_slice(&layout.length().to_le_bytes());
    bytes[24..56].copy_from_slice(&id.0);
    let check = check([0; 8], &bytes[..56]);
    bytes[56..].copy_from_slice(&check);
    bytes
}

/// The content that a whole header of another journal names.
fn other(header: &[u8; HEADER_LEN]) -> Option<ContentId> {
    let whole = header.starts_with(MAGIC) && header[56..] == check([0; 8], &header[..56]);
    whole.then(|| ContentId(*header[24..].first_chunk().expect("40 bytes follow")))
}

fn encode(before: [u8; 8], record: Record) -> [u8; RECORD_LEN] {
    let (kind, a, b) = match record {
        Record::Written { first, count } => (1_u32, first, count),
        Record::Durable { records } => (2, records, 0),
        Record::Lost { first, count } => (3, first, count),
    };
    let mut bytes = [0; RECORD_LEN];
    for (field, value) in bytes.chunks_exact_mut(4).zip([kind, a, b]) {
        field.copy_from_slice(&value.to_le_bytes());
    }
    let check = check(before, &bytes[..12]);
    bytes[12..].copy_from_slice(&check);
    bytes
}

fn decode(bytes: &[u8; RECORD_LEN]) -> Option<Record> {
    let field = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().expect("20 bytes"));
    match (field(0), field(4), field(8)) {
        (1, first, count) => Some(Record::Written { first, count }),
        (2, records, 0) => Some(Record::Durable { records }),
        (3, first, count) => Some(Record::Lost { first, count }),
        _ => None,
    }
}

fn check(before: [u8; 8], bytes: &[u8]) -> [u8; 8] {
    let digest = Sha256::new()
        .chain_update(before)
        .chain_update(bytes)
        .finalize();
    *digest.first_chunk().expect("a SHA-256 has 32 bytes")
}

fn read_up_to(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buf.len() {
        match reader.read(&mut buf[got..]) {
            Ok(0) => break,
            Ok(read) => got += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests;

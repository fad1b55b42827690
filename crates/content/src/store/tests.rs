use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{
    journal::{Found, Journal},
    *,
};
use crate::{ContentId, Layout, Synthetic, hash_source};

const PIECE: u32 = 1000;
const LENGTH: u64 = 9_500;

/// A folder, a content of ten pieces, and where it is to end up.
struct Place {
    dir: TempDir,
    content: Synthetic,
    hashes: Arc<PiecesHashFile>,
}

impl Place {
    fn new() -> Self {
        let content = Synthetic::new(1, LENGTH);
        let hashes = hashes(&content);
        Self {
            dir: TempDir::new().unwrap(),
            content,
            hashes,
        }
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.dir.path().join(format!("file.bin{ending}"))
    }

    fn try_open(&self) -> Result<Store, StoreError> {
        Store::open(self.path(""), Arc::clone(&self.hashes), Existing::Keep)
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    fn piece(&self, piece: u32) -> Vec<u8> {
        let layout = self.hashes.layout();
        let mut bytes = vec![0; layout.piece_len(piece).unwrap() as usize];
        self.content
            .read_at(layout.offset(piece), &mut bytes)
            .unwrap();
        bytes
    }

    fn fill(&self, store: &Store, pieces: impl IntoIterator<Item = u32>) {
        for piece in pieces {
            store.write_piece(piece, &self.piece(piece)).unwrap();
        }
    }

    fn whole(&self) -> Vec<u8> {
        (0..10).flat_map(|piece| self.piece(piece)).collect()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn hashes(content: &Synthetic) -> Arc<PiecesHashFile> {
    let layout = Layout::new(LENGTH, PIECE).unwrap();
    Arc::new(hash_source(content, layout, 1, &|_| {}).unwrap())
}

fn list(store: &Store) -> Vec<u32> {
    store.pieces().iter().collect()
}

#[test]
fn a_download_ends_under_its_name_and_leaves_nothing_else() {
    let place = Place::new();
    let store = place.open();
    place.fill(&store, [9, 3, 0, 7]);
    let error = store.finish().unwrap_err();
    assert!(
        matches!(error, StoreError::Incomplete { missing: 6, .. }),
        "{error}"
    );
    assert_eq!(place.names(), ["file.bin.partial", "file.bin.partial.map"]);
    place.fill(&store, 0..10);
    store.finish().unwrap();
    assert_eq!(place.names(), ["file.bin"]);
    assert_eq!(fs::read(place.path("")).unwrap(), place.whole());
    // It is still read from, and finishing again does nothing.
    store.finish().unwrap();
    store.sync().unwrap();
    place.fill(&store, 0..10);
    let mut all = vec![0; LENGTH as usize];
    store.read_at(0, &mut all).unwrap();
    assert_eq!(all, place.whole());
    assert!(store.verify(2, &|_| {}).unwrap().is_empty());
    assert_eq!(place.names(), ["file.bin"]);
}

#[test]
fn a_resume_knows_what_was_there() {
    let place = Place::new();
    place.fill(&place.open(), [1, 2, 9]);
    let store = place.open();
    assert_eq!(list(&store), [1, 2, 9]);
    store.sync().unwrap();
    place.fill(&store, [5]);
    drop(store);
    assert_eq!(list(&place.open()), [1, 2, 5, 9]);
}

/// Shows that a synced piece is not read again: a spoiled one is believed until `verify`.
#[test]
fn what_was_synced_is_not_rehashed_and_what_was_not_is() {
    let place = Place::new();
    let store = place.open();
    place.fill(&store, [1, 2]);
    store.sync().unwrap();
    place.fill(&store, [3, 4]);
    drop(store);
    let file = File::options()
        .write(true)
        .open(place.path(".partial"))
        .unwrap();
    disk::write_at(&file, 1500, b"?").unwrap();
    disk::write_at(&file, 3500, b"?").unwrap();
    drop(file);
    let store = place.open();
    assert_eq!(list(&store), [1, 2, 4]);
    assert_eq!(store.verify(2, &|_| {}).unwrap(), [1]);
    assert_eq!(list(&store), [2, 4]);
    drop(store);
    let store = place.open();
    assert_eq!(list(&store), [2, 4]);
    place.fill(&store, 0..10);
    store.finish().unwrap();
    assert_eq!(fs::read(place.path("")).unwrap(), place.whole());
}

#[test]
fn a_damaged_or_missing_map_is_rebuilt_from_the_data() {
    let spoil: [fn(&Place); 5] = [
        |place| fs::remove_file(place.path(".partial.map")).unwrap(),
        |place| fs::write(place.path(".partial.map"), "").unwrap(),
        |place| fs::write(place.path(".partial.map"), [0; 500]).unwrap(),
        |place| {
            let mut bytes = fs::read(place.path(".partial.map")).unwrap();
            bytes[70] ^= 1;
            fs::write(place.path(".partial.map"), bytes).unwrap();
        },
        |place| {
            // As a file system may leave it when the power fails: the length, and no data.
            let mut bytes = fs::read(place.path(".partial.map")).unwrap();
            bytes[84..].fill(0);
            fs::write(place.path(".partial.map"), bytes).unwrap();
        },
    ];
    for (case, spoil) in spoil.into_iter().enumerate() {
        let place = Place::new();
        let store = place.open();
        place.fill(&store, [0, 4, 9]);
        store.sync().unwrap();
        drop(store);
        spoil(&place);
        let store = place.open();
        assert_eq!(list(&store), [0, 4, 9], "case {case}");
        place.fill(&store, [5]);
        drop(store);
        assert_eq!(list(&place.open()), [0, 4, 5, 9], "case {case}");
    }
}

#[test]
fn a_file_of_another_length_is_rehashed_as_a_whole() {
    let place = Place::new();
    let store = place.open();
    place.fill(&store, [0, 4, 9]);
    store.sync().unwrap();
    drop(store);
    let file = File::options()
        .write(true)
        .open(place.path(".partial"))
        .unwrap();
    file.set_len(4_700).unwrap();
    drop(file);
    assert_eq!(list(&place.open()), [0]);
}

#[test]
fn an_emptied_file_starts_anew() {
    let place = Place::new();
    place.fill(&place.open(), [0, 4]);
    fs::remove_file(place.path(".partial")).unwrap();
    assert!(list(&place.open()).is_empty());
}

#[test]
fn what_belongs_to_someone_else_is_left_alone() {
    let place = Place::new();
    place.fill(&place.open(), [0, 4]);
    let other = hashes(&Synthetic::new(2, LENGTH));
    let error = Store::open(place.path(""), other, Existing::Keep).unwrap_err();
    let id = place.hashes.id();
    assert!(
        matches!(error, StoreError::OtherContent { found, .. } if found == id),
        "{error}"
    );
    assert_eq!(list(&place.open()), [0, 4]);

    // A file without a map, of any length, that has nothing of the content.
    for text in ["short".to_owned(), "x".repeat(LENGTH as usize)] {
        let place = Place::new();
        fs::write(place.path(".partial"), &text).unwrap();
        let error = place.try_open().unwrap_err();
        assert!(matches!(error, StoreError::NotOurs { .. }), "{error}");
        assert_eq!(fs::read_to_string(place.path(".partial")).unwrap(), text);
        assert_eq!(place.names(), ["file.bin.partial"]);
    }
}

#[test]
fn an_existing_file_is_replaced_only_on_demand_and_only_when_whole() {
    let place = Place::new();
    fs::write(place.path(""), "old").unwrap();
    let error = place.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    assert_eq!(place.names(), ["file.bin"]);

    let store = Store::open(place.path(""), Arc::clone(&place.hashes), Existing::Replace).unwrap();
    place.fill(&store, 0..9);
    store.finish().unwrap_err();
    assert_eq!(fs::read(place.path("")).unwrap(), b"old");
    place.fill(&store, [9]);
    store.finish().unwrap();
    assert_eq!(fs::read(place.path("")).unwrap(), place.whole());
    assert_eq!(place.names(), ["file.bin"]);
}

#[test]
fn a_file_that_appears_meanwhile_is_not_replaced() {
    let place = Place::new();
    let store = place.open();
    place.fill(&store, 0..10);
    fs::write(place.path(""), "someone else's").unwrap();
    let error = store.finish().unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    assert_eq!(fs::read(place.path("")).unwrap(), b"someone else's");
    fs::remove_file(place.path("")).unwrap();
    store.finish().unwrap();
    assert_eq!(fs::read(place.path("")).unwrap(), place.whole());
}

#[test]
fn only_one_store_at_a_time() {
    let place = Place::new();
    let store = place.open();
    let error = place.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(store);
    place.open();
}

#[test]
fn only_what_is_there_is_read_and_only_what_fits_is_written() {
    let place = Place::new();
    let store = place.open();
    place.fill(&store, [3, 4]);
    let read = |offset, len| store.read_at(offset, &mut vec![0; len]);
    read(3000, 2000).unwrap();
    read(3999, 2).unwrap();
    read(0, 0).unwrap();
    assert!(matches!(
        read(2999, 2),
        Err(StoreError::Missing { piece: 2 })
    ));
    assert!(matches!(
        read(4999, 2),
        Err(StoreError::Missing { piece: 5 })
    ));
    assert!(matches!(
        read(9_499, 2),
        Err(StoreError::PastEnd {
            end: 9_501,
            length: LENGTH
        })
    ));
    for (piece, got, want) in [(10, 1000, 0), (9, 1000, 500), (0, 999, 1000), (0, 0, 1000)] {
        let error = store.write_piece(piece, &vec![0; got]).unwrap_err();
        let told = matches!(error, StoreError::PieceLength { got: g, want: w, .. } if (g, w) == (got, want));
        assert!(told, "{error}");
    }
    let error = Store::open("..", Arc::clone(&place.hashes), Existing::Keep).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn what_was_written_is_synced_behind_the_writers() {
    let place = Place::new();
    let mut store = place.open();
    store.sync_every = 3_000;
    let (id, layout) = (place.hashes.id(), place.hashes.layout());
    let deadline = Instant::now() + Duration::from_secs(60);
    place.fill(&store, 0..3);
    loop {
        let map = place.path(".partial.map");
        if let Found::Ours(replayed) = Journal::read(&map, id, layout).unwrap()
            && replayed.known.count() == 3
        {
            break;
        }
        assert!(Instant::now() < deadline, "nothing was marked as durable");
        std::thread::yield_now();
    }
    drop(store);
    // One that is still at it when the store goes spoils nothing for the next.
    for piece in 3..10 {
        let mut store = place.open();
        store.sync_every = 1;
        assert_eq!(store.pieces().count(), piece);
        place.fill(&store, [piece]);
    }
    let store = place.open();
    store.finish().unwrap();
    assert_eq!(fs::read(place.path("")).unwrap(), place.whole());
    assert_eq!(place.names(), ["file.bin"]);
}

/// After a failed sync the system may have dropped the data, and the next sync would not tell.
#[test]
fn after_a_failed_sync_nothing_is_ever_marked_as_durable() {
    let place = Place::new();
    let store = place.open();
    place.fill(&store, 0..10);
    store.state().failed = Some(ErrorKind::StorageFull);
    for _ in 0..2 {
        let error = store.sync().unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
        store.finish().unwrap_err();
    }
    // A writer is told too, before it fills a broken disk.
    store.state().pieces.remove(3);
    let error = store.write_piece(3, &place.piece(3)).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    drop(store);
    assert_eq!(place.names(), ["file.bin.partial", "file.bin.partial.map"]);
    let (id, layout) = (place.hashes.id(), place.hashes.layout());
    let Found::Ours(replayed) = Journal::read(&place.path(".partial.map"), id, layout).unwrap()
    else {
        panic!("the map is there");
    };
    assert_eq!((replayed.known.count(), replayed.doubtful.count()), (0, 10));
}

#[test]
fn many_threads_may_write_read_and_sync() {
    let place = Place::new();
    let store = place.open();
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let (store, place) = (&store, &place);
            scope.spawn(move || {
                for piece in 0..10 {
                    let piece = (piece + turn * 3) % 10;
                    place.fill(store, [piece]);
                    let mut bytes = place.piece(piece);
                    bytes.fill(0);
                    store
                        .read_at(store.hashes().layout().offset(piece), &mut bytes)
                        .unwrap();
                    assert_eq!(bytes, place.piece(piece));
                    store.sync().unwrap();
                }
                store.finish().unwrap();
            });
        }
    });
    assert_eq!(fs::read(place.path("")).unwrap(), place.whole());
    assert_eq!(place.names(), ["file.bin"]);
    assert_ne!(store.hashes().id(), ContentId([0; 32]));
}

#[test]
fn what_the_system_says_becomes_what_the_user_can_do() {
    let told = |kind: ErrorKind| StoreError::new(Path::new("x"), kind.into());
    assert!(matches!(
        told(ErrorKind::StorageFull),
        StoreError::DiskFull { .. }
    ));
    assert!(matches!(
        told(ErrorKind::QuotaExceeded),
        StoreError::DiskFull { .. }
    ));
    assert!(matches!(
        told(ErrorKind::FileTooLarge),
        StoreError::TooLarge { .. }
    ));
    assert!(matches!(
        told(ErrorKind::ReadOnlyFilesystem),
        StoreError::ReadOnly { .. }
    ));
    assert!(matches!(
        told(ErrorKind::PermissionDenied),
        StoreError::ReadOnly { .. }
    ));
    assert!(matches!(told(ErrorKind::NotFound), StoreError::Io { .. }));
    let changed = StoreError::Changed { path: "x".into() };
    assert_eq!(changed.do_code().unwrap().to_string(), "0x80D06800");
    assert_eq!(told(ErrorKind::NotFound).do_code(), None);
}

#[test]
fn what_is_not_forced_is_whole_and_resumes_all_the_same() {
    let place = Place::new();
    let store = place.open().unforced();
    place.fill(&store, 0..6);
    drop(store);
    let store = place.open().unforced();
    assert_eq!(store.pieces().count(), 6);
    place.fill(&store, 6..10);
    store.finish().unwrap();
    assert_eq!(fs::read(place.path("")).unwrap(), place.whole());
    assert!(!place.path(".partial").exists() && !place.path(".partial.map").exists());
}

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const ID: ContentId = ContentId([7; 32]);
const PIECES: u32 = 40;

fn layout() -> Layout {
    Layout::new(u64::from(PIECES) * 10, 10).unwrap()
}

fn map(pieces: impl IntoIterator<Item = u32>) -> PieceMap {
    let mut map = PieceMap::empty(PIECES);
    for piece in pieces {
        map.insert(piece);
    }
    map
}

struct Place {
    _dir: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("x.map");
        Self { _dir: dir, path }
    }

    fn create(&self, known: &PieceMap, doubtful: &PieceMap) -> Journal {
        Journal::create(&self.path, ID, layout(), known, doubtful).unwrap()
    }

    fn read(&self) -> Found {
        Journal::read(&self.path, ID, layout()).unwrap()
    }

    fn ours(&self) -> Replayed {
        match self.read() {
            Found::Ours(replayed) => *replayed,
            other @ (Found::Nothing | Found::Damaged | Found::Other(_)) => panic!("{other:?}"),
        }
    }
}

fn written(first: u32) -> Record {
    Record::Written { first, count: 1 }
}

#[test]
fn a_piece_is_in_doubt_until_a_mark_that_came_after_it() {
    let place = Place::new();
    let mut journal = place.create(&map([0, 1, 2, 9]), &map([20]));
    let before = journal.records();
    journal.append(written(30)).unwrap();
    journal.append(Record::Durable { records: before }).unwrap();
    let read = place.ours();
    assert_eq!(
        (read.known, read.doubtful),
        (map([0, 1, 2, 9, 20]), map([30]))
    );
    journal
        .append(Record::Durable {
            records: before + 2,
        })
        .unwrap();
    assert_eq!(place.ours().doubtful, map([]));
    journal.append(Record::Lost { first: 1, count: 2 }).unwrap();
    let read = place.ours();
    assert_eq!((read.known, read.damaged), (map([0, 9, 20, 30]), false));
}

#[test]
fn what_was_read_can_be_gone_on_with() {
    let place = Place::new();
    drop(place.create(&map([]), &map([])));
    for piece in 0..5 {
        let mut journal = place.ours().journal;
        journal.append(written(piece)).unwrap();
    }
    assert_eq!(place.ours().doubtful, map(0..5));
}

#[test]
fn a_record_that_could_not_be_written_leaves_no_gap() {
    let place = Place::new();
    let mut journal = place.create(&map([]), &map([]));
    journal.append(written(1)).unwrap();
    let good = std::mem::replace(
        &mut journal.file,
        Arc::new(File::open(&place.path).unwrap()),
    );
    journal.append(written(2)).unwrap_err();
    journal.file = good;
    journal.append(written(3)).unwrap();
    let read = place.ours();
    assert_eq!((read.doubtful, read.damaged), (map([1, 3]), false));
}

#[test]
fn other_contents_and_damage_are_told_apart() {
    let place = Place::new();
    assert!(matches!(place.read(), Found::Nothing));
    drop(place.create(&map([1]), &map([])));
    let other = ContentId([8; 32]);
    let found = Journal::read(&place.path, other, layout()).unwrap();
    assert!(matches!(found, Found::Other(ID)), "{found:?}");
    let longer = Layout::new(u64::from(PIECES) * 10 - 1, 10).unwrap();
    let found = Journal::read(&place.path, ID, longer).unwrap();
    assert!(matches!(found, Found::Other(ID)), "{found:?}");
    let good = std::fs::read(&place.path).unwrap();
    for at in 0..HEADER_LEN {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        std::fs::write(&place.path, &bytes).unwrap();
        assert!(matches!(place.read(), Found::Damaged), "byte {at}");
        std::fs::write(&place.path, &good[..at]).unwrap();
        assert!(matches!(place.read(), Found::Damaged), "length {at}");
    }
}

#[test]
fn pieces_that_the_content_does_not_have_are_no_record() {
    for (first, count) in [(PIECES, 1), (0, PIECES + 1), (u32::MAX, u32::MAX)] {
        let place = Place::new();
        let mut journal = place.create(&map([]), &map([]));
        journal.append(Record::Written { first, count }).unwrap();
        let read = place.ours();
        assert_eq!((read.doubtful, read.damaged), (map([]), true));
    }
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        4 => (0..PIECES).prop_map(written),
        1 => (0..PIECES).prop_map(|first| Record::Lost { first, count: 1 }),
        // Cut down to the records that there are when it is written.
        1 => any::<u32>().prop_map(|records| Record::Durable { records }),
    ]
}

/// What each prefix of the records says: known and doubtful pieces.
fn model(records: &[Record]) -> Vec<(PieceMap, PieceMap)> {
    let mut replay = Replay::new(PIECES, *header(ID, layout()).last_chunk().unwrap());
    let mut states = vec![(map([]), map([]))];
    for &record in records {
        assert!(replay.take(&encode(replay.check, record)));
        states.push((replay.known.clone(), map(replay.pending.keys().copied())));
    }
    states
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_cut_off_or_spoiled_a_prefix_is_read(
        records in prop::collection::vec(record(), 0..60),
        cut: u32,
        spoil in prop::option::of((any::<u32>(), 1..=255_u8)),
        tail in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let place = Place::new();
        let mut journal = place.create(&map([]), &map([]));
        let mut kept = Vec::new();
        for record in records {
            let record = match record {
                Record::Durable { records } => {
                    Record::Durable { records: records % (journal.records() + 1) }
                }
                record @ (Record::Written { .. } | Record::Lost { .. }) => record,
            };
            journal.append(record).unwrap();
            kept.push(record);
        }
        let good = std::fs::read(&place.path).unwrap();
        let mut bytes = good.clone();
        bytes.truncate(HEADER_LEN + cut as usize % (good.len() - HEADER_LEN + 1));
        if let Some((at, bits)) = spoil.filter(|_| bytes.len() > HEADER_LEN) {
            let body = bytes.len() - HEADER_LEN;
            bytes[HEADER_LEN + at as usize % body] ^= bits;
        }
        // What a crash may leave behind, which by chance may be what stood there.
        bytes.extend(tail);
        let same = good.iter().zip(&bytes).take_while(|(good, byte)| good == byte).count();
        let whole = same - HEADER_LEN;
        std::fs::write(&place.path, &bytes).unwrap();

        let read = place.ours();
        let (known, doubtful) = model(&kept)[whole / RECORD_LEN].clone();
        prop_assert_eq!((&read.known, &read.doubtful), (&known, &doubtful));
        let rest = bytes.len() - HEADER_LEN - whole / RECORD_LEN * RECORD_LEN;
        prop_assert_eq!(read.damaged, rest >= RECORD_LEN);
    }
}

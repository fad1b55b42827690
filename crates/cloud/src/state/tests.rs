use dolab_wire::DownloadMode;
use tempfile::TempDir;

use super::*;

fn record(n: u8, seconds: u64) -> Record {
    let peer = format!("{n:02x}").repeat(20).parse().unwrap();
    Record {
        at: Duration::from_secs(seconds),
        external: [203, 0, 113, n].into(),
        join: Join::new("content", peer, DownloadMode::Lan),
    }
}

fn leave(record: &Record) -> Leave {
    Leave {
        content_id: record.join.content_id.clone(),
        alt_catalog_id: None,
        peer_id: record.join.peer_id,
    }
}

#[tokio::test]
async fn what_was_kept_is_there_again_the_oldest_first() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state");
    let opened = Opened::open(&path).unwrap();
    assert!(opened.records.is_empty() && opened.authority.is_none());
    let authority = Authority::generate().unwrap();
    opened.keep_authority(&path, &authority).unwrap();
    let state = opened.start(Duration::from_secs(900));
    let (early, late, gone) = (record(3, 1), record(1, 2), record(2, 3));
    for record in [&late, &early, &gone] {
        state.joined(record).await.unwrap();
    }
    state.left(&leave(&gone)).await.unwrap();
    assert!(matches!(Opened::open(&path), Err(StateError::InUse(_))));
    drop(state);
    let again = Opened::open(&path).unwrap();
    assert_eq!(again.records, [early, late]);
    assert_eq!(again.authority.unwrap().pem(), authority.pem());
}

#[test]
fn files_of_others_are_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("notes");
    for text in [&b"my notes, which matter"[..], &[7; 100_000]] {
        std::fs::write(&path, text).unwrap();
        let error = Opened::open(&path).unwrap_err();
        assert!(matches!(error, StateError::Foreign { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), text);
    }
    let folder = Opened::open(dir.path()).unwrap_err();
    assert!(matches!(folder, StateError::Io { .. }), "{folder}");
}

#[test]
fn another_format_is_not_read() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state");
    let opened = Opened::open(&path).unwrap();
    let transaction = opened.database.begin_write().unwrap();
    let mut meta = transaction.open_table(META).unwrap();
    meta.insert("format", &b"dolab.cloud.state/2"[..]).unwrap();
    drop(meta);
    transaction.commit().unwrap();
    drop(opened);
    let error = Opened::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("its format is dolab.cloud.state/2"),
        "{error}"
    );
}

#[test]
fn what_has_ended_is_swept_away() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state");
    let opened = Opened::open(&path).unwrap();
    let order = |record: &Record| Order {
        key: key_of_join(&record.join),
        value: Some(record.encode()),
        done: oneshot::channel().0,
    };
    let orders = [order(&record(1, 100)), order(&record(2, 200))];
    commit(&opened.database, &orders, Some(Duration::from_secs(150))).unwrap();
    drop(opened);
    assert_eq!(Opened::open(&path).unwrap().records, [record(2, 200)]);
}

#[cfg(unix)]
#[test]
fn only_its_user_reads_the_key() {
    use std::os::unix::fs::PermissionsExt;

    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state");
    drop(Opened::open(&path).unwrap());
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn who_would_wait_behind_too_many_is_turned_away() {
    // Nobody writes.
    let (orders, _queue) = sync_channel(QUEUE);
    let full = orders.clone();
    let state = State {
        orders: Some(orders),
        writer: None,
    };
    let order = || Order {
        key: Vec::new(),
        value: None,
        done: oneshot::channel().0,
    };
    for _ in 0..QUEUE {
        full.try_send(order()).unwrap();
    }
    assert_eq!(state.joined(&record(1, 1)).await, Err(NotKept::Busy));
}

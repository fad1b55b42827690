//! What a restart must not forget: the authority and every registration, in one file.
//!
//! A join is answered once its registration is on the disk. One thread writes; what waits for it
//! goes into one transaction, so that many devices together cost little more than one.

mod format;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dolab_wire::cloud::{Join, Leave};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::oneshot;

use self::format::{FORMAT, key_of_join, key_of_leave};
use crate::Authority;

/// Facts about the file: its format, the authority.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Registrations, by content and peer.
const JOINS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("joins");

/// Changes that wait to be written; more are turned away.
const QUEUE: usize = 16_384;

/// Changes in one transaction.
const TOGETHER: usize = 4096;

/// How often registrations that have ended are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// Bytes of the file that are held in memory.
const MEMORY: usize = 16 << 20;

/// Why the state can not be kept. This host's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another cloud has the file.
    #[error("{} is in use by another dolab cloud: end that one, or choose another file", .0.display())]
    InUse(PathBuf),
    /// The file is no state, or was written by another version.
    #[error("{} is no state of this version of dolab cloud ({why}): move it away, or choose another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It can not be read or written.
    #[error("{}: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

/// A registration as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// When, since 1970.
    pub(crate) at: Duration,
    pub(crate) external: IpAddr,
    pub(crate) join: Join,
}

/// The file, opened and read.
#[derive(Debug)]
pub(crate) struct Opened {
    database: Database,
    pub(crate) authority: Option<Authority>,
    /// The oldest first.
    pub(crate) records: Vec<Record>,
}

/// The end that changes are handed to.
#[derive(Debug)]
pub(crate) struct State {
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Order {
    key: Vec<u8>,
    /// `None` removes.
    value: Option<Vec<u8>>,
    done: oneshot::Sender<bool>,
}

/// A change could not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotKept {
    #[error("the state file can not be written: see the cloud's log")]
    Failed,
    #[error("too many registrations wait to be written: come again later")]
    Busy,
}

/// Now, since 1970.
pub(crate) fn now() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

impl Opened {
    /// Opens the file, or makes it, and reads what is in it.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        make_private(path).map_err(|error| io(path, &error))?;
        let foreign = |why: &dyn std::fmt::Display| StateError::Foreign {
            path: path.to_owned(),
            why: why.to_string(),
        };
        let database = redb::Builder::new()
            .set_cache_size(MEMORY)
            .create(path)
            .map_err(|error| {
                if matches!(error, redb::DatabaseError::DatabaseAlreadyOpen) {
                    return StateError::InUse(path.to_owned());
                }
                if let redb::DatabaseError::Storage(redb::StorageError::Io(error)) = &error
                    && !is_form(error)
                {
                    return io(path, error);
                }
                foreign(&error)
            })?;
        let (authority, records) = read(&database).map_err(|error| foreign(&error))?;
        Ok(Self {
            database,
            authority,
            records,
        })
    }

    /// Keeps an authority.
    pub(crate) fn keep_authority(
        &self,
        path: &Path,
        authority: &Authority,
    ) -> Result<(), StateError> {
        let (certificate, key) = authority.to_parts();
        let keep = || {
            let transaction = self.database.begin_write()?;
            {
                let mut meta = transaction.open_table(META)?;
                meta.insert("certificate", &certificate[..])?;
                meta.insert("key", &key[..])?;
            }
            transaction.commit()?;
            Ok::<_, redb::Error>(())
        };
        keep().map_err(|error| io(path, &error))
    }

    /// Starts to take changes. Registrations older than `lifetime` are dropped now and then.
    pub(crate) fn start(self, lifetime: Duration) -> State {
        let (orders, queue) = sync_channel(QUEUE);
        let database = self.database;
        let writer = std::thread::spawn(move || write(&database, &queue, lifetime));
        State {
            orders: Some(orders),
            writer: Some(writer),
        }
    }
}

impl State {
    /// Keeps a registration, and returns once it is on the disk.
    pub(crate) async fn joined(&self, record: &Record) -> Result<(), NotKept> {
        let value = Some(record.encode());
        self.order(key_of_join(&record.join), value).await
    }

    /// Forgets a registration.
    pub(crate) async fn left(&self, leave: &Leave) -> Result<(), NotKept> {
        self.order(key_of_leave(leave), None).await
    }

    async fn order(&self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), NotKept> {
        let (done, kept) = oneshot::channel();
        let orders = self.orders.as_ref().ok_or(NotKept::Failed)?;
        let order = Order { key, value, done };
        match orders.try_send(order) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(NotKept::Busy),
            Err(TrySendError::Disconnected(_)) => return Err(NotKept::Failed),
        }
        match kept.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(NotKept::Failed),
        }
    }
}

impl Drop for State {
    /// What was handed over is written first.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            // It does not panic; and if it did, there would be nothing left to do.
            let _ = writer.join();
        }
    }
}

fn write(database: &Database, queue: &Receiver<Order>, lifetime: Duration) {
    let mut swept = now();
    while let Ok(first) = queue.recv() {
        let mut orders = vec![first];
        orders.extend(queue.try_iter().take(TOGETHER - 1));
        let sweep = now().saturating_sub(swept) >= SWEEP;
        let kept = commit(
            database,
            &orders,
            sweep.then(|| now().saturating_sub(lifetime)),
        );
        if let Err(error) = &kept {
            tracing::error!(%error, "the state can not be written");
        }
        if sweep {
            swept = now();
        }
        for order in orders {
            // Who does not wait any more does not matter.
            let _ = order.done.send(kept.is_ok());
        }
    }
}

fn commit(
    database: &Database,
    orders: &[Order],
    ended_before: Option<Duration>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut joins = transaction.open_table(JOINS)?;
        for Order { key, value, .. } in orders {
            match value {
                Some(value) => drop(joins.insert(&key[..], &value[..])?),
                None => drop(joins.remove(&key[..])?),
            }
        }
        if let Some(before) = ended_before {
            joins.retain(|_, value| Record::time_of(value).is_some_and(|at| at >= before))?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// What is in the file. One that is new gets its format.
fn read(database: &Database) -> Result<(Option<Authority>, Vec<Record>), String> {
    let wrong = |error: redb::Error| error.to_string();
    let transaction = database
        .begin_write()
        .map_err(|error| wrong(error.into()))?;
    {
        let mut meta = transaction
            .open_table(META)
            .map_err(|error| wrong(error.into()))?;
        let format = meta
            .get("format")
            .map_err(|error| wrong(error.into()))?
            .map(|it| it.value().to_vec());
        match format {
            None => drop(
                meta.insert("format", FORMAT)
                    .map_err(|error| wrong(error.into()))?,
            ),
            Some(format) if format == FORMAT => {}
            Some(format) => {
                return Err(format!("its format is {}", format.escape_ascii()));
            }
        }
        // So that reading it never fails for want of it.
        transaction
            .open_table(JOINS)
            .map_err(|error| wrong(error.into()))?;
    }
    transaction.commit().map_err(|error| wrong(error.into()))?;

    let transaction = database.begin_read().map_err(|error| wrong(error.into()))?;
    let meta = transaction
        .open_table(META)
        .map_err(|error| wrong(error.into()))?;
    let part = |name| {
        let part = meta.get(name).map_err(|error| wrong(error.into()))?;
        Ok::<_, String>(part.map(|it| it.value().to_vec()))
    };
    let authority = match (part("certificate")?, part("key")?) {
        (Some(certificate), Some(key)) => {
            Some(Authority::from_parts(certificate, key).map_err(|error| error.to_string())?)
        }
        _ => None,
    };
    let joins = transaction
        .open_table(JOINS)
        .map_err(|error| wrong(error.into()))?;
    let mut records = Vec::new();
    for entry in joins.iter().map_err(|error| wrong(error.into()))? {
        let (_, value) = entry.map_err(|error| wrong(error.into()))?;
        let record = Record::decode(value.value());
        records.push(record.ok_or("a registration in it is damaged")?);
    }
    records.sort_by_key(|record| record.at);
    Ok((authority, records))
}

/// The file holds a secret key: only this user may read it.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Whether an error is about what the file holds.
fn is_form(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
    )
}

fn io(path: &Path, error: &dyn std::fmt::Display) -> StateError {
    StateError::Io {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests;

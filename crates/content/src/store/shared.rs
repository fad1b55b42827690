//! The state of a download, and how it gets to the disk.

use std::{
    fs::File,
    io::ErrorKind,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use super::journal::{Journal, Record};
use crate::{PieceMap, StoreError};

/// What the thread that syncs behind the writers needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) file: File,
    pub(super) partial: PathBuf,
    pub(super) state: Mutex<State>,
    /// Held by whoever forces data to the disk.
    pub(super) syncing: Mutex<()>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) pieces: PieceMap,
    /// `None` once it is no longer ours to write to: the download is finished, or the store was
    /// dropped.
    pub(super) journal: Option<Journal>,
    /// Bytes written since the last sync began.
    pub(super) unsynced: u64,
    /// The first failure to force data to the disk. The system may have dropped that data and
    /// will not say so again, so nothing is marked as durable after it.
    pub(super) failed: Option<ErrorKind>,
    /// The thread that syncs behind the writers, or did so last.
    pub(super) behind: Option<JoinHandle<()>>,
}

impl State {
    /// Notes what became of pieces, unless the journal is closed.
    pub(super) fn note(&mut self, record: Record) -> Result<(), StoreError> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        journal
            .append(record)
            .map_err(|error| StoreError::new(journal.path(), error))
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.syncing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forces the data to the disk and marks it; only one at a time may.
    pub(super) fn sync(&self, _turn: &MutexGuard<'_, ()>) -> Result<(), StoreError> {
        let (records, unsynced) = {
            let mut state = self.state();
            self.check(&state)?;
            let Some(records) = state.journal.as_ref().map(Journal::records) else {
                return Ok(());
            };
            (records, std::mem::take(&mut state.unsynced))
        };
        if unsynced == 0 {
            return Ok(());
        }
        if let Err(error) = self.file.sync_data() {
            self.state().failed = Some(error.kind());
            return Err(StoreError::new(&self.partial, error));
        }
        let mut state = self.state();
        let Some(journal) = &mut state.journal else {
            return Ok(());
        };
        let mark = journal.append(Record::Durable { records });
        let (map, path) = (journal.file(), journal.path().to_owned());
        drop(state);
        mark.and_then(|()| map.sync_data())
            .map_err(|error| StoreError::new(&path, error))
    }

    /// Whether data was lost earlier.
    pub(super) fn check(&self, state: &State) -> Result<(), StoreError> {
        state.failed.map_or(Ok(()), |kind| {
            Err(StoreError::new(&self.partial, kind.into()))
        })
    }

    /// Syncs on a thread of its own, so that no writer waits for the disk; `state` is that of
    /// `self`. What fails there the next writer is told, or the next sync.
    pub(super) fn sync_behind(self: &Arc<Self>, state: &mut State) {
        if state
            .behind
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
        {
            return;
        }
        let work = Arc::clone(self);
        let thread = thread::Builder::new().name("dolab-sync".to_owned());
        // A mark that can not be written costs a rehash at worst, as does a missing thread.
        let thread = thread.spawn(move || drop(work.sync(&work.turn())));
        state.behind = thread.ok();
    }
}

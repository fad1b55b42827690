//! Who has joined what: the directory, with a clock.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use dolab_directory::{Config, Counts, Directory, JoinError};
use dolab_wire::cloud::{Join, Joined, Leave};

/// All registrations.
#[derive(Debug)]
pub(crate) struct Registrations {
    directory: Mutex<Directory>,
    started: Instant,
}

/// Why a device could not be registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unregistered {
    #[error(transparent)]
    Directory(#[from] JoinError),
}

impl Registrations {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            directory: Mutex::new(Directory::new(Config::default(), seed)),
            started: Instant::now(),
        }
    }

    pub(crate) async fn join(&self, external: IpAddr, join: &Join) -> Result<Joined, Unregistered> {
        Ok(self.lock().join(self.now(), external, join)?)
    }

    pub(crate) async fn leave(&self, leave: &Leave) -> Result<bool, Unregistered> {
        Ok(self.lock().leave(self.now(), leave))
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut directory = self.lock();
        directory.expire(self.now());
        directory.counts()
    }

    fn now(&self) -> dolab_directory::Instant {
        let nanos = self.started.elapsed().as_nanos();
        dolab_directory::Instant(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

//! Who has joined what: the directory, with a clock and, where it was asked for, a file behind it.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dolab_directory::{Config, Counts, Directory, JoinError};
use dolab_wire::cloud::{Join, Joined, Leave};

use crate::state::{self, NotKept, Record, State};

/// All registrations.
#[derive(Debug)]
pub(crate) struct Registrations {
    directory: Mutex<Directory>,
    state: Option<State>,
    started: Instant,
    /// How long a registration lasts. The directory's time begins so long before the start, so that
    /// what a former run registered has a time too.
    lifetime: Duration,
}

/// Why a device could not be registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unregistered {
    #[error(transparent)]
    Directory(#[from] JoinError),
    #[error(transparent)]
    State(#[from] NotKept),
}

impl Registrations {
    /// None yet, and no more than fit into so many bytes. Devices are told to renew after an interval.
    pub(crate) fn new(seed: u64, max_bytes: usize, interval: Duration) -> Self {
        let defaults = Config::default();
        let config = Config {
            max_bytes,
            interval: interval.clamp(Duration::from_secs(1), defaults.lifetime),
            ..defaults
        };
        let directory = Directory::new(config, seed);
        Self {
            lifetime: directory.lifetime(),
            directory: Mutex::new(directory),
            state: None,
            started: Instant::now(),
        }
    }

    /// Those of a former run, as far as they still hold. `keep` is given how long that is, and makes
    /// what the next ones are kept in.
    pub(crate) fn restore(
        mut self,
        records: &[Record],
        keep: impl FnOnce(Duration) -> State,
    ) -> Self {
        let now = state::now();
        let mut directory = self.lock();
        let mut restored = 0;
        for record in records {
            // A clock that was set back makes it new.
            let age = now.saturating_sub(record.at);
            let Some(at) = self.lifetime.checked_sub(age).filter(|at| !at.is_zero()) else {
                continue;
            };
            let at = instant(at);
            match directory.join(at, record.external, &record.join) {
                Ok(_) => restored += 1,
                Err(error) => tracing::warn!(%error, "a registration could not be restored"),
            }
        }
        drop(directory);
        tracing::info!(
            restored,
            of = records.len(),
            "registrations of a former run"
        );
        self.state = Some(keep(self.lifetime));
        self
    }

    /// Registers a device. With a state, it returns once the registration is on the disk.
    pub(crate) async fn join(&self, external: IpAddr, join: Join) -> Result<Joined, Unregistered> {
        let joined = self.lock().join(self.now(), external, &join)?;
        if let Some(state) = &self.state {
            let at = state::now();
            let record = Record { at, external, join };
            state.joined(&record).await?;
        }
        Ok(joined)
    }

    /// Ends a registration. Says whether there was one.
    pub(crate) async fn leave(&self, leave: &Leave) -> Result<bool, Unregistered> {
        let left = self.lock().leave(self.now(), leave);
        if let Some(state) = &self.state {
            state.left(leave).await?;
        }
        Ok(left)
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut directory = self.lock();
        directory.expire(self.now());
        directory.counts()
    }

    fn now(&self) -> dolab_directory::Instant {
        instant(self.lifetime + self.started.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn instant(at: Duration) -> dolab_directory::Instant {
    dolab_directory::Instant(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX))
}

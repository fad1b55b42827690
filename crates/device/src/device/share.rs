//! What is in the cache and offered to others.

use std::{sync::Arc, time::Instant};

use dolab_content::{ContentId, SharedFile};
use dolab_peer::{AddError, Shared};
use dolab_policy::Priority;

use super::{Inner, download::strangers};
use crate::{
    cache,
    report::{Level, Status},
    state::{Entry, Gone},
};

impl Inner {
    /// Shares all that is in the cache, where the gates allow it.
    pub(super) async fn share_cache(self: &Arc<Self>) {
        let cached: Vec<_> = {
            let book = self.book();
            let cached = book.state.files.iter().filter(|file| file.is_cached());
            cached.cloned().collect()
        };
        for file in cached {
            self.share(&file).await;
        }
        self.announce();
    }

    /// Shares one file of the cache.
    async fn share(self: &Arc<Self>, file: &Entry) {
        let Some(content) = file.content else { return };
        let judgement = self.judge(None, &Default::default());
        if !judgement.allowed.to_peers || !judgement.mode.peers() {
            return;
        }
        let file_id = file.status.file_id.clone();
        let source = SharedFile::open(self.cache.path(&file_id));
        let (Some(hashes), Ok(source)) = (self.cache.hashes(content), source) else {
            self.note(
                Level::Warning,
                format_args!("{file_id}: in the cache, and can not be read"),
            );
            return;
        };
        let shared = Shared {
            name: file.name.clone(),
            hashes: Arc::new(hashes),
            source: Arc::new(source),
        };
        let among = strangers(judgement.mode);
        match self.peer.share_among(shared, among).await {
            Ok(_) | Err(AddError::Known(_)) => {}
            Err(error) => {
                self.note(
                    Level::Warning,
                    format_args!("{file_id}: not shared: {error}"),
                );
                return;
            }
        }
        self.book().begin(&file_id, Instant::now());
        let priority = if file.status.foreground {
            Priority::Foreground
        } else {
            Priority::Background
        };
        self.register(content, &file_id, judgement.mode, priority, None);
    }

    /// The contents that others may have of this device, the newest first.
    pub(super) fn shared_contents(&self) -> Vec<ContentId> {
        let book = self.book();
        let files = book.state.files.iter().rev();
        files
            .filter(|file| matches!(file.status.status, Status::Caching | Status::Downloading))
            .filter(|file| book.is_live(&file.status.file_id))
            .filter_map(|file| file.content)
            .collect()
    }

    /// Lets go of what is too old.
    pub(super) async fn expire(&self) {
        let old = cache::expired(&self.book().state.files, self.clock.now());
        for file_id in &old {
            self.evict(file_id, "its time in the cache is over", true)
                .await;
        }
        if !old.is_empty() {
            self.announce();
        }
    }

    /// Makes room for so many bytes. Whether they fit.
    pub(super) async fn make_room(&self, needed: u64) -> bool {
        let capacity = self.disk_capacity();
        let quota = self.policies.max_cache_size(capacity);
        let go = cache::make_room(&self.book().state.files, quota, needed);
        let Some(go) = go else { return false };
        for file_id in &go {
            self.evict(file_id, "room is needed for another", false)
                .await;
        }
        true
    }

    /// Takes a file out of the cache, and no longer offers it.
    async fn evict(&self, file_id: &str, why: &str, expired: bool) {
        let gone = {
            let mut book = self.book();
            let gone = book.forget(file_id);
            if let Some(file) = &gone {
                book.state.about.let_go(Gone {
                    file_id: file_id.to_owned(),
                    since: file.since,
                    when: self.clock.now(),
                    expired,
                });
            }
            gone
        };
        if let Some(content) = gone.and_then(|file| file.content) {
            self.unregister(content).await;
            self.peer.remove(content).await;
        }
        self.cache.remove(file_id);
        self.note(
            Level::Info,
            format_args!("{file_id}: out of the cache: {why}"),
        );
        self.save(false);
    }
}

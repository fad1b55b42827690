//! What a content has beside peers.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use dolab_content::ContentId;
use dolab_engine::{Command, ConnId, FetchFailure, Input, SourceId, SourceKind, Traffic};
use tokio::{
    sync::{Semaphore, mpsc},
    task::AbortHandle,
};
use tracing::debug;

use super::Actor;
use crate::{
    Fetches,
    origin::{Fetch, Verdict},
    transfer::Tally,
};

/// A request over HTTP that is under way.
pub(super) struct Fetching {
    content: ContentId,
    kind: SourceKind,
    verdicts: mpsc::UnboundedSender<Verdict>,
    task: AbortHandle,
}

impl Actor {
    /// Tells the engine what a content has beside peers.
    pub(super) fn mix(&mut self, content: ContentId) {
        let Some(added) = self.contents.get(&content) else {
            return;
        };
        if let Some(rules) = added.rules.clone() {
            let targets = added.targets.iter();
            let sources = targets.map(|target| target.source.clone()).collect();
            self.handle(Input::Command(Command::Sources {
                content,
                sources,
                rules,
            }));
        }
    }

    /// Starts the task of a request.
    pub(super) fn fetch_origin(
        &mut self,
        fetch: ConnId,
        content: ContentId,
        source: SourceId,
        pieces: Range<u32>,
        ranged: bool,
    ) {
        let asked = self.contents.get(&content);
        let target = asked.and_then(|it| it.targets.get(usize::from(source.0)));
        let (Some(asked), Some(target)) = (asked, target) else {
            let why = FetchFailure::Forbidden;
            return self.pending.push_back(Input::OriginFailed { fetch, why });
        };
        let (verdicts, told) = mpsc::unbounded_channel();
        let task = Fetch {
            fetch,
            content: Arc::clone(asked),
            url: target.url.clone(),
            pieces,
            ranged,
            client: self.tools.http.clone(),
            reports: self.tools.reports.clone(),
            pool: self.tools.downloads.clone(),
            hashers: self.tools.hashers.clone(),
            verdicts: told,
            skipped: BTreeSet::new(),
            ahead: Arc::new(Semaphore::new(self.tools.hashers.ahead())),
        };
        let fetching = Fetching {
            content,
            kind: target.source.kind,
            verdicts,
            task: self.tasks.spawn(task.run()).abort_handle(),
        };
        self.fetches.insert(fetch, fetching);
    }

    pub(super) fn verdict(&self, fetch: ConnId, verdict: Verdict) {
        if let Some(fetching) = self.fetches.get(&fetch)
            && fetching.verdicts.send(verdict).is_err()
        {
            debug!(target: "dolab_peer", %fetch, ?verdict, "it has just ended");
        }
    }

    pub(super) fn cancel_origin(&mut self, fetch: ConnId) {
        if let Some(fetching) = self.fetches.remove(&fetch) {
            fetching.task.abort();
        }
    }

    pub(super) fn origin_told(&mut self, fetch: ConnId, input: Input) {
        // The engine may have cancelled it.
        if !self.fetches.contains_key(&fetch) {
            return;
        }
        if let Input::OriginDone { .. } | Input::OriginFailed { .. } = &input {
            self.fetches.remove(&fetch);
        }
        self.handle(input);
    }

    pub(super) fn fetches_of(&self, content: ContentId) -> Fetches {
        let mut fetches = Fetches::default();
        for fetching in self.fetches.values().filter(|it| it.content == content) {
            match fetching.kind {
                SourceKind::Cache => fetches.caches += 1,
                SourceKind::Origin => fetches.origins += 1,
            }
        }
        fetches
    }

    pub(super) fn traffic(&self, content: ContentId) -> Traffic {
        let report = self.engine.content(&content);
        report.map_or_else(Traffic::default, |report| *report.traffic)
    }

    /// Notes in a transfer's account what only the engine knows, before it ends.
    pub(super) fn sum_up(&self, tally: &Tally, content: &ContentId) {
        tally.sum_up(
            self.traffic(*content),
            self.engine.candidates(content).collect(),
        );
    }
}

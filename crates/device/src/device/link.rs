//! The link: DNS-SD tells others what is in the cache, and finds peers where a policy restricts
//! them to those.

use std::sync::Arc;

use dolab_discovery::{Announcement, Candidate, Discovery, DiscoveryConfig, GroupMark, Kind};
use dolab_policy::Restriction;
use dolab_wire::DownloadMode;
use tokio::task::JoinHandle;

use super::Inner;
use crate::{
    book::Proposed,
    report::{Level, LogEntry},
    state::LogFile,
};

/// Begins to browse. That it can not is no reason to fail: the log says so.
pub(super) fn start(wished: DiscoveryConfig, log: &LogFile) -> Option<Discovery> {
    match Discovery::start(wished) {
        Ok(discovery) => Some(discovery),
        Err(error) => {
            let entry = LogEntry::new(Level::Warning, "dolab", format_args!("no dns-sd: {error}"));
            if let Err(error) = log.append(&entry) {
                tracing::warn!(%error, "the log misses an entry");
            }
            None
        }
    }
}

/// Takes up whom the link finds, for as long as the device runs. Without the restriction to local
/// discovery peers come from the cloud alone (documented), and nothing is taken up.
pub(super) fn follow(inner: &Arc<Inner>) -> Option<JoinHandle<()>> {
    if inner.policies.restriction() != Restriction::LocalDiscovery {
        return None;
    }
    let mut found = inner.discovery.as_ref()?.candidates();
    let inner = Arc::clone(inner);
    Some(tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                event = found.next() => event,
                () = inner.stop.cancelled() => None,
            };
            let Some(event) = event else { return };
            if let Some(candidate) = event.candidate() {
                inner.take_up(candidate).await;
            }
        }
    }))
}

impl Inner {
    /// Tells the link what this device shares.
    pub(super) fn announce(&self) {
        let Some(discovery) = &self.discovery else {
            return;
        };
        let Some(port) = self.port.number(&self.peer) else {
            return;
        };
        let contents = self.shared_contents();
        let announcement = Announcement {
            port,
            peer: self.peer.id(),
            contents,
            group: self.group_mark(),
        };
        if let Err(error) = discovery.announce(announcement) {
            tracing::warn!(%error, "the link is not told what is shared");
        }
    }

    /// What marks this device's group on the link; `None` in every other mode than group mode.
    fn group_mark(&self) -> Option<GroupMark> {
        let in_group_mode = self.policies.download_mode() == DownloadMode::Group;
        let group = self.group.id.as_deref().filter(|_| in_group_mode);
        group.map(GroupMark::of)
    }

    /// Whether a device on the link may be a peer: in group mode those of the own group only
    /// (documented). One that does not say its group, such as a Windows host, is in none as far as is
    /// known.
    fn is_of_us(&self, candidate: &Candidate) -> bool {
        match self.policies.download_mode() {
            DownloadMode::Group => {
                let theirs = candidate.lab().and_then(|lab| lab.group);
                theirs.is_some() && theirs == self.group_mark()
            }
            DownloadMode::CdnOnly
            | DownloadMode::Lan
            | DownloadMode::Internet
            | DownloadMode::Simple
            | DownloadMode::Bypass => true,
        }
    }

    /// Those that the link has found already, for a download that begins.
    pub(super) async fn look_around(&self) {
        if self.policies.restriction() != Restriction::LocalDiscovery {
            return;
        }
        let known = self.discovery.as_ref().map(Discovery::sightings);
        for candidate in known.into_iter().flatten() {
            self.take_up(&candidate).await;
        }
    }

    /// Proposes a candidate for each download that it may have something of.
    async fn take_up(&self, candidate: &Candidate) {
        if !self.is_of_us(candidate) {
            return;
        }
        let wanted: Vec<_> = {
            let wanted = self
                .wanted
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            wanted
                .iter()
                .filter(|(content, _)| candidate.may_have(**content))
                .map(|(content, file)| (*content, file.clone()))
                .collect()
        };
        for (content, file) in wanted {
            self.propose(content, &file, candidate).await;
        }
    }

    /// A peer that was found for a content: for the accounts, and for the exchange.
    pub(super) async fn propose(
        &self,
        content: dolab_content::ContentId,
        file_id: &str,
        candidate: &Candidate,
    ) {
        let Some(first) = candidate.addrs.first() else {
            return;
        };
        let id = match &candidate.kind {
            Kind::Offered(id) => Some(*id),
            Kind::Lab(lab) => Some(lab.peer),
            Kind::Windows | Kind::Other | Kind::Unknown => None,
        };
        let proposed = Proposed {
            id,
            ip: first.ip(),
            kind: candidate.peer_type,
        };
        self.book()
            .propose(file_id, &[proposed], std::time::Instant::now());
        for &addr in &candidate.addrs {
            self.peer.offer(content, addr, candidate.peer_type).await;
        }
    }
}

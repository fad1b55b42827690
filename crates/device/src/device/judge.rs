//! The gates of this device: what they are decided on, and what the log says of them.

use dolab_peer::Limits;
use dolab_policy::{
    Priority, Told,
    gates::{Conditions, Judgement, Transfer, judge},
};

use super::Inner;
use crate::report::{Level, LogEntry};

impl Inner {
    /// What the gates look at now. `cloud`: whether it answers, as far as that was just seen.
    pub(super) fn conditions_now(&self, cloud: Option<bool>) -> Conditions {
        let mut conditions = self
            .conditions
            .clone()
            .unwrap_or_else(|| dolab_host::conditions(self.cache.folder()));
        let uploaded = self.book().state.month.snap(0).to.internet;
        let hour = self.clock.hour();
        conditions.uploaded_to_internet.get_or_insert(uploaded);
        conditions.hour = conditions.hour.or(hour);
        conditions.cloud = cloud.or(conditions.cloud);
        conditions
    }

    /// Decides every gate for a download.
    pub(super) fn judge(&self, cloud: Option<bool>, transfer: &Transfer) -> Judgement {
        judge(&self.policies, &self.conditions_now(cloud), transfer)
    }

    /// Decides the gates that do not depend on a download, tells the log of those that are shut, and
    /// lets the peer know what it may send.
    pub(super) fn announce_gates(&self) {
        let judgement = self.judge(None, &Transfer::default());
        self.log_closed("device", &judgement);
    }

    /// The size of the disk that the cache is on: as it was handed in, or else as the system tells.
    pub(super) fn disk_capacity(&self) -> u64 {
        let stated = self.conditions.as_ref().and_then(|it| it.disk);
        stated.map_or_else(
            || super::usage::disk(self.cache.folder()).0,
            |disk| disk.capacity,
        )
    }

    /// Writes down what this device is set to and like, for others to read.
    pub(super) fn describe(&self) {
        let conditions = self.conditions_now(None);
        let judgement = judge(&self.policies, &conditions, &Transfer::default());
        let capacity = self.disk_capacity();
        let mut book = self.book();
        let about = &mut book.state.about;
        about.host = dolab_host::host_name();
        about.os = Some(self.policies.basis().os);
        about.policies = self.policies.held();
        about.restriction = Some(self.policies.restriction());
        about.group = Some(self.group.clone());
        about.gates = judgement.decisions.iter().map(Told::from).collect();
        about.conditions = conditions;
        about.proxy.clone_from(&self.proxy);
        about.addresses = super::cloud::own_networks();
        about.has_cloud = self.cloud.is_some();
        about.clock_ahead = self.clock_ahead();
        about.cache_limit = self.policies.max_cache_size(capacity);
    }

    /// How many seconds the clock is ahead of what servers said.
    pub(super) fn clock_ahead(&self) -> Option<i64> {
        self.clock.off().map(|off| off.as_secs())
    }

    /// Tells the log of every gate that is shut, with its code.
    pub(super) fn log_closed(&self, what: &str, judgement: &Judgement) {
        for decision in judgement.closed() {
            let text = format!("{what}: {}: {}", decision.gate, decision.reason);
            let entry = LogEntry::new(Level::Warning, "dolab", text);
            self.write(&match decision.code {
                Some(code) => entry.coded(code),
                None => entry,
            });
        }
    }

    /// What binds the peer now.
    pub(super) fn limits(&self, judgement: &Judgement) -> Limits {
        let hour = self.clock.hour();
        let rate = |priority| {
            // How fast the line is, nobody knows here: a share of it binds nothing.
            let limits = self.policies.download_limits(priority, hour);
            limits.bytes_per_second(None)
        };
        let book = self.book();
        let cap = self.policies.monthly_upload_cap();
        let sent = book.state.month.snap(0).to.internet;
        let left = cap.map(|cap| cap.saturating_sub(sent));
        Limits {
            foreground: rate(Priority::Foreground),
            background: rate(Priority::Background),
            upload: self.policies.upload_limit(),
            internet_upload: if judgement.allowed.to_internet_peers {
                left
            } else {
                Some(0)
            },
            uploads: judgement.allowed.to_peers,
        }
    }
}

use std::{collections::BTreeMap, sync::Arc};

use crate::{Instant, Source};

/// Cache hosts that are left alone for a while (documented, of Delivery Optimization's client for
/// Linux): a whole host that can not be reached, or a host for the contents of one origin that it
/// refused.
#[derive(Debug, Default)]
pub(crate) struct HostBans {
    until: BTreeMap<(Arc<str>, Option<Arc<str>>), Instant>,
}

/// Hosts that are remembered. The one whose ban ends first goes.
const MAX_HOSTS: usize = 256;

impl HostBans {
    /// Bans a source's host until a moment; only for its origin, unless `whole`.
    pub(crate) fn ban(&mut self, source: &Source, whole: bool, until: Instant) {
        if self.until.len() >= MAX_HOSTS {
            let first = self.until.iter().min_by_key(|(_, until)| **until);
            if let Some(first) = first.map(|(host, _)| host.clone()) {
                self.until.remove(&first);
            }
        }
        let origin = (!whole).then(|| source.origin.clone());
        self.until.insert((source.host.clone(), origin), until);
    }

    /// Until when a source is not to be asked.
    pub(crate) fn until(&self, now: Instant, source: &Source) -> Option<Instant> {
        let of = |origin| self.until.get(&(source.host.clone(), origin)).copied();
        let until = of(None).max(of(Some(source.origin.clone())));
        until.filter(|&until| until > now)
    }
}

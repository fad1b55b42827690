use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

/// How many connections there are with each remote address, so that one can not take them all.
#[derive(Debug)]
pub(crate) struct Addresses {
    counts: BTreeMap<IpAddr, usize>,
    most: usize,
}

impl Addresses {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            counts: BTreeMap::new(),
            most,
        }
    }

    pub(crate) fn add(&mut self, remote: SocketAddr) {
        *self.counts.entry(remote.ip().to_canonical()).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, remote: SocketAddr) {
        let address = remote.ip().to_canonical();
        if let Some(count) = self.counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&address);
            }
        }
    }

    /// Whether this address has all the connections that it may have.
    pub(crate) fn is_full(&self, remote: SocketAddr) -> bool {
        let count = self.counts.get(&remote.ip().to_canonical());
        count.is_some_and(|&count| count >= self.most)
    }
}

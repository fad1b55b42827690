use std::collections::{BTreeSet, VecDeque};

use dolab_wire::{PeerType, Priority};

use crate::{ConnId, Instant, Limits, hybrid::time_for};

/// A rate that several share: each takes its turn once what was taken before is paid for with time.
#[derive(Debug, Default)]
pub(crate) struct Cap {
    rate: Option<u64>,
    paid: Instant,
    /// Who waits, in order.
    queue: VecDeque<ConnId>,
    queued: BTreeSet<ConnId>,
}

/// All that binds the device.
#[derive(Debug, Default)]
pub(crate) struct Caps {
    pub(crate) foreground: Cap,
    pub(crate) background: Cap,
    pub(crate) upload: Cap,
    /// Bytes that may still go to Internet peers.
    pub(crate) internet: Option<u64>,
    /// Whether nothing is uploaded.
    pub(crate) silent: bool,
}

impl Cap {
    /// Whether bytes may move now; else when. `None` when there is no moment.
    pub(crate) fn ready(&self, now: Instant) -> Result<(), Option<Instant>> {
        match self.rate {
            None => Ok(()),
            Some(0) => Err(None),
            Some(_) if self.paid <= now => Ok(()),
            Some(_) => Err(Some(self.paid)),
        }
    }

    /// Bytes move.
    pub(crate) fn take(&mut self, now: Instant, bytes: u64) {
        if let Some(rate) = self.rate {
            self.paid = self.paid.max(now) + time_for(bytes, rate);
        }
    }

    /// Notes who waits.
    pub(crate) fn wait(&mut self, conn: ConnId) {
        if self.queued.insert(conn) {
            self.queue.push_back(conn);
        }
    }

    /// Lets all that wait look again.
    pub(crate) fn wake(&mut self) -> VecDeque<ConnId> {
        self.queued.clear();
        std::mem::take(&mut self.queue)
    }

    fn set(&mut self, now: Instant, rate: Option<u64>) {
        if self.rate != rate {
            self.rate = rate;
            self.paid = now;
        }
    }
}

impl Caps {
    pub(crate) fn set(&mut self, now: Instant, limits: &Limits) {
        self.foreground.set(now, limits.foreground);
        self.background.set(now, limits.background);
        self.upload.set(now, limits.upload);
        self.internet = limits.internet_upload;
        self.silent = !limits.uploads;
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            foreground: self.foreground.rate,
            background: self.background.rate,
            upload: self.upload.rate,
            internet_upload: self.internet,
            uploads: !self.silent,
        }
    }

    /// What binds the downloads of a priority.
    pub(crate) fn download(&mut self, priority: Priority) -> &mut Cap {
        match priority {
            Priority::Foreground => &mut self.foreground,
            Priority::Background => &mut self.background,
        }
    }

    /// Bytes are about to go to a peer of this type. Returns whether they may.
    pub(crate) fn spend(&mut self, kind: PeerType, bytes: u64) -> bool {
        let Some(left) = self
            .internet
            .as_mut()
            .filter(|_| kind == PeerType::Internet)
        else {
            return true;
        };
        let may = *left >= bytes;
        // What is too little for one request is too little for the next one.
        *left = if may { *left - bytes } else { 0 };
        may
    }

    /// Whether anything may be sent to a peer of this type.
    pub(crate) fn may_serve(&self, kind: PeerType) -> bool {
        let used_up = kind == PeerType::Internet && self.internet == Some(0);
        !self.silent && !used_up
    }
}

/// Whether rates bind a peer of this type: not so on the LAN (documented).
pub(crate) fn is_bound(kind: PeerType) -> bool {
    !matches!(kind, PeerType::Lan | PeerType::LinkLocal)
}

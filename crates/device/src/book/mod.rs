//! The accounts of a device: what each file, peer and month has moved. No I/O: the keeper hands in
//! what the peer tells, and writes down what comes of it.

mod live;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::IpAddr, time::Instant};

use dolab_wire::{PeerType, swarm::PeerId};
use jiff::{Timestamp, tz::TimeZone};

pub(crate) use self::live::Live;
use crate::{
    counters::{Month, Window},
    report::{ByClass, PeerEnd, PerfSnap, Status},
    state::{Account, Entry, State},
};

/// What the peer tells of one content at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Bytes in good pieces since the peer took the content up, by source.
    pub(crate) from: ByClass<u64>,
    /// Bytes sent since then.
    pub(crate) to: ByClass<u64>,
    /// Connections that stand.
    pub(crate) connections: ByClass<u32>,
    /// Each connection with a peer.
    pub(crate) peers: Vec<Exchange>,
}

/// A connection with a peer, now or at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    /// Who it is, once it shook hands.
    pub(crate) id: Option<PeerId>,
    /// Its address.
    pub(crate) ip: IpAddr,
    /// What kind of peer it is.
    pub(crate) kind: PeerType,
    /// Bytes that were sent to it.
    pub(crate) sent: u64,
    /// Bytes that came from it.
    pub(crate) received: u64,
}

/// A peer that was proposed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proposed {
    pub(crate) id: Option<PeerId>,
    pub(crate) ip: IpAddr,
    pub(crate) kind: PeerType,
}

/// The accounts.
#[derive(Debug)]
pub(crate) struct Book {
    /// What is written down.
    pub(crate) state: State,
    /// What goes on, by file id.
    live: BTreeMap<String, Live>,
    zone: TimeZone,
    /// All that came and went, for the rates.
    moved: ByClass<u64>,
    sent: ByClass<u64>,
    down: Window,
    up: Window,
}

impl Book {
    pub(crate) fn new(state: State, zone: TimeZone, now: Instant) -> Self {
        Self {
            state,
            live: BTreeMap::new(),
            zone,
            moved: ByClass::default(),
            sent: ByClass::default(),
            down: Window::new(Window::SPAN, now, 0),
            up: Window::new(Window::SPAN, now, 0),
        }
    }

    /// The month that `now` is in, for a device that has none.
    pub(crate) fn month(now: Timestamp, zone: &TimeZone) -> Month {
        Month::of(now, zone)
    }

    pub(crate) fn file(&self, id: &str) -> Option<&Entry> {
        self.state
            .files
            .iter()
            .find(|file| file.status.file_id == id)
    }

    pub(crate) fn file_mut(&mut self, id: &str) -> Option<&mut Entry> {
        let files = &mut self.state.files;
        files.iter_mut().find(|file| file.status.file_id == id)
    }

    /// Writes a file down, in place of what was known of it.
    pub(crate) fn put(&mut self, entry: Entry) {
        self.forget(&entry.status.file_id);
        self.state.files.push(entry);
        self.state.trim();
    }

    /// Forgets a file. What it moved stays in the month.
    pub(crate) fn forget(&mut self, id: &str) -> Option<Entry> {
        self.live.remove(id);
        let at = self
            .state
            .files
            .iter()
            .position(|file| file.status.file_id == id)?;
        Some(self.state.files.remove(at))
    }

    /// The peer takes a content up: its counters start at zero, and go on from what is written
    /// down.
    pub(crate) fn begin(&mut self, id: &str, now: Instant) {
        let Some(file) = self.file(id) else { return };
        let live = Live::new(&file.status, now);
        self.live.insert(id.to_owned(), live);
    }

    /// Whether a file goes on: it comes, or is shared.
    pub(crate) fn is_live(&self, id: &str) -> bool {
        self.live.contains_key(id)
    }

    /// Peers that were proposed for a file, all of them: `NumPeers`, and the list of peers.
    pub(crate) fn propose(&mut self, id: &str, peers: &[Proposed], now: Instant) {
        if let Some(live) = self.live.get_mut(id) {
            for peer in peers {
                live.propose(peer, now);
            }
        }
    }

    /// What a peer of a file was proposed as, or turned out to be.
    pub(crate) fn kind_of(&self, id: &str, peer: PeerId) -> PeerType {
        self.live
            .get(id)
            .map_or(PeerType::None, |live| live.kind_of(peer))
    }

    /// A connection with a peer stands: for the completion trace, which counts all there ever were.
    pub(crate) fn joined(&mut self, id: &str, kind: PeerType) {
        if let Some(live) = self.live.get_mut(id) {
            live.joined(kind);
        }
    }

    /// A connection with a peer ended, or was not made; `failed`: not in good order.
    pub(crate) fn left(&mut self, id: &str, end: &Exchange, failed: Option<PeerEnd>, now: Instant) {
        if let Some(live) = self.live.get_mut(id) {
            live.left(end, failed, now);
        }
    }

    /// A download is over: who has not connected by now did not.
    pub(crate) fn give_up_on(&mut self, id: &str, now: Instant) {
        if let Some(live) = self.live.get_mut(id) {
            live.give_up(now);
        }
    }

    /// Writes down what happened to a file.
    pub(crate) fn account(&mut self, id: &str, write: impl FnOnce(&mut Account)) {
        if let Some(file) = self.file_mut(id) {
            write(&mut file.account);
        }
    }

    /// Connections of a file there ever were, by class.
    pub(crate) fn ever(&self, id: &str) -> ByClass<u32> {
        self.live.get(id).map(Live::ever).unwrap_or_default()
    }

    /// What the peer tells of a file now.
    pub(crate) fn read(&mut self, id: &str, reading: &Reading, now: Instant) {
        let Some(live) = self.live.get_mut(id) else {
            return;
        };
        let files = &mut self.state.files;
        let Some(file) = files.iter_mut().find(|file| file.status.file_id == id) else {
            return;
        };
        let change = live.read(reading, file, now);
        self.moved.add_all(&change.from);
        self.sent.add_all(&change.to);
        self.state.month.add(&change.from, &change.to);
        if let Some(time) = change.time {
            let foreground = file.status.foreground;
            self.state
                .month
                .add_time(foreground, change.from.total(), time);
        }
    }

    /// Brings the month and the device's own figures up to date. `host` has what this host tells:
    /// disk, processor, memory, rates allowed.
    pub(crate) fn settle(&mut self, host: PerfSnap, stamp: Timestamp, now: Instant) {
        self.state.month.roll(stamp, &self.zone);
        self.down.look(now, self.moved.total());
        self.up.look(now, self.sent.total());
        let mut perf = PerfSnap {
            files: 0,
            files_downloaded: 0,
            files_uploaded: 0,
            from: ByClass::default(),
            to: ByClass::default(),
            cache_size: 0,
            number_of_peers: 0,
            connections: ByClass::default(),
            upload_count: 0,
            foreground_download_count: 0,
            background_download_count: 0,
            downlink_usage_bps: self.down.rate() * 8,
            uplink_usage_bps: self.up.rate() * 8,
            ..host
        };
        for file in &self.state.files {
            let status = &file.status;
            perf.files += 1;
            perf.files_downloaded += u32::from(status.from.total() > 0);
            // Those are the cmdlet's words for it (documented).
            perf.files_uploaded += u32::from(status.to.peers_by_microsoft() > 0);
            perf.from.add_all(&status.from);
            perf.to.add_all(&status.to);
            perf.connections.add_all(&status.connections);
            if file.is_cached() {
                perf.cache_size += status.file_size_in_cache;
            }
            if status.status == Status::Downloading {
                perf.number_of_peers += status.num_peers;
                if status.foreground {
                    perf.foreground_download_count += 1;
                } else {
                    perf.background_download_count += 1;
                }
            }
            perf.upload_count += file
                .peers
                .iter()
                .filter(|peer| peer.upload_rate > 0)
                .count() as u32;
        }
        self.state.perf = perf;
        self.state.written = stamp;
    }
}

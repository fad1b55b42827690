use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use dolab_wire::{PeerType, swarm::PeerId};

use crate::{CandidateReport, CloseReason, Config, Instant};

/// Where peers of one content may be found, and when to try each of them again.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    known: BTreeMap<SocketAddr, Candidate>,
    due: BTreeSet<(Instant, SocketAddr)>,
}

#[derive(Debug)]
struct Candidate {
    state: State,
    /// Tries in a row that brought no piece.
    failures: u32,
    /// When the last try ended.
    ended: Instant,
    /// Who answered there.
    peer: Option<PeerId>,
    /// What it was offered as.
    kind: PeerType,
    tries: u32,
    /// Why the last try ended, or none was made.
    failure: Option<CloseReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be dialled at a moment.
    Waiting(Instant),
    /// Being dialled, or connected.
    Busy,
    /// It is this device itself, or nobody is tried any more.
    Never,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// A piece came over it.
    Useful,
    /// Nothing came over it.
    Useless,
    /// Not to be tried before this moment.
    Banned(Instant),
    /// It is this device itself.
    Myself,
}

impl Candidates {
    /// Learns of an address, or that there is fresh reason to believe in it: then its pauses begin
    /// anew. Returns whether it is to be tried.
    pub(crate) fn offer(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        kind: PeerType,
        config: &Config,
    ) -> bool {
        if let Some(known) = self.known.get_mut(&addr) {
            if kind != PeerType::None {
                known.kind = kind;
            }
            let State::Waiting(next) = known.state else {
                return known.state == State::Busy;
            };
            if known.failures > 0 {
                known.failures = 0;
                let next = next.min(now.max(known.ended + config.redial_first));
                self.wait(addr, next);
            }
            return true;
        }
        if self.known.len() >= config.max_candidates && !self.drop_worst() {
            return false;
        }
        let new = Candidate {
            state: State::Busy,
            failures: 0,
            ended: now,
            peer: None,
            kind,
            tries: 0,
            failure: None,
        };
        self.known.insert(addr, new);
        self.wait(addr, now);
        true
    }

    /// The one to be tried next, when, and who answered there before.
    pub(crate) fn next(&self) -> Option<(Instant, SocketAddr, Option<PeerId>)> {
        let &(at, addr) = self.due.first()?;
        Some((at, addr, self.known.get(&addr).and_then(|known| known.peer)))
    }

    /// It is being dialled.
    pub(crate) fn begin(&mut self, addr: SocketAddr) {
        self.set(addr, State::Busy);
        if let Some(known) = self.known.get_mut(&addr) {
            known.tries = known.tries.saturating_add(1);
        }
    }

    /// What it was offered as.
    pub(crate) fn kind(&self, addr: SocketAddr) -> PeerType {
        self.known
            .get(&addr)
            .map_or(PeerType::None, |known| known.kind)
    }

    /// What somebody at this address was offered as, at whatever port.
    pub(crate) fn kind_at(&self, ip: IpAddr) -> PeerType {
        let ports = SocketAddr::new(ip, 0)..=SocketAddr::new(ip, u16::MAX);
        let mut there = self.known.range(ports).map(|(_, known)| known.kind);
        there
            .find(|&kind| kind != PeerType::None)
            .unwrap_or_default()
    }

    /// Why one that is due is not tried.
    pub(crate) fn excuse(&mut self, addr: SocketAddr, why: CloseReason) {
        if let Some(known) = self.known.get_mut(&addr).filter(|it| it.tries == 0) {
            known.failure = Some(why);
        }
    }

    /// How many were offered.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Each, and what came of it.
    pub(crate) fn reports(&self) -> impl Iterator<Item = CandidateReport> + '_ {
        self.known.iter().map(|(&addr, known)| CandidateReport {
            addr,
            kind: known.kind,
            connected: known.peer.is_some(),
            tries: known.tries,
            failure: known.failure.clone(),
        })
    }

    /// Someone answered there.
    pub(crate) fn answered(&mut self, addr: SocketAddr, peer: PeerId) {
        if let Some(known) = self.known.get_mut(&addr) {
            known.peer = Some(peer);
        }
    }

    /// A try ended. `jitter` spreads the pauses of many devices that lost the same peer.
    pub(crate) fn ended(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        tried: Tried,
        why: &CloseReason,
        jitter: u32,
        config: &Config,
    ) {
        let Some(known) = self.known.get_mut(&addr) else {
            return;
        };
        known.ended = now;
        known.failure = Some(why.clone());
        match tried {
            Tried::Useful => known.failures = 1,
            Tried::Useless => known.failures = known.failures.saturating_add(1),
            Tried::Banned(until) => return self.wait(addr, until),
            Tried::Myself => return self.set(addr, State::Never),
        }
        let pause = pause(known.failures, jitter, config);
        self.wait(addr, now + pause);
    }

    /// It is tried at `at` and not before, although nothing was found wrong with it.
    pub(crate) fn wait(&mut self, addr: SocketAddr, at: Instant) {
        self.set(addr, State::Waiting(at));
    }

    /// Nobody is tried any more; what came of each is kept.
    pub(crate) fn finish(&mut self) {
        self.due.clear();
        for known in self.known.values_mut() {
            known.state = State::Never;
        }
    }

    fn set(&mut self, addr: SocketAddr, state: State) {
        let Some(known) = self.known.get_mut(&addr) else {
            return;
        };
        if known.state == State::Never {
            return;
        }
        if let State::Waiting(at) = known.state {
            self.due.remove(&(at, addr));
        }
        known.state = state;
        if let State::Waiting(at) = state {
            self.due.insert((at, addr));
        }
    }

    /// Makes room by forgetting the one that failed most often. Returns whether there was one.
    fn drop_worst(&mut self) -> bool {
        let waiting = |known: &Candidate| matches!(known.state, State::Waiting(_));
        let failed = self
            .known
            .iter()
            .filter(|(_, known)| known.failures > 0 && waiting(known));
        let Some((&addr, _)) = failed.max_by_key(|(_, known)| known.failures) else {
            return false;
        };
        self.set(addr, State::Busy);
        self.known.remove(&addr);
        true
    }
}

fn pause(failures: u32, jitter: u32, config: &Config) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    let pause = config
        .redial_first
        .saturating_mul(doubled)
        .min(config.redial_longest);
    pause + pause / 4 * (jitter % 256) / 256
}

//! Fetching over HTTP: when, whom, what, and what comes of it.

use std::{collections::BTreeSet, net::SocketAddr, ops::Range};

use dolab_content::ContentId;
use dolab_wire::PeerType;
use rand::RngExt;

use super::{Engine, arrival::Verifying};
use crate::{
    CloseReason, ConnId, Event, FetchFailure, GiveUp, Instant, Misuse, Output, Reason, Rules,
    Source, SourceId,
    hybrid::{Choice, Fetch, Hybrid, May, Sources},
    timers::Timer,
};

/// What to do about HTTP now.
enum Plan {
    Ask {
        source: SourceId,
        pieces: Range<u32>,
        ranged: bool,
    },
    /// Nothing before this moment.
    Wait(Instant),
    /// Nothing before something happens.
    Nothing,
    /// There is a wish, and no room for it.
    OutOfBudget,
    /// No source will ever deliver.
    Hopeless(FetchFailure),
}

impl Engine {
    /// Takes what a content has beside peers, and how it is mixed.
    pub(super) fn mix(
        &mut self,
        content: ContentId,
        sources: Vec<Source>,
        rules: Rules,
    ) -> Result<(), Misuse> {
        let pieces = self.swarm_mut(content)?.layout.pieces();
        self.end_fetches(content);
        // Devices that start together begin at different places: what one has, others need not
        // fetch over HTTP.
        let cursor = if rules.peers && !sources.is_empty() {
            self.rng.random_range(0..pieces.max(1))
        } else {
            0
        };
        let (now, peers) = (self.now, rules.peers);
        let swarm = self.swarm_mut(content)?;
        let sources = Sources::new(sources);
        swarm.hybrid =
            (!sources.is_empty()).then(|| Box::new(Hybrid::new(now, sources, &rules, cursor)));
        swarm.rules = rules;
        if !peers {
            swarm.candidates.finish();
            for conn in swarm.connections.clone() {
                self.close(conn, CloseReason::NoPeers);
            }
        }
        self.hybrids.insert(content);
        Ok(())
    }

    /// Something changed that may matter to a content's HTTP sources.
    pub(super) fn rouse_http(&mut self, content: ContentId) {
        let swarm = self.swarms.get(&content);
        if swarm.is_some_and(|swarm| swarm.hybrid.is_some()) {
            self.hybrids.insert(content);
        }
    }

    /// Looks at the HTTP sources of all contents for which something changed. Returns whether there
    /// were any.
    pub(super) fn settle_http(&mut self) -> bool {
        if self.budget.take_released() {
            self.hybrids.append(&mut self.waiting_for_budget);
        }
        let contents = std::mem::take(&mut self.hybrids);
        let any = !contents.is_empty();
        for content in contents {
            self.look_at_http(content);
        }
        any
    }

    fn look_at_http(&mut self, content: ContentId) {
        let now = self.now;
        self.timers.set(Timer::Hybrid(content), None);
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        let fetches = swarm.fetches() && !self.stopped;
        let Some(hybrid) = &mut swarm.hybrid else {
            return;
        };
        if !fetches {
            return self.end_fetches(content);
        }
        let Some(mut wake) = hybrid.watch(now, &self.config) else {
            return self.give_up(content, GiveUp::NoProgress);
        };
        if let Some(at) = self.go_on_with_wholes(content) {
            wake = wake.min(at);
        }
        loop {
            match self.plan(content) {
                Plan::Ask {
                    source,
                    pieces,
                    ranged,
                } => self.ask_origin(content, source, pieces, ranged),
                Plan::Wait(at) => {
                    wake = wake.min(at);
                    break;
                }
                Plan::Nothing => break,
                Plan::OutOfBudget => {
                    self.waiting_for_budget.insert(content);
                    break;
                }
                Plan::Hopeless(why) if self.is_abandoned(content) => {
                    return self.give_up(content, GiveUp::Source(why));
                }
                Plan::Hopeless(_) => break,
            }
        }
        self.timers
            .set(Timer::Hybrid(content), Some((wake, Reason::Http)));
    }

    fn plan(&mut self, content: ContentId) -> Plan {
        let now = self.now;
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return Plan::Nothing;
        };
        let (Some(hybrid), Some(picker)) = (&mut swarm.hybrid, &swarm.picker) else {
            return Plan::Nothing;
        };
        let hurry = swarm.rules.hurry_when_starved && swarm.starved;
        let freely = match hybrid.may_ask(now, swarm.deliverers > 0, hurry) {
            May::At(at) => return Plan::Wait(at),
            May::Freely => true,
            May::ToTheFloor => false,
        };
        if hybrid.fetches.len() >= self.config.max_fetches {
            return Plan::Nothing;
        }
        let (from, delay) = (hybrid.from(), swarm.rules.delay_cdn);
        let (source, ranged) = match hybrid.sources.choose(now, from, delay, &self.host_bans) {
            Choice::Ask { source, ranged } => (source, ranged),
            Choice::Wait(at) => return Plan::Wait(at),
            Choice::Hopeless(why) => return Plan::Hopeless(why),
        };
        if !ranged {
            let busy = hybrid.fetches.values().any(|fetch| !fetch.ranged);
            if busy || picker.is_exhausted() {
                return Plan::Nothing;
            }
            let pieces = 0..swarm.layout.pieces();
            return Plan::Ask {
                source,
                pieces,
                ranged,
            };
        }
        match self.caps.download(swarm.rules.priority).ready(now) {
            Ok(()) => {}
            Err(Some(at)) => return Plan::Wait(at),
            Err(None) => return Plan::Nothing,
        }
        let most = if freely { hybrid.stride } else { 1 };
        let run = picker.pick_run(hybrid.cursor, most).or_else(|| {
            let last = picker.rescue(self.config.endgame_copies)?;
            Some(last..last + 1)
        });
        let Some(mut pieces) = run else {
            return Plan::Nothing;
        };
        let piece_size = u64::from(swarm.layout.piece_size());
        let fits = |count| self.budget.allows(content, count * piece_size);
        while pieces.len() > 1 && !fits(pieces.len() as u64) {
            pieces.end = pieces.start + pieces.len() as u32 / 2;
        }
        if !fits(pieces.len() as u64) {
            return Plan::OutOfBudget;
        }
        Plan::Ask {
            source,
            pieces,
            ranged,
        }
    }

    fn ask_origin(
        &mut self,
        content: ContentId,
        source: SourceId,
        pieces: Range<u32>,
        ranged: bool,
    ) {
        let now = self.now;
        let fetch = ConnId::fetch(self.next_fetch);
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        let (Some(hybrid), Some(picker)) = (&mut swarm.hybrid, &mut swarm.picker) else {
            return;
        };
        self.next_fetch += 1;
        let was_exhausted = picker.is_exhausted();
        let mut open = BTreeSet::new();
        if ranged {
            let mut len = 0;
            for piece in pieces.clone() {
                picker.begin(piece, fetch);
                open.insert(piece);
                len += u64::from(swarm.layout.piece_len(piece).unwrap_or(0));
            }
            self.budget.take(content, len);
            self.caps.download(swarm.rules.priority).take(now, len);
            hybrid.asked(now, len);
            hybrid.cursor = pieces.end;
        }
        let endgame = !was_exhausted && picker.is_exhausted();
        let begun = Fetch {
            source,
            began: now,
            remote: None,
            open,
            ranged,
            waiting: None,
            came: 0,
            landed: 0,
        };
        hybrid.fetches.insert(fetch, begun);
        self.fetches.insert(fetch, content);
        self.counters.fetches += 1;
        self.outputs.push_back(Output::FetchOrigin {
            fetch,
            content,
            source,
            pieces,
            ranged,
        });
        if endgame {
            self.rouse_idle(content);
        }
    }

    /// Whether a fetch is there; an input about one that ended is stale, and only counted.
    pub(super) fn expects_fetch(&mut self, fetch: ConnId) -> Result<bool, Misuse> {
        self.existed(fetch)?;
        if !fetch.is_fetch() {
            return Err(Misuse::UnknownConnection(fetch));
        }
        let there = self.fetches.contains_key(&fetch);
        self.counters.stale_inputs += u64::from(!there);
        Ok(there)
    }

    /// A fetch, and what it belongs to.
    fn hybrid_of(&mut self, fetch: ConnId) -> Option<(ContentId, &mut Hybrid)> {
        let content = *self.fetches.get(&fetch)?;
        let hybrid = self.swarms.get_mut(&content)?.hybrid.as_mut()?;
        Some((content, hybrid))
    }

    pub(super) fn origin_answered(&mut self, fetch: ConnId, remote: SocketAddr) {
        if let Some((_, hybrid)) = self.hybrid_of(fetch)
            && let Some(fetch) = hybrid.fetches.get_mut(&fetch)
        {
            fetch.remote = Some(remote);
        }
    }

    pub(super) fn origin_progress(&mut self, fetch: ConnId, bytes: u64) {
        self.counters.bytes_down += bytes;
        if let Some((_, hybrid)) = self.hybrid_of(fetch) {
            hybrid.http_brought(bytes);
            if let Some(fetch) = hybrid.fetches.get_mut(&fetch) {
                fetch.came += bytes;
            }
        }
    }

    pub(super) fn origin_landed(&mut self, fetch: ConnId, piece: u32) {
        let now = self.now;
        let Some(&content) = self.fetches.get(&fetch) else {
            return;
        };
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        let Some(hybrid) = &mut swarm.hybrid else {
            return;
        };
        let Some(landing) = hybrid.fetches.get_mut(&fetch) else {
            return;
        };
        // It may have been skipped a moment before it landed.
        if !landing.open.remove(&piece) {
            return;
        }
        let len = swarm.layout.piece_len(piece).unwrap_or(0);
        landing.landed += u64::from(len);
        let kind = kind(&hybrid.sources, landing.source);
        let took = now.since(landing.began);
        let verifying = Verifying::fetched(len, landing, kind, took);
        hybrid.sources.delivered(landing.source);
        if let Some(picker) = &mut swarm.picker {
            picker.landed(piece);
        }
        self.verifying.insert((fetch, content, piece), verifying);
    }

    pub(super) fn origin_reached(&mut self, fetch: ConnId, piece: u32) {
        if let Some((content, hybrid)) = self.hybrid_of(fetch) {
            if let Some(fetch) = hybrid.fetches.get_mut(&fetch) {
                fetch.waiting = Some(piece);
            }
            self.hybrids.insert(content);
        }
    }

    /// Says of each piece that a fetch of the whole has reached what becomes of it, as far as there
    /// is room. Returns when to look again.
    fn go_on_with_wholes(&mut self, content: ContentId) -> Option<Instant> {
        let now = self.now;
        let swarm = self.swarms.get_mut(&content)?;
        let (hybrid, picker) = (swarm.hybrid.as_mut()?, swarm.picker.as_mut()?);
        let mut again: Option<Instant> = None;
        for (&fetch, whole) in &mut hybrid.fetches {
            let Some(piece) = whole.waiting else {
                continue;
            };
            let len = u64::from(swarm.layout.piece_len(piece).unwrap_or(0));
            if !picker.may_still_take(piece) {
                whole.waiting = None;
                self.outputs.push_back(Output::SkipOrigin { fetch, piece });
                continue;
            }
            if !self.budget.allows(content, len) {
                self.waiting_for_budget.insert(content);
                continue;
            }
            let cap = self.caps.download(swarm.rules.priority);
            if let Err(at) = cap.ready(now) {
                again = again.into_iter().chain(at).min();
                continue;
            }
            cap.take(now, len);
            self.budget.take(content, len);
            picker.begin(piece, fetch);
            whole.open.insert(piece);
            whole.waiting = None;
            self.outputs.push_back(Output::KeepOrigin { fetch, piece });
        }
        again
    }

    pub(super) fn origin_done(&mut self, fetch: ConnId) {
        let whole = self.hybrid_of(fetch).is_some_and(|(_, hybrid)| {
            hybrid
                .fetches
                .get(&fetch)
                .is_some_and(|fetch| fetch.open.is_empty())
        });
        if !whole {
            return self.origin_failed(fetch, FetchFailure::Broken);
        }
        let most = self.config.max_pieces_per_fetch;
        if let Some((content, hybrid)) = self.hybrid_of(fetch) {
            hybrid.stride = hybrid.stride.saturating_mul(2).min(most);
            self.end_fetch(fetch, content);
            self.hybrids.insert(content);
        }
    }

    pub(super) fn origin_failed(&mut self, fetch: ConnId, why: FetchFailure) {
        let Some((content, hybrid)) = self.hybrid_of(fetch) else {
            return;
        };
        hybrid.stride = 1;
        let Some(ended) = hybrid.fetches.get(&fetch) else {
            return;
        };
        let source = ended.source;
        // Who was asked for the whole can not say that.
        let absurd = why == FetchFailure::NoRanges && !ended.ranged;
        let why = if absurd { FetchFailure::NotHttp } else { why };
        self.end_fetch(fetch, content);
        self.source_failed_with(content, source, why);
        self.hybrids.insert(content);
    }

    fn source_failed_with(&mut self, content: ContentId, source: SourceId, why: FetchFailure) {
        let (now, config) = (self.now, &self.config);
        let bans = &mut self.host_bans;
        let swarm = self.swarms.get_mut(&content);
        let Some(hybrid) = swarm.and_then(|swarm| swarm.hybrid.as_mut()) else {
            return;
        };
        let until = hybrid.sources.failed(now, source, why, config, bans);
        self.counters.fetch_failures += 1;
        self.event(Event::OriginFailed {
            content,
            source,
            why,
            pause: until.map(|until| until.since(now)),
        });
    }

    /// A piece that came from an HTTP source was bad. Returns whether it is left alone for that.
    pub(super) fn source_sent_bad(&mut self, content: ContentId, source: SourceId) -> bool {
        let swarm = self.swarms.get_mut(&content);
        let Some(hybrid) = swarm.and_then(|swarm| swarm.hybrid.as_mut()) else {
            return false;
        };
        let banned = hybrid.sources.sent_bad(source, &self.config);
        if banned {
            let fetches = hybrid.fetches.iter();
            let its = fetches.filter(|(_, fetch)| fetch.source == source);
            let its: Vec<ConnId> = its.map(|(&fetch, _)| fetch).collect();
            for fetch in its {
                self.outputs.push_back(Output::CancelOrigin { fetch });
                self.end_fetch(fetch, content);
            }
            self.source_failed_with(content, source, FetchFailure::BadPieces);
            self.hybrids.insert(content);
        }
        banned
    }

    /// A piece is not wanted of a fetch any more: it came from elsewhere.
    pub(super) fn skip(&mut self, fetch: ConnId, content: ContentId, piece: u32) {
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        let len = swarm.layout.piece_len(piece).unwrap_or(0);
        let hybrid = swarm.hybrid.as_mut();
        let Some(other) = hybrid.and_then(|hybrid| hybrid.fetches.get_mut(&fetch)) else {
            return;
        };
        if !other.open.remove(&piece) {
            return;
        }
        let useless = other.ranged && other.open.is_empty();
        self.budget.release(content, len.into());
        if useless {
            self.outputs.push_back(Output::CancelOrigin { fetch });
            self.end_fetch(fetch, content);
        } else {
            self.outputs.push_back(Output::SkipOrigin { fetch, piece });
        }
        self.hybrids.insert(content);
    }

    /// Ends all fetches of a content.
    pub(super) fn end_fetches(&mut self, content: ContentId) {
        let swarm = self.swarms.get(&content);
        let Some(hybrid) = swarm.and_then(|swarm| swarm.hybrid.as_ref()) else {
            return;
        };
        let fetches: Vec<ConnId> = hybrid.fetches.keys().copied().collect();
        for fetch in fetches {
            self.outputs.push_back(Output::CancelOrigin { fetch });
            self.end_fetch(fetch, content);
        }
    }

    /// Clears up after a fetch.
    fn end_fetch(&mut self, fetch: ConnId, content: ContentId) {
        self.fetches.remove(&fetch);
        let Some(swarm) = self.swarms.get_mut(&content) else {
            return;
        };
        let Some(hybrid) = &mut swarm.hybrid else {
            return;
        };
        let Some(ended) = hybrid.fetches.remove(&fetch) else {
            return;
        };
        let kind = kind(&hybrid.sources, ended.source);
        let mut len = 0;
        for &piece in &ended.open {
            len += u64::from(swarm.layout.piece_len(piece).unwrap_or(0));
            if let Some(picker) = &mut swarm.picker {
                picker.lost(piece, fetch, false);
            }
        }
        let wasted = ended.came.saturating_sub(ended.landed);
        swarm.traffic.wasted.add(kind, wasted);
        if len > 0 {
            self.budget.release(content, len);
            self.rouse_idle(content);
        }
    }

    /// Whether nothing is under way for a content, and no peer is there that it might come from.
    fn is_abandoned(&self, content: ContentId) -> bool {
        self.swarms.get(&content).is_some_and(|swarm| {
            let idle = swarm
                .picker
                .as_ref()
                .is_some_and(|picker| picker.flights() == 0);
            let alone = !swarm.rules.peers || swarm.starved && swarm.connections.is_empty();
            idle && alone
        })
    }

    fn give_up(&mut self, content: ContentId, why: GiveUp) {
        let Some(swarm) = self.swarms.get(&content) else {
            return;
        };
        let missing = swarm.layout.pieces() - swarm.have.count();
        self.fail(content);
        self.event(Event::GaveUp {
            content,
            why,
            missing,
        });
    }

    /// Bytes came and are of no use.
    pub(super) fn waste(&mut self, content: ContentId, kind: PeerType, bytes: u64) {
        if let Some(swarm) = self.swarms.get_mut(&content).filter(|_| bytes > 0) {
            swarm.traffic.wasted.add(kind, bytes);
        }
    }
}

fn kind(sources: &Sources, source: SourceId) -> PeerType {
    sources
        .get(source)
        .map_or(PeerType::Cdn, |source| source.kind.peer_type())
}

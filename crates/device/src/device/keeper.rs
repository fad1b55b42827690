//! Keeps the accounts: reads the peer once a second, and writes down what changed.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use dolab_content::ContentId;
use dolab_engine::{CloseReason, ConnId, Event as Swarm, FetchFailure};
use dolab_peer::{Event, PeerType};
use dolab_wire::{DoCode, swarm::PeerId};
use tokio::{
    sync::broadcast::error::RecvError,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{Inner, exchange, usage, usage::Usage};
use crate::{
    State,
    book::Exchange,
    report::{ConnectionTrace, LogEntry, PeerEnd, PerfSnap, Trace},
    state::{Account, Trouble, TroubleKind},
};

/// How often the conditions, the limits and the cache's ages are looked at.
const SLOWLY: Duration = crate::DeviceConfig::CONDITIONS;

/// Begins to keep them, until the device stops.
pub(super) fn start(inner: &Arc<Inner>) -> JoinHandle<()> {
    tokio::spawn(Keeper::new(Arc::clone(inner)).run())
}

struct Keeper {
    inner: Arc<Inner>,
    usage: Usage,
    /// Who is behind each connection.
    known: BTreeMap<ConnId, Known>,
    written: Option<State>,
    slowly: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Known {
    content: ContentId,
    peer: PeerId,
    kind: PeerType,
}

impl Keeper {
    fn new(inner: Arc<Inner>) -> Self {
        Self {
            inner,
            usage: Usage::start(),
            known: BTreeMap::new(),
            written: None,
            slowly: None,
        }
    }

    async fn run(mut self) {
        let mut events = self.inner.peer.subscribe();
        let mut tick = interval(State::PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.inner.stop.cancelled() => return,
                _ = tick.tick() => self.look().await,
                event = events.recv() => match event {
                    Ok(Event::Exchange(event)) => self.on_event(&event),
                    // What was missed shows in the next reading, but for connections that ended.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    async fn look(&mut self) {
        let inner = Arc::clone(&self.inner);
        if self.slowly.is_none_or(|last| last.elapsed() >= SLOWLY) {
            self.slowly = Some(Instant::now());
            let judgement = inner.judge(None, &Default::default());
            inner.peer.limit(inner.limits(&judgement)).await;
            inner.describe();
        }
        inner.expire().await;
        let kinds = inner.read_all().await;
        self.learn_kinds(&kinds);
        inner.tell_cloud();
        let host = self.host();
        let mut book = inner.book();
        book.settle(host, inner.clock.now(), Instant::now());
        book.state.about.clock_ahead = inner.clock_ahead();
        let perf = &book.state.perf;
        let down = perf.foreground_download_count + perf.background_download_count;
        let active = down + perf.upload_count > 0;
        let state = book.state.clone();
        drop(book);
        inner.port.follow(active, &inner.peer);
        inner.book().state.about.listening = inner.port.number(&inner.peer).is_some();
        if self.written.as_ref().is_none_or(|old| differs(old, &state)) {
            inner.save(false);
            self.written = Some(state);
        }
    }

    /// What this host tells.
    fn host(&mut self) -> PerfSnap {
        let inner = &self.inner;
        let (total_disk, available_disk) = usage::disk(inner.cache.folder());
        let percent = |priority| {
            let hour = inner.clock.hour();
            u32::from(inner.policies.download_limits(priority, hour).percent)
        };
        PerfSnap {
            download_mode: inner.policies.download_mode(),
            total_disk,
            available_disk,
            cpu_usage_pct: self.usage.cpu_pct(),
            mem_usage_kb: usage::memory_kb(),
            foreground_download_rate_pct: percent(dolab_policy::Priority::Foreground),
            background_download_rate_pct: percent(dolab_policy::Priority::Background),
            upload_rate_pct: 100,
            ..PerfSnap::default()
        }
    }

    fn on_event(&mut self, event: &Swarm) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others are seen in the readings"
        )]
        match *event {
            Swarm::PeerJoined {
                conn,
                content,
                peer,
                ..
            } => {
                let kind = PeerType::None;
                self.known.insert(
                    conn,
                    Known {
                        content,
                        peer,
                        kind,
                    },
                );
            }
            Swarm::PeerLeft {
                conn,
                content,
                remote,
                bytes_down,
                bytes_up,
                ref why,
            } => {
                let known = self.known.remove(&conn).map(|it| self.name(it));
                let Some(content) = content.or_else(|| known.map(|known| known.content)) else {
                    return;
                };
                let end = Exchange {
                    id: known.map(|known| known.peer),
                    ip: remote.ip(),
                    kind: known.map_or(PeerType::None, |known| known.kind),
                    sent: bytes_up,
                    received: bytes_down,
                };
                self.left(content, &end, why);
            }
            Swarm::OriginFailed { content, why, .. } => {
                let kind = match why {
                    FetchFailure::NoRanges | FetchFailure::BadRange | FetchFailure::Size => {
                        TroubleKind::NoRanges
                    }
                    _ => TroubleKind::Other,
                };
                let trouble = Trouble::new(kind, why.do_code(), why);
                self.account(content, |account| {
                    // What says most stays.
                    if account
                        .http
                        .as_ref()
                        .is_none_or(|it| it.kind == TroubleKind::Other)
                    {
                        account.http = Some(trouble);
                    }
                });
            }
            Swarm::PieceBad {
                content, remote, ..
            } => {
                self.account(content, |account| account.bad_from(remote.ip()));
            }
            _ => {}
        }
    }

    fn account(&self, content: ContentId, write: impl FnOnce(&mut Account)) {
        self.inner.book().account(&content.to_string(), write);
    }

    /// Takes over what connections turned out to be.
    fn learn_kinds(&mut self, kinds: &[(ConnId, PeerType)]) {
        for (conn, kind) in kinds {
            if let Some(known) = self.known.get_mut(conn)
                && known.kind == PeerType::None
                && *kind != PeerType::None
            {
                known.kind = *kind;
                let file_id = known.content.to_string();
                self.inner.book().joined(&file_id, *kind);
            }
        }
    }

    /// A connection that ended before it was looked at is what its peer was proposed as.
    fn name(&self, mut known: Known) -> Known {
        if known.kind == PeerType::None {
            let file_id = known.content.to_string();
            let mut book = self.inner.book();
            known.kind = book.kind_of(&file_id, known.peer);
            book.joined(&file_id, known.kind);
        }
        known
    }

    fn left(&self, content: ContentId, end: &Exchange, why: &CloseReason) {
        let file_id = content.to_string();
        let code = code_of(why, end.id.is_some());
        let failed = code.map(|code| PeerEnd {
            code: Some(code),
            why: why.to_string(),
        });
        self.inner
            .book()
            .left(&file_id, end, failed, Instant::now());
        let trace = ConnectionTrace {
            file_id,
            ip: end.ip,
            peer_type: end.kind,
            status: code.map_or(0, |code| code.0),
            bytes_sent: end.sent,
            bytes_received: end.received,
        };
        self.inner.write(&LogEntry::of(Trace::Connection(trace)));
    }
}

/// The code of a connection's end; `None` for one in good order.
fn code_of(why: &CloseReason, shook_hands: bool) -> Option<DoCode> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are told by their code"
    )]
    match why {
        CloseReason::Closed if shook_hands => None,
        CloseReason::NothingToDo | CloseReason::Stopped => None,
        why => why.do_code().or(Some(DoCode::CONNECTION_LOST)),
    }
}

/// Whether a state says something new, beside the time and what this process takes of its host.
fn differs(old: &State, new: &State) -> bool {
    let mut plain = new.clone();
    plain.written = old.written;
    plain.perf.cpu_usage_pct = old.perf.cpu_usage_pct;
    plain.perf.mem_usage_kb = old.perf.mem_usage_kb;
    plain.perf.available_disk = old.perf.available_disk;
    plain != *old
}

impl Inner {
    /// Reads what the peer tells of every content.
    /// Returns what each connection's peer counts as.
    pub(super) async fn read_all(&self) -> Vec<(ConnId, PeerType)> {
        let contents = self.peer.contents().await;
        let Some(snapshot) = self.peer.snapshot().await else {
            return Vec::new();
        };
        let readings = exchange::readings(&contents, &snapshot);
        let now = Instant::now();
        let mut book = self.book();
        for (content, reading) in &readings {
            book.read(&content.to_string(), reading, now);
        }
        let connections = snapshot.connections.iter();
        connections
            .map(|view| (view.exchange.conn, view.exchange.kind))
            .collect()
    }
}

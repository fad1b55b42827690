use std::time::Duration;

use super::host_bans::HostBans;
use crate::{Config, FetchFailure, Instant, Source, SourceId, SourceKind};

/// The HTTP sources of one content, and how each is doing.
#[derive(Debug)]
pub(crate) struct Sources(Vec<State>);

#[derive(Debug)]
struct State {
    source: Source,
    /// Failures in a row.
    failures: u32,
    /// Not to be asked before.
    retry_at: Instant,
    /// It will never deliver.
    dead: bool,
    last: Option<FetchFailure>,
    /// Whether it sends ranges, as far as is known.
    ranged: bool,
    bad_pieces: u32,
}

/// Which source to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This one.
    Ask {
        /// Which.
        source: SourceId,
        /// Whether it sends ranges.
        ranged: bool,
    },
    /// None before this moment.
    Wait(Instant),
    /// None ever.
    Hopeless(FetchFailure),
}

/// What a failure means for its source.
enum Verdict {
    /// It is tried again, after a growing pause.
    Again,
    /// A cache is left alone for a while, with all that it has.
    BanHost,
    /// A cache is left alone for a while, with what it has of this origin.
    BanOrigin,
    /// It sends no ranges.
    Whole,
    /// It has not got what is wanted, and will not have it.
    Dead,
}

impl Sources {
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        let state = |source| State {
            source,
            failures: 0,
            retry_at: Instant::default(),
            dead: false,
            last: None,
            ranged: true,
            bad_pieces: 0,
        };
        Self(sources.into_iter().map(state).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, source: SourceId) -> Option<&Source> {
        self.0.get(usize::from(source.0)).map(|state| &state.source)
    }

    fn has_cache(&self) -> bool {
        self.0
            .iter()
            .any(|state| state.source.kind == SourceKind::Cache)
    }

    /// Which to ask now: the first cache that may be asked, and from `from + delay_cdn` on, when
    /// none may, the first origin (documented: the content's own servers are last).
    pub(crate) fn choose(
        &self,
        now: Instant,
        from: Instant,
        delay_cdn: Duration,
        bans: &HostBans,
    ) -> Choice {
        let cdn_from = if self.has_cache() {
            from + delay_cdn
        } else {
            from
        };
        let mut soonest: Option<Instant> = None;
        for kind in [SourceKind::Cache, SourceKind::Origin] {
            for (n, state) in self.0.iter().enumerate() {
                if state.source.kind != kind || state.dead {
                    continue;
                }
                let may_from = match kind {
                    SourceKind::Cache => from,
                    SourceKind::Origin => cdn_from,
                };
                let banned = bans.until(now, &state.source).unwrap_or_default();
                let at = may_from.max(state.retry_at).max(banned);
                if at <= now {
                    let (source, ranged) = (SourceId(n as u16), state.ranged);
                    return Choice::Ask { source, ranged };
                }
                soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
            }
        }
        match soonest {
            Some(at) => Choice::Wait(at),
            None => {
                let last = self.0.iter().rev().find_map(|state| state.last);
                Choice::Hopeless(last.unwrap_or(FetchFailure::Connect))
            }
        }
    }

    /// A source delivered something.
    pub(crate) fn delivered(&mut self, source: SourceId) {
        if let Some(state) = self.0.get_mut(usize::from(source.0)) {
            state.failures = 0;
        }
    }

    /// A source failed. Returns until when it is left alone; `None` for ever, or when it is asked
    /// otherwise at once.
    pub(crate) fn failed(
        &mut self,
        now: Instant,
        source: SourceId,
        why: FetchFailure,
        config: &Config,
        bans: &mut HostBans,
    ) -> Option<Instant> {
        let state = self.0.get_mut(usize::from(source.0))?;
        state.last = Some(why);
        match verdict(why, state.source.kind) {
            Verdict::Again => {
                let doubled = 2_u32.saturating_pow(state.failures.min(16));
                let pause = config.source_retry_first.saturating_mul(doubled);
                state.failures = state.failures.saturating_add(1);
                state.retry_at = now + pause.min(config.source_retry_longest);
                Some(state.retry_at)
            }
            ban @ (Verdict::BanHost | Verdict::BanOrigin) => {
                let until = now + config.source_ban;
                bans.ban(&state.source, matches!(ban, Verdict::BanHost), until);
                Some(until)
            }
            Verdict::Whole => {
                state.ranged = false;
                None
            }
            Verdict::Dead => {
                state.dead = true;
                None
            }
        }
    }

    /// A source sent a bad piece. Returns whether it has sent too many.
    pub(crate) fn sent_bad(&mut self, source: SourceId, config: &Config) -> bool {
        self.0.get_mut(usize::from(source.0)).is_some_and(|state| {
            state.bad_pieces += 1;
            state.bad_pieces >= config.bad_pieces_until_ban
        })
    }
}

fn verdict(why: FetchFailure, kind: SourceKind) -> Verdict {
    use FetchFailure as F;
    let refused = |status| (400..500).contains(&status) && status != 408 && status != 429;
    match (kind, why) {
        // Several requests may learn of it, one behind the other.
        (_, F::NoRanges) => Verdict::Whole,
        // Documented: the whole host after these, and only this origin after a 4xx.
        (SourceKind::Cache, F::Name | F::Connect | F::TimedOut) => Verdict::BanHost,
        (SourceKind::Cache, F::Status(status)) if (400..500).contains(&status) => {
            Verdict::BanOrigin
        }
        // Assumed: what it has of this origin is of no use.
        (
            SourceKind::Cache,
            F::Forbidden
            | F::Certificate
            | F::OddSuccess(_)
            | F::BadRange
            | F::Size
            | F::WebPage
            | F::NotHttp
            | F::BadPieces,
        ) => Verdict::BanOrigin,
        (SourceKind::Origin, F::Status(status)) if refused(status) => Verdict::Dead,
        (
            SourceKind::Origin,
            F::Forbidden | F::Certificate | F::OddSuccess(_) | F::BadRange | F::Size | F::BadPieces,
        ) => Verdict::Dead,
        (_, F::Status(_) | F::Stalled | F::Broken)
        | (SourceKind::Origin, F::Name | F::Connect | F::TimedOut | F::WebPage | F::NotHttp) => {
            Verdict::Again
        }
    }
}

//! Peers, caches and origins together: each rule by itself, then thousands of seeded downloads.

use std::{net::SocketAddr, ops::Range, time::Duration};

use dolab_content::PieceMap;
use dolab_wire::{PeerType, Priority};

use super::solo::{Solo, addr, content, layout};
use crate::{
    Command, Config, ConnId, Event, FetchFailure, GiveUp, Input, Output, PieceOutcome, Rules,
    Source, SourceId, SourceKind,
};

mod bounds;
mod delays;
mod floor;
mod kinds;
mod runs;
mod sources;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn origin(host: &str) -> Source {
    Source {
        kind: SourceKind::Origin,
        host: host.into(),
        origin: host.into(),
    }
}

pub(super) fn cache(host: &str, of: &str) -> Source {
    Source {
        kind: SourceKind::Cache,
        host: host.into(),
        origin: of.into(),
    }
}

/// No delays, and HTTP never holds back.
pub(super) fn freely() -> Rules {
    Rules {
        floor: None,
        ..Rules::new(Priority::Foreground)
    }
}

pub(super) fn server() -> SocketAddr {
    ([10, 9, 9, 9], 80).into()
}

/// A request that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) fetch: ConnId,
    pub(super) source: u16,
    pub(super) pieces: Range<u32>,
    pub(super) ranged: bool,
}

impl Solo {
    /// One that has nothing of content 1, in so many pieces, and these sources.
    pub(super) fn mixed(pieces: u32, sources: Vec<Source>, rules: Rules) -> Self {
        Self::mixed_with(Config::default(), pieces, sources, rules)
    }

    pub(super) fn mixed_with(
        config: Config,
        pieces: u32,
        sources: Vec<Source>,
        rules: Rules,
    ) -> Self {
        let mut solo = Self::with(config);
        solo.add(1, PieceMap::empty(pieces));
        solo.sources(1, sources, rules);
        solo
    }

    pub(super) fn sources(&mut self, n: u8, sources: Vec<Source>, rules: Rules) {
        self.command(Command::Sources {
            content: content(n),
            sources,
            rules,
        });
    }

    /// Requests over HTTP that went out since outputs were last taken.
    pub(super) fn asked(&self) -> Vec<Asked> {
        let asked = self.out.iter().filter_map(|output| match output {
            Output::FetchOrigin {
                fetch,
                source: SourceId(source),
                pieces,
                ranged,
                ..
            } => Some(Asked {
                fetch: *fetch,
                source: *source,
                pieces: pieces.clone(),
                ranged: *ranged,
            }),
            _ => None,
        });
        asked.collect()
    }

    /// The one request over HTTP that went out; outputs are taken.
    pub(super) fn only_asked(&mut self) -> Asked {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{:?}", self.out);
        self.take();
        asked.into_iter().next().unwrap()
    }

    pub(super) fn cancelled(&self, of: ConnId) -> bool {
        let cancel =
            |output: &Output| matches!(output, Output::CancelOrigin { fetch } if *fetch == of);
        self.out.iter().any(cancel)
    }

    /// A piece comes by a request over HTTP, and is hashed.
    pub(super) fn brings(&mut self, fetch: ConnId, piece: u32, outcome: PieceOutcome) {
        self.lands(fetch, piece);
        self.input(Input::PieceDone {
            conn: fetch,
            content: content(1),
            piece,
            outcome,
        });
    }

    pub(super) fn lands(&mut self, fetch: ConnId, piece: u32) {
        let pieces = self.engine.content(&content(1)).unwrap().layout.pieces();
        let bytes = layout(pieces).piece_len(piece).unwrap().into();
        self.input(Input::OriginAnswered {
            fetch,
            remote: server(),
        });
        self.input(Input::OriginProgress { fetch, bytes });
        self.input(Input::OriginLanded { fetch, piece });
    }

    /// All of a request comes, and is good.
    pub(super) fn delivers(&mut self, asked: &Asked) {
        for piece in asked.pieces.clone() {
            self.brings(asked.fetch, piece, PieceOutcome::Good);
        }
        self.input(Input::OriginDone { fetch: asked.fetch });
    }

    pub(super) fn fails(&mut self, fetch: ConnId, why: FetchFailure) {
        self.input(Input::OriginFailed { fetch, why });
    }

    /// Why the content was given up, if it was.
    pub(super) fn gave_up(&self) -> Option<GiveUp> {
        self.events().into_iter().find_map(|event| match event {
            Event::GaveUp { why, .. } => Some(why),
            _ => None,
        })
    }

    pub(super) fn candidate_of(&mut self, n: u8, kind: PeerType) {
        self.command(Command::Candidate {
            content: content(1),
            addr: addr(n),
            kind,
        });
    }

    /// Lets time pass a second at a time until something was asked over HTTP. Returns how many.
    pub(super) fn wait_until_asked(&mut self, most: u64) -> u64 {
        for seconds in 0..=most {
            if !self.asked().is_empty() {
                return seconds;
            }
            self.wait(SECOND);
        }
        panic!("nothing was asked over HTTP in {most} s");
    }
}

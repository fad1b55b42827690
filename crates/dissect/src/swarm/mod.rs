//! The Swarm protocol in both directions of a connection.

mod requests;
mod runs;
mod side;

use dolab_wire::{
    preface::Protocol,
    swarm::{Handshake, Head},
};

pub(crate) use self::side::Phase;
use self::{
    requests::Requests,
    runs::Runs,
    side::{Half, Heard},
};
use crate::{
    event::{Moment, Side, What},
    tcp::Chunk,
};

/// What one side said, in numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) handshake: Option<Handshake>,
    /// What it speaks instead.
    pub(crate) other: Option<String>,
    pub(crate) error: Option<(String, String)>,
    /// Messages by kind, in the order of their ids, [`KINDS`] names them.
    pub(crate) messages: [u64; KINDS.len()],
    pub(crate) asked_blocks: u64,
    pub(crate) asked_twice: u64,
    pub(crate) sent_blocks: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) unasked_blocks: u64,
    /// Bytes of the stream that could not be read as messages.
    pub(crate) unread: u64,
}

impl Said {
    /// Messages of a kind.
    pub(crate) fn count(&self, kind: &str) -> u64 {
        let kinds = KINDS.iter().zip(self.messages);
        kinds
            .filter(|(name, _)| **name == kind)
            .map(|(_, n)| n)
            .sum()
    }
}

/// Names of messages.
pub(crate) const KINDS: [&str; 11] = [
    "choke",
    "unchoke",
    "interested",
    "not-interested",
    "have",
    "bitfield",
    "request",
    "piece",
    "cancel",
    "keepalive",
    "other",
];

/// A pause in which requests waited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stall {
    /// Who should have answered.
    pub(crate) by: Side,
    pub(crate) from: Moment,
    pub(crate) lasted: u64,
    pub(crate) outstanding: u64,
    pub(crate) ended: bool,
}

/// A conversation.
#[derive(Debug)]
pub(crate) struct Talk {
    halves: [Half; 2],
    said: [Said; 2],
    /// What each side asked the other for.
    requests: [Requests; 2],
    runs: Runs,
    stall: u64,
    stalls: Vec<Stall>,
}

/// Stalls of a connection that are told.
const MAX_STALLS: usize = 64;

/// Something to tell, and who did it.
pub(crate) type Told = (Moment, Side, What);

impl Talk {
    /// A conversation in which a pause of `stall` nanoseconds is too long.
    pub(crate) fn new(stall: u64) -> Self {
        Self {
            halves: [Half::default(), Half::default()],
            said: [Said::default(), Said::default()],
            requests: [Requests::default(), Requests::default()],
            runs: Runs::default(),
            stall,
            stalls: Vec::new(),
        }
    }

    /// The capture begins in the middle of it.
    pub(crate) fn joined(&mut self, side: Side) {
        self.halves[side.index()].joined();
    }

    pub(crate) fn said(&self, side: Side) -> &Said {
        &self.said[side.index()]
    }

    pub(crate) fn phase(&self, side: Side) -> Phase {
        self.halves[side.index()].phase()
    }

    pub(crate) fn stalls(&self) -> &[Stall] {
        &self.stalls
    }

    /// Requests of a side that nothing came for.
    pub(crate) fn outstanding(&self, side: Side) -> u64 {
        self.requests[side.index()].len()
    }

    /// The protocol, once a side has named it.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        self.halves.iter().find_map(Half::protocol)
    }

    /// The next part of what `side` says.
    pub(crate) fn hear(&mut self, now: Moment, side: Side, chunk: Chunk<'_>, out: &mut Vec<Told>) {
        let i = side.index();
        let mut heard = Vec::new();
        match chunk {
            Chunk::Bytes(mut bytes) => {
                while !bytes.is_empty() {
                    let asked = &self.requests[side.other().index()];
                    bytes = self.halves[i].bytes(bytes, asked, &mut heard);
                    self.take(now, side, &mut heard, out);
                }
            }
            Chunk::Gap(bytes) => {
                self.halves[i].gap(bytes, &mut heard);
                self.take(now, side, &mut heard, out);
            }
        }
    }

    fn take(&mut self, now: Moment, side: Side, heard: &mut Vec<Heard>, out: &mut Vec<Told>) {
        for heard in heard.drain(..) {
            self.one(now, side, heard, out);
        }
        self.said[side.index()].unread = self.halves[side.index()].unread();
    }

    fn one(&mut self, now: Moment, side: Side, heard: Heard, out: &mut Vec<Told>) {
        let said = &mut self.said[side.index()];
        let what = match heard {
            Heard::Progress => {
                return self.progress(now, side, out);
            }
            Heard::Head(head) => return self.head(now, side, head, out),
            Heard::Handshake(handshake) => {
                said.handshake = Some(handshake);
                What::Handshake {
                    swarm: handshake.swarm.to_string(),
                    peer: handshake.peer.to_string(),
                    piece_size: handshake.piece_size,
                }
            }
            Heard::Other(says) => {
                said.other = Some(says.clone());
                What::OtherProtocol { says }
            }
            Heard::Malformed(error) => {
                let told = (error.to_string(), error.do_code().to_string());
                said.error = Some(told.clone());
                What::Malformed {
                    error: told.0,
                    do_error: told.1,
                }
            }
            Heard::Gap(bytes) => What::Gap { bytes },
            Heard::Resumes(unread) => What::Resumes { unread },
        };
        self.runs.flush(out);
        out.push((now, side, what));
    }

    fn head(&mut self, now: Moment, side: Side, head: Head, out: &mut Vec<Told>) {
        let (i, other) = (side.index(), side.other().index());
        let said = &mut self.said[i];
        said.messages[kind(&head)] += 1;
        match &head {
            Head::Request(block) => {
                said.asked_blocks += 1;
                if self.requests[i].add(now, *block) {
                    said.asked_twice += 1;
                }
            }
            Head::Cancel(block) => {
                self.requests[i].cancel(block);
            }
            Head::Piece(block) => {
                self.progress(now, side, out);
                let said = &mut self.said[i];
                said.sent_blocks += 1;
                said.sent_bytes += u64::from(block.len);
                let had_handshakes = self.halves.iter().all(Half::is_certain);
                if !self.requests[other].answer(block) && had_handshakes {
                    said.unasked_blocks += 1;
                }
            }
            Head::KeepAlive
            | Head::Choke
            | Head::Unchoke
            | Head::Interested
            | Head::NotInterested
            | Head::Have(_)
            | Head::Bitfield(_)
            | Head::Opaque { .. } => {}
        }
        self.runs.add(now, side, &head, out);
    }

    /// Something of what was asked for came.
    fn progress(&mut self, now: Moment, side: Side, out: &mut Vec<Told>) {
        let requests = &mut self.requests[side.other().index()];
        let waited = requests.progress(now);
        if let Some(stall) = waited {
            self.stalled(now, side, stall, true, out);
        }
    }

    fn stalled(
        &mut self,
        now: Moment,
        by: Side,
        (from, outstanding): (Moment, u64),
        ended: bool,
        out: &mut Vec<Told>,
    ) {
        let lasted = now.0.saturating_sub(from.0);
        if lasted < self.stall || outstanding == 0 {
            return;
        }
        self.runs.flush(out);
        let stall = Stall {
            by,
            from,
            lasted,
            outstanding,
            ended,
        };
        if self.stalls.len() < MAX_STALLS {
            self.stalls.push(stall);
        }
        let what = What::Stall {
            lasted: Moment(lasted).seconds(),
            outstanding,
            ended,
        };
        out.push((from, by, what));
    }

    /// Tells what was gathered, before something else is told.
    pub(crate) fn flush(&mut self, out: &mut Vec<Told>) {
        self.runs.flush(out);
    }

    /// The connection or the capture ends.
    pub(crate) fn finish(&mut self, now: Moment, out: &mut Vec<Told>) {
        for side in [Side::Caller, Side::Listener] {
            let waiting = self.requests[side.other().index()].waiting();
            if let Some(waiting) = waiting {
                self.stalled(now, side, waiting, false, out);
            }
        }
        self.runs.flush(out);
    }
}

fn kind(head: &Head) -> usize {
    match head {
        Head::Choke => 0,
        Head::Unchoke => 1,
        Head::Interested => 2,
        Head::NotInterested => 3,
        Head::Have(_) => 4,
        Head::Bitfield(_) => 5,
        Head::Request(_) => 6,
        Head::Piece(_) => 7,
        Head::Cancel(_) => 8,
        Head::KeepAlive => 9,
        Head::Opaque { .. } => 10,
    }
}

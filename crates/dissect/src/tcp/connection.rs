use std::net::SocketAddr;

use super::{Chunk, assembler::Assembler};
use crate::{
    event::{Moment, Side, What},
    packet::{IcmpError, Segment},
    swarm::{Talk, Told},
};

/// ICMP errors of a connection that are told.
const MAX_ICMP: usize = 8;

/// How a connection began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// Before the capture.
    NotSeen,
    /// It was asked for, and nobody has answered.
    Asked,
    /// It stands.
    Accepted,
    /// The answer was a reset.
    Refused,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It has not.
    Open,
    /// In order; who said so first.
    Closed(Side),
    /// By a reset in this side's name.
    Reset(Side),
}

/// One end of a connection.
#[derive(Debug, Default)]
pub(crate) struct End {
    pub(crate) stream: Assembler,
    pub(crate) packets: u64,
    pub(crate) hop_limit: Option<u8>,
    pub(crate) reset_hop_limit: Option<u8>,
    /// Whether it has said that no more comes.
    pub(crate) closed: bool,
}

/// A connection on a port of interest.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) number: u32,
    pub(crate) caller: SocketAddr,
    pub(crate) listener: SocketAddr,
    pub(crate) first: Moment,
    pub(crate) last: Moment,
    pub(crate) attempts: u32,
    pub(crate) accepted: Option<Moment>,
    pub(crate) setup: Setup,
    pub(crate) ending: Ending,
    pub(crate) ends: [End; 2],
    pub(crate) icmp: Vec<IcmpError>,
    pub(crate) talk: Talk,
    /// Number of the caller's SYN.
    asked: Option<u32>,
}

impl Connection {
    /// A connection that begins with this segment.
    pub(crate) fn new(
        number: u32,
        now: Moment,
        side: Side,
        segment: &Segment<'_>,
        stall: u64,
    ) -> Self {
        let (caller, listener) = match side {
            Side::Caller => (segment.from, segment.to),
            Side::Listener => (segment.to, segment.from),
        };
        Self {
            number,
            caller,
            listener,
            first: now,
            last: now,
            attempts: 0,
            accepted: None,
            setup: Setup::NotSeen,
            ending: Ending::Open,
            ends: [End::default(), End::default()],
            icmp: Vec::new(),
            talk: Talk::new(stall),
            asked: None,
        }
    }

    pub(crate) fn end(&self, side: Side) -> &End {
        &self.ends[side.index()]
    }

    /// Bytes of both directions.
    pub(crate) fn bytes(&self) -> u64 {
        self.ends.iter().map(|end| end.stream.len()).sum()
    }

    /// Whether nothing more is to be expected.
    pub(crate) fn is_over(&self) -> bool {
        match self.ending {
            Ending::Reset(_) => true,
            Ending::Open | Ending::Closed(_) => self.ends.iter().all(|end| end.closed),
        }
    }

    /// Whether this segment asks for another connection between the same two ports.
    pub(crate) fn is_followed_by(&self, segment: &Segment<'_>) -> bool {
        let asks = segment.syn && segment.ack.is_none();
        let again = self.asked == Some(segment.seq) && segment.from == self.caller;
        asks && !again && (self.is_over() || self.setup != Setup::Asked || self.asked.is_some())
    }

    /// What the held segments cost, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.ends.iter().map(|end| end.stream.held()).sum()
    }

    pub(crate) fn segment(&mut self, now: Moment, segment: &Segment<'_>, out: &mut Vec<Told>) {
        let side = match segment.from == self.caller {
            true => Side::Caller,
            false => Side::Listener,
        };
        let begins = self.last == self.first && self.ends.iter().all(|end| end.packets == 0);
        self.last = now;
        let end = &mut self.ends[side.index()];
        end.packets += 1;
        if segment.syn {
            self.syn(now, side, segment, out);
        } else if begins {
            self.join(now, side, out);
        }
        if segment.rst {
            return self.reset(now, side, segment, out);
        }
        self.ends[side.index()]
            .hop_limit
            .get_or_insert(segment.hop_limit);
        if let Some(ack) = segment.ack {
            let (other, talk) = (side.other(), &mut self.talk);
            let stream = &mut self.ends[other.index()].stream;
            stream.confirm(now.0, ack, &mut |chunk: Chunk<'_>| {
                talk.hear(now, other, chunk, out)
            });
        }
        let seq = segment.seq.wrapping_add(u32::from(segment.syn));
        let talk = &mut self.talk;
        let stream = &mut self.ends[side.index()].stream;
        stream.segment(now.0, seq, segment.payload, segment.len, &mut |chunk| {
            talk.hear(now, side, chunk, out);
        });
        let end = &mut self.ends[side.index()];
        if segment.fin && !end.closed {
            end.closed = true;
            if self.ending == Ending::Open {
                self.ending = Ending::Closed(side);
            }
            self.talk.flush(out);
            out.push((now, side, What::Closes));
        }
    }

    fn syn(&mut self, now: Moment, side: Side, segment: &Segment<'_>, out: &mut Vec<Told>) {
        let stream = &mut self.ends[side.index()].stream;
        stream.start(segment.seq.wrapping_add(1));
        if segment.ack.is_none() && side == Side::Caller {
            self.asked = Some(segment.seq);
            self.attempts += 1;
            if self.setup == Setup::NotSeen {
                self.setup = Setup::Asked;
            }
            let what = What::Opens {
                caller: self.caller,
                listener: self.listener,
                attempt: self.attempts,
            };
            out.push((now, side, what));
        } else if side == Side::Listener && self.accepted.is_none() {
            self.setup = Setup::Accepted;
            self.accepted = Some(now);
            out.push((now, side, What::Accepts));
        }
    }

    fn join(&mut self, now: Moment, side: Side, out: &mut Vec<Told>) {
        self.talk.joined(Side::Caller);
        self.talk.joined(Side::Listener);
        let what = What::Joins {
            caller: self.caller,
            listener: self.listener,
        };
        out.push((now, side, what));
    }

    fn reset(&mut self, now: Moment, side: Side, segment: &Segment<'_>, out: &mut Vec<Told>) {
        if self.is_over() {
            return;
        }
        self.ends[side.index()].reset_hop_limit = Some(segment.hop_limit);
        if self.setup == Setup::Asked && side == Side::Listener {
            self.setup = Setup::Refused;
        }
        self.ending = Ending::Reset(side);
        self.talk.flush(out);
        let after_bytes = self.bytes();
        out.push((now, side, What::Resets { after_bytes }));
    }

    /// An ICMP error about one of its packets.
    pub(crate) fn icmp(&mut self, now: Moment, error: &IcmpError, out: &mut Vec<Told>) {
        if self.icmp.len() == MAX_ICMP || self.icmp.contains(error) {
            return;
        }
        self.icmp.push(*error);
        let side = match error.from == self.caller {
            true => Side::Listener,
            false => Side::Caller,
        };
        self.talk.flush(out);
        let what = What::Icmp {
            maker: error.maker,
            icmp_type: error.icmp_type,
            code: error.code,
            means: error.means(),
        };
        out.push((now, side, what));
    }

    /// Frees what is held.
    pub(crate) fn give_up(&mut self, now: Moment, out: &mut Vec<Told>) {
        for side in [Side::Caller, Side::Listener] {
            let talk = &mut self.talk;
            let stream = &mut self.ends[side.index()].stream;
            while stream.held() > 0 {
                stream.give_up(&mut |chunk| talk.hear(now, side, chunk, out));
            }
        }
    }

    /// Nothing more of it comes; `end` is where the capture ends.
    pub(crate) fn finish(&mut self, end: Moment, out: &mut Vec<Told>) {
        let now = if self.is_over() { self.last } else { end };
        for side in [Side::Caller, Side::Listener] {
            let talk = &mut self.talk;
            let stream = &mut self.ends[side.index()].stream;
            stream.finish(&mut |chunk| talk.hear(self.last, side, chunk, out));
        }
        self.talk.finish(now, out);
    }
}

use std::collections::BTreeMap;

/// What is kept of segments that came too early, for one direction, in bytes with their keep.
pub(crate) const MAX_HELD: usize = 1 << 20;

/// What a segment costs beside its bytes.
const KEEP: usize = 64;

/// How far behind the expected byte a segment may be: more than any window holds, and less than
/// sequence numbers can tell.
const MAX_AHEAD: u64 = 1 << 30;

/// How long a segment that the receiver has confirmed may be missing before it is taken for not
/// captured, in nanoseconds. Captures of several queues mix their order by far less.
const PATIENCE: u64 = 100_000_000;

/// The next part of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk<'a> {
    /// Its bytes.
    Bytes(&'a [u8]),
    /// So many bytes that are not in the capture.
    Gap(u64),
}

/// One direction of a connection, put in order.
///
/// Holds at most [`MAX_HELD`] bytes. The first copy of a byte that is delivered counts.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// Sequence number of the stream's first byte.
    base: Option<u32>,
    /// Place of the next byte in the stream.
    next: u64,
    held: BTreeMap<u64, Held>,
    held_bytes: usize,
    /// When the oldest of them came.
    since: u64,
    /// Highest place that the receiver confirmed.
    confirmed: u64,
    /// Payload that came again, in bytes.
    pub(crate) again: u64,
    /// Segments that came too early.
    pub(crate) early: u64,
    /// Bytes that are not in the capture.
    pub(crate) missing: u64,
}

#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    /// Bytes on the wire.
    len: u64,
}

impl Assembler {
    /// The sequence number of the first byte, which is the one behind the SYN's.
    pub(crate) fn start(&mut self, base: u32) {
        self.base.get_or_insert(base);
    }

    /// Bytes of the stream so far, those that were not captured included.
    pub(crate) fn len(&self) -> u64 {
        self.next
    }

    /// What it holds, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.held_bytes
    }

    fn place(&self, seq: u32) -> Option<i64> {
        let expected = self.base?.wrapping_add(self.next as u32);
        Some(self.next as i64 + i64::from(seq.wrapping_sub(expected) as i32))
    }

    /// A segment of `len` bytes, of which `payload` was kept.
    pub(crate) fn segment(
        &mut self,
        now: u64,
        seq: u32,
        payload: &[u8],
        len: usize,
        sink: &mut dyn FnMut(Chunk<'_>),
    ) {
        if len == 0 {
            return;
        }
        self.start(seq);
        let Some(place) = self.place(seq) else {
            return;
        };
        // What came before the stream's first known byte is of no use any more.
        let cut = u64::try_from(-place).unwrap_or(0).min(len as u64) as usize;
        let payload = payload.get(cut..).unwrap_or_default();
        let (place, len) = ((place + cut as i64) as u64, (len - cut) as u64);
        self.again += cut as u64;
        if place > self.next + MAX_AHEAD {
            return;
        }
        if place > self.next {
            self.hold(now, place, payload, len);
            while self.held_bytes > MAX_HELD {
                self.give_up(sink);
            }
            return;
        }
        // A keepalive sends the last byte again, which is no loss.
        let keepalive = len <= 1 && place + 1 == self.next;
        let old = self.again;
        self.deliver(place, payload, len, sink);
        if keepalive {
            self.again = old;
        }
        self.drain(sink);
    }

    /// The receiver says that it has everything before `ack`.
    pub(crate) fn confirm(&mut self, now: u64, ack: u32, sink: &mut dyn FnMut(Chunk<'_>)) {
        let Some(place) = self.place(ack).and_then(|place| u64::try_from(place).ok()) else {
            return;
        };
        if place <= self.next + MAX_AHEAD {
            self.confirmed = self.confirmed.max(place);
        }
        while !self.held.is_empty()
            && self.confirmed > self.next
            && now.saturating_sub(self.since) > PATIENCE
        {
            self.give_up(sink);
        }
    }

    /// No more will come: what is held is delivered, with its gaps. `end` is the place of a FIN.
    pub(crate) fn finish(&mut self, sink: &mut dyn FnMut(Chunk<'_>)) {
        while !self.held.is_empty() {
            self.give_up(sink);
        }
        // A FIN counts for one.
        let behind = self.confirmed.saturating_sub(self.next);
        if behind > 1 {
            self.missing += behind - 1;
            self.next += behind - 1;
            sink(Chunk::Gap(behind - 1));
        }
    }

    /// Takes the bytes up to the next that is held for not captured.
    pub(crate) fn give_up(&mut self, sink: &mut dyn FnMut(Chunk<'_>)) {
        let Some((&place, _)) = self.held.first_key_value() else {
            return;
        };
        let gap = place.saturating_sub(self.next);
        if gap > 0 {
            self.missing += gap;
            self.next = place;
            sink(Chunk::Gap(gap));
        }
        self.drain(sink);
    }

    fn hold(&mut self, now: u64, place: u64, payload: &[u8], len: u64) {
        self.early += 1;
        if self.held.is_empty() {
            self.since = now;
        }
        let known = self.held.get(&place).map_or(0, |held| held.len);
        self.again += known.min(len);
        if known >= len {
            return;
        }
        let held = Held {
            bytes: payload.to_vec(),
            len,
        };
        self.held_bytes += payload.len() + KEEP;
        if let Some(old) = self.held.insert(place, held) {
            self.held_bytes -= old.bytes.len() + KEEP;
        }
    }

    fn drain(&mut self, sink: &mut dyn FnMut(Chunk<'_>)) {
        while let Some(first) = self.held.first_entry() {
            if *first.key() > self.next {
                break;
            }
            let (place, held) = first.remove_entry();
            self.held_bytes -= held.bytes.len() + KEEP;
            self.deliver(place, &held.bytes, held.len, sink);
        }
    }

    /// Delivers what is new of a segment that begins at the next byte or before it.
    fn deliver(&mut self, place: u64, payload: &[u8], len: u64, sink: &mut dyn FnMut(Chunk<'_>)) {
        let old = (self.next - place).min(len);
        self.again += old;
        let fresh = payload.get(old as usize..).unwrap_or_default();
        let new = len - old;
        if !fresh.is_empty() {
            sink(Chunk::Bytes(fresh));
        }
        let cut = new - fresh.len() as u64;
        if cut > 0 {
            sink(Chunk::Gap(cut));
        }
        self.next += new;
    }
}

//! pcap (documented: draft-ietf-opsawg-pcap): a header of 24 bytes, then records of 16 bytes and
//! the packet.

use std::io::Read;

use super::{
    DamageKind, Endian, Interface, Item, LinkType, Log, MAX_RECORD, Record, window::Window,
};

const HEADER: usize = 24;
const RECORD: usize = 16;

/// A day: how far apart two neighbours may be when a lost place is looked for, in seconds.
const NEAR: u32 = 86_400;

#[derive(Debug)]
pub(super) struct Pcap {
    endian: Endian,
    /// Nanoseconds in the unit of the second half of a time.
    unit: u64,
    link: LinkType,
    snap: u32,
    /// Seconds of the last good record.
    last: Option<u32>,
    /// Bytes of the record that was handed out.
    taken: u64,
}

struct Head {
    seconds: u32,
    fraction: u32,
    kept: u32,
    original: u32,
}

impl Pcap {
    pub(super) fn open<R: Read>(window: &mut Window<R>, log: &mut Log) -> Option<Self> {
        let header = window.peek(HEADER);
        let magic = header.first_chunk::<4>()?;
        let (endian, unit) = match magic {
            [0xD4, 0xC3, 0xB2, 0xA1] => (Endian::Little, 1000),
            [0xA1, 0xB2, 0xC3, 0xD4] => (Endian::Big, 1000),
            [0x4D, 0x3C, 0xB2, 0xA1] => (Endian::Little, 1),
            [0xA1, 0xB2, 0x3C, 0x4D] => (Endian::Big, 1),
            _ => return None,
        };
        let snap = endian.u32(header, 16).unwrap_or(0);
        // The upper bits may tell of a frame check sequence.
        let link = LinkType::from_number(endian.u32(header, 20).unwrap_or(0) as u16);
        let missing = HEADER - header.len();
        if missing > 0 {
            let kind = DamageKind::CutOff {
                what: "its header",
                missing: missing as u64,
            };
            log.damage(0, kind, None);
        } else {
            log.interfaces.push(Interface {
                name: None,
                link,
                snap_length: snap,
            });
        }
        window.skip(HEADER as u64);
        Some(Self {
            endian,
            unit,
            link,
            snap,
            last: None,
            taken: 0,
        })
    }

    pub(super) fn next_item<'a, R: Read>(
        &mut self,
        window: &'a mut Window<R>,
        log: &mut Log,
    ) -> Option<Item<'a>> {
        window.skip(std::mem::take(&mut self.taken));
        let head = loop {
            let bytes = window.peek(RECORD);
            if bytes.len() < RECORD {
                let short = bytes.len();
                end(window, log, short, RECORD, "a record's header");
                return None;
            }
            let head = self.head(bytes)?;
            if self.sane(&head) {
                break head;
            }
            let offset = window.offset();
            let skipped = self.find(window);
            let kind = DamageKind::Length {
                what: "a packet",
                length: head.kept.into(),
            };
            log.damage(offset, kind, skipped);
            skipped?;
        };
        let whole = RECORD + head.kept as usize;
        let have = window.peek(whole).len();
        if have < whole {
            end(window, log, have, whole, "a packet");
        }
        self.last = Some(head.seconds);
        self.taken = have as u64;
        Some(Item::Packet(Record {
            time: Some(
                u64::from(head.seconds) * 1_000_000_000 + u64::from(head.fraction) * self.unit,
            ),
            link: self.link,
            data: &window.peek(whole)[RECORD..],
            original_len: head.original,
        }))
    }

    fn head(&self, bytes: &[u8]) -> Option<Head> {
        Some(Head {
            seconds: self.endian.u32(bytes, 0)?,
            fraction: self.endian.u32(bytes, 4)?,
            kept: self.endian.u32(bytes, 8)?,
            original: self.endian.u32(bytes, 12)?,
        })
    }

    /// Whether it can be a record at all. Some writers state no length on the wire.
    fn sane(&self, head: &Head) -> bool {
        head.kept as usize <= MAX_RECORD && (head.original >= head.kept || head.original == 0)
    }

    /// Whether it looks like one where none is expected.
    fn likely(&self, head: &Head) -> bool {
        let limit = u64::from(self.snap).clamp(64, MAX_RECORD as u64);
        self.sane(head)
            && head.kept >= 14
            && u64::from(head.kept) <= limit
            && u64::from(head.original) <= 4 * MAX_RECORD as u64
            && u64::from(head.fraction) * self.unit < 1_000_000_000
            && self
                .last
                .is_none_or(|last| last.abs_diff(head.seconds) <= NEAR)
    }

    /// Looks for the next record, which another one or the end must follow; how many bytes were skipped.
    fn find<R: Read>(&self, window: &mut Window<R>) -> Option<u64> {
        let mut skipped = 0;
        loop {
            if !window.skip(1) {
                return None;
            }
            skipped += 1;
            let bytes = window.peek(RECORD);
            if bytes.len() < RECORD {
                return None;
            }
            let head = self.head(bytes)?;
            if !self.likely(&head) {
                continue;
            }
            let at = RECORD + head.kept as usize;
            let bytes = window.peek(at + RECORD);
            let follows = match bytes.get(at..) {
                Some([]) => true,
                Some(next) if next.len() == RECORD => {
                    self.head(next).is_some_and(|next| self.likely(&next))
                }
                _ => false,
            };
            if follows {
                return Some(skipped);
            }
        }
    }
}

/// The file ends, in order or not.
fn end<R: Read>(
    window: &mut Window<R>,
    log: &mut Log,
    have: usize,
    whole: usize,
    what: &'static str,
) {
    let offset = window.offset();
    if let Some(error) = window.take_error() {
        let error = error.to_string();
        log.damage(offset, DamageKind::Unreadable { error }, None);
    } else if have > 0 {
        let missing = (whole - have) as u64;
        log.damage(offset, DamageKind::CutOff { what, missing }, None);
    }
}

//! pcapng (documented: draft-ietf-opsawg-pcapng): blocks with their length before and behind them.

use std::{collections::VecDeque, io::Read};

use dolab_wire::text::printable;

use super::{
    DamageKind, Endian, Interface, Item, LinkType, Log, MAX_INTERFACES, MAX_RECORD, Record,
    window::Window,
};

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;

/// Options (documented).
const COMMENT: u16 = 1;
const NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const OFFSET: u16 = 14;

/// Longest comment that is kept, in characters.
const MAX_COMMENT: usize = 1000;
/// Comments of one block that are kept.
const MAX_COMMENTS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Pcapng {
    endian: Option<Endian>,
    /// Interfaces of this section.
    interfaces: Vec<Known>,
    /// Comments that were read and not handed out yet.
    comments: VecDeque<String>,
    /// Bytes of the block that was handed out.
    taken: u64,
    /// Its packet, which waits behind its comments.
    waiting: Option<Found>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    link: LinkType,
    snap: u32,
    /// Units of time in a second.
    per_second: u64,
    /// Seconds to add.
    offset: i64,
}

/// Where a packet stands in its block.
#[derive(Clone, Copy, Debug)]
struct Found {
    time: Option<u64>,
    link: LinkType,
    at: usize,
    kept: usize,
    original: u32,
}

impl Pcapng {
    pub(super) fn next_item<'a, R: Read>(
        &mut self,
        window: &'a mut Window<R>,
        log: &mut Log,
    ) -> Option<Item<'a>> {
        loop {
            if let Some(comment) = self.comments.pop_front() {
                return Some(Item::Comment(comment));
            }
            if let Some(found) = self.waiting.take() {
                return Some(Item::Packet(found.record(window)));
            }
            window.skip(std::mem::take(&mut self.taken));
            self.block(window, log)?;
        }
    }

    /// Reads one block; `None` at the end.
    fn block<R: Read>(&mut self, window: &mut Window<R>, log: &mut Log) -> Option<()> {
        let offset = window.offset();
        let head = window.peek(12);
        if head.len() < 12 {
            let short = head.len();
            ended(window, log, offset, short as u64, 12, "a block's header");
            return None;
        }
        let (kind, length) = match self.header(head) {
            Ok(header) => header,
            Err(kind) => return self.resume(window, log, offset, kind),
        };
        let big = length as usize > MAX_RECORD;
        if big {
            // Long blocks that are no packets, such as TLS secrets and name resolution, pass by.
            let skippable = !matches!(
                kind,
                SECTION | INTERFACE | OLD_PACKET | SIMPLE_PACKET | PACKET
            );
            if skippable && length <= 64 << 20 {
                return window.skip(length.into()).then_some(()).or_else(|| {
                    ended(window, log, offset, 1, 1, "a block");
                    None
                });
            }
            let kind = DamageKind::Length {
                what: "a block",
                length: length.into(),
            };
            return self.resume(window, log, offset, kind);
        }
        let endian = self.endian?;
        let whole = length as usize;
        let block = window.peek(whole);
        let have = block.len();
        if have == whole {
            let behind = endian.u32(block, whole - 4).unwrap_or(0);
            if behind != length {
                let kind = DamageKind::Lengths {
                    before: length,
                    behind,
                };
                return self.resume(window, log, offset, kind);
            }
        }
        // A block that is cut off ends without its closing length.
        let body = &block[8..if have == whole { whole - 4 } else { have }];
        let result = self.body(kind, body, log);
        if have < whole {
            ended(window, log, offset, have as u64, whole as u64, "a block");
        } else if let Err(kind) = result {
            log.damage(offset, kind, Some(0));
        }
        self.taken = have as u64;
        Some(())
    }

    /// Kind and length of the block that begins here. A section's header says how to read them.
    fn header(&mut self, head: &[u8]) -> Result<(u32, u32), DamageKind> {
        let wrong = |what| DamageKind::Content { what };
        if head.starts_with(&SECTION.to_be_bytes()) {
            let endian = match head[8..12] {
                [0x4D, 0x3C, 0x2B, 0x1A] => Endian::Little,
                [0x1A, 0x2B, 0x3C, 0x4D] => Endian::Big,
                _ => return Err(wrong("a section does not say its byte order")),
            };
            self.endian = Some(endian);
        }
        let endian = self.endian.ok_or_else(|| wrong("no section begins here"))?;
        let kind = endian.u32(head, 0).unwrap_or(0);
        let length = endian.u32(head, 4).unwrap_or(0);
        if length < 12 || length % 4 != 0 {
            return Err(DamageKind::Length {
                what: "a block",
                length: length.into(),
            });
        }
        Ok((kind, length))
    }

    fn body(&mut self, kind: u32, body: &[u8], log: &mut Log) -> Result<(), DamageKind> {
        let endian = self.endian.unwrap_or(Endian::Little);
        match kind {
            SECTION => {
                self.interfaces.clear();
                self.comments_of(body.get(16..).unwrap_or_default());
            }
            INTERFACE => self.interface(body, log)?,
            PACKET => {
                let word = |at| endian.u32(body, at).ok_or_else(short);
                let number = word(0)?;
                let stamp = u64::from(word(4)?) << 32 | u64::from(word(8)?);
                self.packet(number, Some(stamp), word(12)?, word(16)?, 20, body)?;
            }
            OLD_PACKET => {
                let number = endian.u16(body, 0).ok_or_else(short)?;
                let word = |at| endian.u32(body, at).ok_or_else(short);
                let stamp = u64::from(word(4)?) << 32 | u64::from(word(8)?);
                self.packet(number.into(), Some(stamp), word(12)?, word(16)?, 20, body)?;
            }
            SIMPLE_PACKET => {
                let original = endian.u32(body, 0).ok_or_else(short)?;
                let snap = self.interfaces.first().map_or(0, |i| i.snap);
                let limit = if snap == 0 { u32::MAX } else { snap };
                let kept = original.min(limit).min(body.len() as u32 - 4);
                self.packet(0, None, kept, original, 4, body)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn interface(&mut self, body: &[u8], log: &mut Log) -> Result<(), DamageKind> {
        let endian = self.endian.unwrap_or(Endian::Little);
        let link = LinkType::from_number(endian.u16(body, 0).ok_or_else(short)?);
        let snap = endian.u32(body, 4).ok_or_else(short)?;
        let mut known = Known {
            link,
            snap,
            per_second: 1_000_000,
            offset: 0,
        };
        let mut name = None;
        let options = body.get(8..).unwrap_or_default();
        for (code, value) in Options(endian, options) {
            match (code, value) {
                (NAME, text) => name = Some(printable(&String::from_utf8_lossy(text), 64)),
                (RESOLUTION, [power, ..]) => known.per_second = per_second(*power),
                (OFFSET, value) if value.len() == 8 => {
                    let (a, b) = (endian.u32(value, 0), endian.u32(value, 4));
                    let (high, low) = match endian {
                        Endian::Little => (b, a),
                        Endian::Big => (a, b),
                    };
                    let bits = u64::from(high.unwrap_or(0)) << 32 | u64::from(low.unwrap_or(0));
                    known.offset = bits as i64;
                }
                _ => {}
            }
        }
        self.comments_of(options);
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(known);
        }
        if log.interfaces.len() < MAX_INTERFACES {
            log.interfaces.push(Interface {
                name,
                link,
                snap_length: snap,
            });
        }
        Ok(())
    }

    fn packet(
        &mut self,
        number: u32,
        stamp: Option<u64>,
        kept: u32,
        original: u32,
        at: usize,
        body: &[u8],
    ) -> Result<(), DamageKind> {
        let known = self.interfaces.get(number as usize).copied();
        let known = known.ok_or(DamageKind::Interface { number })?;
        let data = body.get(at..).unwrap_or_default();
        // In a block that is cut off, what is there of it.
        let kept = (kept as usize).min(data.len());
        let options = data.get(kept.next_multiple_of(4)..).unwrap_or_default();
        self.comments_of(options);
        self.waiting = Some(Found {
            time: stamp.map(|stamp| known.time(stamp)),
            link: known.link,
            at: 8 + at,
            kept,
            original,
        });
        Ok(())
    }

    fn comments_of(&mut self, options: &[u8]) {
        let endian = self.endian.unwrap_or(Endian::Little);
        let comments = Options(endian, options)
            .filter(|(code, _)| *code == COMMENT)
            .map(|(_, text)| printable(&String::from_utf8_lossy(text), MAX_COMMENT));
        self.comments.extend(comments.take(MAX_COMMENTS));
    }

    /// Looks for the next block that makes sense: of a known kind, its two lengths alike.
    fn resume<R: Read>(
        &mut self,
        window: &mut Window<R>,
        log: &mut Log,
        offset: u64,
        kind: DamageKind,
    ) -> Option<()> {
        let mut skipped = 0_u64;
        let found = loop {
            if !window.skip(1) {
                break false;
            }
            skipped += 1;
            let Some(head) = window.array::<12>() else {
                break false;
            };
            let endian = self.endian.unwrap_or(Endian::Little);
            let section = head.starts_with(&SECTION.to_be_bytes());
            let kind = endian.u32(&head, 0).unwrap_or(0);
            let familiar = section || matches!(kind, INTERFACE..=PACKET);
            let kept = self.endian;
            let header = if familiar {
                self.header(&head).ok()
            } else {
                None
            };
            let Some((_, length)) = header.filter(|(_, length)| *length as usize <= MAX_RECORD)
            else {
                self.endian = kept;
                continue;
            };
            let endian = self.endian.unwrap_or(endian);
            let whole = length as usize;
            let block = window.peek(whole);
            if block.len() == whole && endian.u32(block, whole - 4) == Some(length) {
                break true;
            }
            self.endian = kept;
        };
        log.damage(offset, kind, found.then_some(skipped));
        found.then_some(())
    }
}

fn short() -> DamageKind {
    DamageKind::Content {
        what: "a block is shorter than its kind must be",
    }
}

impl Found {
    fn record<R: Read>(self, window: &mut Window<R>) -> Record<'_> {
        Record {
            time: self.time,
            link: self.link,
            data: window
                .peek(self.at + self.kept)
                .get(self.at..)
                .unwrap_or_default(),
            original_len: self.original,
        }
    }
}

impl Known {
    /// Nanoseconds since 1970.
    fn time(self, stamp: u64) -> u64 {
        let nanos = u128::from(stamp) * 1_000_000_000 / u128::from(self.per_second.max(1));
        let nanos = i128::try_from(nanos).unwrap_or(0) + i128::from(self.offset) * 1_000_000_000;
        u64::try_from(nanos).unwrap_or(0)
    }
}

/// Units in a second: a power of ten, or with the highest bit, of two. What 64 bits can not hold is
/// taken for the usual.
fn per_second(power: u8) -> u64 {
    let base: u64 = if power & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(u32::from(power & 0x7F))
        .unwrap_or(1_000_000)
}

/// Options at the end of a block.
struct Options<'a>(Endian, &'a [u8]);

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let Self(endian, rest) = self;
        let code = endian.u16(rest, 0)?;
        let length = usize::from(endian.u16(rest, 2)?);
        if code == 0 {
            return None;
        }
        let value = rest.get(4..4 + length)?;
        *rest = rest
            .get(4 + length.next_multiple_of(4)..)
            .unwrap_or_default();
        Some((code, value))
    }
}

/// The file ends inside something, or in order.
fn ended<R: Read>(
    window: &mut Window<R>,
    log: &mut Log,
    offset: u64,
    have: u64,
    whole: u64,
    what: &'static str,
) {
    if let Some(error) = window.take_error() {
        let error = error.to_string();
        log.damage(offset, DamageKind::Unreadable { error }, None);
    } else if have > 0 {
        let missing = whole - have;
        log.damage(offset, DamageKind::CutOff { what, missing }, None);
    }
}

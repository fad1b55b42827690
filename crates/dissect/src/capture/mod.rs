//! Capture files: pcap and pcapng, whole, cut off or damaged.
//!
//! Read as a stream, in bounded memory. Where a file is damaged the reader says where, looks for
//! the next record that makes sense, and goes on. Our own reader, because those that exist stop at
//! the first record that is cut off.

mod pcap;
mod pcapng;
mod window;

use std::{
    fmt,
    io::{self, Read},
};

use serde::Serialize;

use self::window::Window;

/// Longest record or block that is taken for one, in bytes. Captures hold at most 256 KiB in a packet.
pub const MAX_RECORD: usize = 1 << 20;

/// Interfaces that are remembered; packets of further ones are still read.
const MAX_INTERFACES: usize = 4096;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The classic format of tcpdump.
    Pcap,
    /// Wireshark's, with interfaces and comments.
    Pcapng,
}

/// What a packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkType {
    /// Ethernet, with VLAN tags or without.
    Ethernet,
    /// Linux "any", first version (SLL).
    LinuxCooked,
    /// Linux "any", second version (SLL2).
    LinuxCooked2,
    /// The IP packet itself.
    RawIp,
    /// BSD's loopback: four bytes that name the protocol.
    Loopback,
    /// Any other, by its number in the registry of tcpdump. Its packets are not read.
    Other(u16),
}

impl LinkType {
    /// By the number that stands in files (documented: tcpdump's list of link-layer types).
    pub fn from_number(number: u16) -> Self {
        match number {
            1 => Self::Ethernet,
            113 => Self::LinuxCooked,
            276 => Self::LinuxCooked2,
            // 12 and 14 are what BSDs call it; 228 and 229 hold one family only.
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            0 | 108 => Self::Loopback,
            other => Self::Other(other),
        }
    }
}

/// Where packets were captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// Its name, where the file tells.
    pub name: Option<String>,
    /// What packets begin with.
    pub link: LinkType,
    /// Longest part of a packet that was kept, in bytes; 0 for no limit.
    pub snap_length: u32,
}

/// What a file holds, one after the other.
#[derive(Debug)]
pub enum Item<'a> {
    /// A packet.
    Packet(Record<'a>),
    /// What somebody wrote into the file: for the section, an interface, or the packet that follows.
    Comment(String),
}

/// A packet as it was kept.
#[derive(Debug)]
pub struct Record<'a> {
    /// When, in nanoseconds since 1970; `None` where the file does not tell.
    pub time: Option<u64>,
    /// What it begins with.
    pub link: LinkType,
    /// The bytes that were kept.
    pub data: &'a [u8],
    /// Bytes that it had on the wire.
    pub original_len: u32,
}

/// Where a file is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Place in the file, in bytes from its begin.
    pub offset: u64,
    /// What is wrong there.
    #[serde(flatten)]
    pub kind: DamageKind,
    /// Bytes that were skipped until something made sense again; `None` where the file ends there.
    pub skipped: Option<u64>,
}

/// In what way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DamageKind {
    /// The file ends in the middle of something.
    CutOff {
        /// Of what.
        what: &'static str,
        /// Bytes that are missing, as far as they are known.
        missing: u64,
    },
    /// A length that can not be right.
    Length {
        /// Of what.
        what: &'static str,
        /// The length that stands there, in bytes.
        length: u64,
    },
    /// The two lengths of a block do not agree.
    Lengths {
        /// The one before it.
        before: u32,
        /// The one behind it.
        behind: u32,
    },
    /// A packet of an interface that the file does not describe.
    Interface {
        /// Its number in the section.
        number: u32,
    },
    /// What must stand there does not.
    Content {
        /// What is wrong.
        what: &'static str,
    },
    /// The system could not read on.
    Unreadable {
        /// Its words.
        error: String,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: ", self.offset)?;
        match &self.kind {
            DamageKind::CutOff { what, missing: 0 } => write!(f, "the file ends inside {what}")?,
            DamageKind::CutOff { what, missing } => {
                write!(f, "the file ends inside {what}, {missing} bytes early")?;
            }
            DamageKind::Length { what, length } => {
                write!(f, "{what} can not have {length} bytes")?;
            }
            DamageKind::Lengths { before, behind } => write!(
                f,
                "a block says {before} bytes before and {behind} behind it"
            )?,
            DamageKind::Interface { number } => {
                write!(f, "a packet of interface {number}, which is not described")?;
            }
            DamageKind::Content { what } => f.write_str(what)?,
            DamageKind::Unreadable { error } => write!(f, "could not be read: {error}")?,
        }
        match self.skipped {
            Some(0) | None => Ok(()),
            Some(skipped) => write!(f, "; {skipped} bytes were skipped"),
        }
    }
}

/// Why a file is no capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It could not be read at all.
    #[error("the file can not be read: {0}")]
    Io(#[from] io::Error),
    /// It holds nothing.
    #[error("the file is empty")]
    Empty,
    /// It begins with something else.
    #[error("this is neither pcap nor pcapng: it begins with {0}")]
    NoCapture(String),
    /// It is compressed.
    #[error("the file is compressed ({0}): unpack it first")]
    Compressed(&'static str),
}

/// Reads a capture.
#[derive(Debug)]
pub struct Capture<R> {
    window: Window<R>,
    inner: Inner,
    log: Log,
}

#[derive(Debug)]
enum Inner {
    Pcap(pcap::Pcap),
    Pcapng(pcapng::Pcapng),
}

/// What is learnt beside the packets.
#[derive(Debug, Default)]
struct Log {
    interfaces: Vec<Interface>,
    damages: Vec<Damage>,
    damaged: u64,
}

impl Log {
    /// At most so many are told; all are counted.
    const MAX_DAMAGES: usize = 16;

    fn damage(&mut self, offset: u64, kind: DamageKind, skipped: Option<u64>) {
        self.damaged += 1;
        if self.damages.len() < Self::MAX_DAMAGES {
            self.damages.push(Damage {
                offset,
                kind,
                skipped,
            });
        }
    }
}

impl<R: Read> Capture<R> {
    /// Looks at the first bytes.
    ///
    /// # Errors
    ///
    /// When the input can not be read, or is no capture.
    pub fn open(input: R) -> Result<Self, CaptureError> {
        let mut window = Window::new(input);
        let mut log = Log::default();
        let first = window.peek(24).to_vec();
        if let Some(error) = window.take_error() {
            return Err(error.into());
        }
        let inner = match &first[..] {
            [] => return Err(CaptureError::Empty),
            [0x0A, 0x0D, 0x0D, 0x0A, ..] => Inner::Pcapng(pcapng::Pcapng::default()),
            [0x1F, 0x8B, ..] => return Err(CaptureError::Compressed("gzip")),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => return Err(CaptureError::Compressed("zstd")),
            [0x04, 0x22, 0x4D, 0x18, ..] => return Err(CaptureError::Compressed("lz4")),
            _ => match pcap::Pcap::open(&mut window, &mut log) {
                Some(pcap) => Inner::Pcap(pcap),
                None => {
                    let begin = first[..first.len().min(8)].escape_ascii().to_string();
                    return Err(CaptureError::NoCapture(format!("\"{begin}\"")));
                }
            },
        };
        Ok(Self { window, inner, log })
    }

    /// What the file is.
    pub fn format(&self) -> Format {
        match self.inner {
            Inner::Pcap(_) => Format::Pcap,
            Inner::Pcapng(_) => Format::Pcapng,
        }
    }

    /// Interfaces seen so far, of all sections.
    pub fn interfaces(&self) -> &[Interface] {
        &self.log.interfaces
    }

    /// Where the file is broken, as far as it was read: the first 16 places.
    pub fn damages(&self) -> &[Damage] {
        &self.log.damages
    }

    /// In how many places.
    pub fn damaged(&self) -> u64 {
        self.log.damaged
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// The next packet or comment; `None` at the end.
    pub fn next_item(&mut self) -> Option<Item<'_>> {
        match &mut self.inner {
            Inner::Pcap(pcap) => pcap.next_item(&mut self.window, &mut self.log),
            Inner::Pcapng(pcapng) => pcapng.next_item(&mut self.window, &mut self.log),
        }
    }
}

/// Which end of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endian {
    Little,
    Big,
}

impl Endian {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }
}

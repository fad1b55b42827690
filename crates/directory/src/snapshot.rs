//! A directory as bytes.
//!
//! `dolab.directory`, a version byte, how many registrations there are (8 bytes), then each of
//! them, the one that ends first first. All numbers are little-endian. A content or group has a number; at its first use its text follows.

use std::{net::Ipv6Addr, time::Duration};

use dolab_wire::{
    DownloadMode,
    cloud::{MAX_ID_LEN, PeerSelection},
    swarm::PeerId,
};

use crate::{
    Config, Directory, Instant, SnapshotError,
    circle::Circle,
    entry::{Entry, NONE, Place},
};

const MAGIC: &[u8] = b"dolab.directory";

/// The form that is written, and the only one that is read.
pub(crate) const VERSION: u8 = 1;

impl Directory {
    /// The whole state as bytes: some 100 for each registration. Random choices are no state.
    pub fn export(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + self.counts().registrations * 100);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        out.extend((self.entries.len() as u64).to_le_bytes());
        let mut contents = Numbers::default();
        let mut groups = Numbers::default();
        for entry in self.ages.iter(&self.entries) {
            let place = &entry.place;
            let left = entry.ends.since(self.now);
            out.extend((left.as_nanos() as u64).to_le_bytes());
            out.extend(entry.peer.0);
            out.extend(place.external.octets());
            out.extend(entry.ipv6.octets());
            out.extend(place.private.octets());
            out.extend(entry.port.to_le_bytes());
            out.push(place.prefix);
            out.push(place.mode.number() as u8);
            out.push(place.restrict.number() as u8);
            out.push(u8::from(place.is_server) | u8::from(place.is_seed) << 1);
            contents.write(&mut out, place.content, |slot| self.contents.text(slot));
            groups.write(&mut out, place.group, |slot| self.groups.text(slot));
        }
        out
    }

    /// A directory as it was exported, `since` then. What ended meanwhile is left out.
    ///
    /// # Errors
    /// When the bytes are no snapshot of this version, are damaged, or hold more than `config`
    /// allows.
    pub fn import(
        config: Config,
        seed: u64,
        now: Instant,
        since: Duration,
        bytes: &[u8],
    ) -> Result<Self, SnapshotError> {
        let mut directory = Self::new(config, seed);
        directory.now = now;
        let mut from = Reader { bytes, at: 0 };
        if from.bytes(MAGIC.len()).ok() != Some(MAGIC) {
            return Err(SnapshotError::Magic);
        }
        match from.array::<1>()? {
            [VERSION] => {}
            [other] => return Err(SnapshotError::Version(other)),
        }
        let mut contents = Vec::new();
        let mut groups = Vec::new();
        let mut latest = now;
        let registrations = u64::from_le_bytes(from.array()?);
        for _ in 0..registrations {
            let (mut entry, left) = from.entry()?;
            let content = from.name(&mut contents)?;
            let content = content.ok_or_else(|| from.damaged("a registration without content"))?;
            let group = from.name(&mut groups)?;
            if (entry.place.mode == DownloadMode::Group) != group.is_some() {
                return Err(from.damaged("a group outside of Group mode, or none in it"));
            }
            let left = left.saturating_sub(since).min(config.lifetime);
            if left.is_zero() {
                continue;
            }
            // What ends first comes first, whatever the bytes say.
            latest = latest.max(now + left);
            entry.ends = latest;
            entry.place.content = directory.contents.find(content).unwrap_or(NONE);
            entry.place.group = group.map_or(NONE, |group| {
                directory
                    .groups
                    .find(group)
                    .unwrap_or(crate::entry::UNNAMED)
            });
            if Circle::of(&entry.place).is_empty() {
                return Err(from.damaged("a registration that may meet nobody"));
            }
            directory
                .register(entry, true, content, group)
                .map_err(SnapshotError::Full)?;
        }
        if from.at < bytes.len() {
            return Err(from.damaged("more than its registrations"));
        }
        Ok(directory)
    }
}

/// Numbers of names, in the order of their first use.
#[derive(Default)]
struct Numbers {
    of_slot: Vec<u32>,
    next: u32,
}

impl Numbers {
    fn write<'a>(&mut self, out: &mut Vec<u8>, slot: u32, text: impl Fn(u32) -> &'a str) {
        if slot == NONE {
            out.extend(NONE.to_le_bytes());
            return;
        }
        let at = slot as usize;
        if at >= self.of_slot.len() {
            self.of_slot.resize(at + 1, NONE);
        }
        let is_new = self.of_slot[at] == NONE;
        if is_new {
            self.of_slot[at] = self.next;
            self.next += 1;
        }
        out.extend(self.of_slot[at].to_le_bytes());
        if is_new {
            let text = text(slot);
            out.extend((text.len() as u16).to_le_bytes());
            out.extend(text.as_bytes());
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn entry(&mut self) -> Result<(Entry, Duration), SnapshotError> {
        let left = Duration::from_nanos(u64::from_le_bytes(self.array()?));
        let peer = PeerId(self.array()?);
        let external = Ipv6Addr::from(self.array::<16>()?);
        let ipv6 = Ipv6Addr::from(self.array::<16>()?);
        let private = self.array::<4>()?.into();
        let port = u16::from_le_bytes(self.array()?);
        let [prefix, mode, restrict, bits] = self.array()?;
        if prefix > 32 && prefix != Place::NO_SUBNET {
            return Err(self.damaged("a subnet mask of more than 32 bits"));
        }
        if bits > 0b11 {
            return Err(self.damaged("bits that have no meaning"));
        }
        let mode = u32::from(mode)
            .try_into()
            .map_err(|_| self.damaged("a download mode that does not exist"))?;
        let restrict = match restrict {
            0 => PeerSelection::Any,
            1 => PeerSelection::Subnet,
            2 => PeerSelection::LocalDiscovery,
            _ => return Err(self.damaged("a restriction that does not exist")),
        };
        let place = Place {
            external,
            private,
            prefix,
            mode,
            restrict,
            is_server: bits & 0b01 != 0,
            is_seed: bits & 0b10 != 0,
            ..Entry::default().place
        };
        let entry = Entry {
            place,
            peer,
            port,
            ipv6,
            ..Entry::default()
        };
        Ok((entry, left))
    }

    fn name(&mut self, known: &mut Vec<&'a str>) -> Result<Option<&'a str>, SnapshotError> {
        let number = u32::from_le_bytes(self.array()?);
        if number == NONE {
            return Ok(None);
        }
        if number as usize == known.len() {
            let len = usize::from(u16::from_le_bytes(self.array()?));
            let text = std::str::from_utf8(self.bytes(len)?);
            match text {
                Ok(text) if (1..=MAX_ID_LEN).contains(&len) => known.push(text),
                _ => return Err(self.damaged("a name that is none")),
            }
        }
        let name = known.get(number as usize).copied();
        name.map(Some)
            .ok_or_else(|| self.damaged("a name that was not given before"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let bytes = self.bytes(N)?;
        Ok(bytes.try_into().expect("as many bytes as were asked for"))
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], SnapshotError> {
        let bytes = self.bytes.get(self.at..self.at + len);
        let bytes = bytes.ok_or_else(|| self.damaged("it ends there"))?;
        self.at += len;
        Ok(bytes)
    }

    fn damaged(&self, what: &'static str) -> SnapshotError {
        SnapshotError::Damaged { at: self.at, what }
    }
}

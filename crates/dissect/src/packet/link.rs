//! What stands before the IP packet.

use crate::capture::{LinkType, Record};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
/// VLAN tags: 802.1Q, 802.1ad, and what was used before it.
const TAGS: [u16; 3] = [0x8100, 0x88A8, 0x9100];

/// The IP packet, and how many bytes behind it were on the wire and were not kept.
pub(super) fn network<'a>(record: &Record<'a>) -> Option<(&'a [u8], usize)> {
    let data = record.data;
    let missing = (record.original_len as usize).saturating_sub(data.len());
    let packet = match record.link {
        LinkType::Ethernet => tagged(data.get(12..)?)?,
        LinkType::LinuxCooked => tagged(data.get(14..)?)?,
        LinkType::LinuxCooked2 => {
            let mut kind = be16(data, 0)?;
            let mut rest = data.get(20..)?;
            while TAGS.contains(&kind) {
                kind = be16(rest, 2)?;
                rest = rest.get(4..)?;
            }
            is_ip(kind).then_some(rest)?
        }
        LinkType::RawIp => data,
        // The number of the family is in the byte order of the host that captured, and IPv6's
        // differs between systems: the packet's own first bits tell it as well.
        LinkType::Loopback => data.get(4..)?,
        LinkType::Other(_) => return None,
    };
    Some((packet, missing))
}

/// Behind an EtherType, and any tags.
fn tagged(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let kind = be16(rest, 0)?;
        let behind = rest.get(2..)?;
        if is_ip(kind) {
            return Some(behind);
        }
        if !TAGS.contains(&kind) {
            return None;
        }
        rest = behind.get(2..)?;
    }
}

fn is_ip(kind: u16) -> bool {
    kind == IPV4 || kind == IPV6
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

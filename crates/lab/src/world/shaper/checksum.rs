//! Checksums that a virtual interface leaves to hardware that is not there.
//!
//! A packet that never left the machine has no checksum of TCP and UDP yet. The kernel knows that of
//! its own packets, and not of those that come from a packet socket.

const TCP: u8 = 6;
const UDP: u8 = 17;
const ETHERNET: usize = 14;

/// Puts the right checksum into an Ethernet frame with TCP or UDP in it. Fragments, and all that is
/// something else, stay as they are.
pub(super) fn complete(frame: &mut [u8]) {
    let Some((addresses, protocol, begin, end)) = transport(frame) else {
        return;
    };
    let field = match protocol {
        TCP => 16,
        UDP => 6,
        _ => return,
    };
    let Some(segment) = frame.get(begin..end) else {
        return;
    };
    let Some(old) = segment.get(field..field + 2) else {
        return;
    };
    if protocol == UDP && old == [0, 0] {
        // It has none, which is allowed.
        return;
    }
    let length = segment.len();
    let mut sum = u64::from(protocol) + length as u64;
    sum += add(&frame[addresses.0..addresses.1]);
    sum += add(&frame[begin..begin + field]) + add(&frame[begin + field + 2..end]);
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    let sum = match !(sum as u16) {
        // Nothing but zero means that there is none.
        0 if protocol == UDP => 0xffff,
        sum => sum,
    };
    frame[begin + field..begin + field + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Where the addresses are, the protocol, and where its header begins and its data ends.
fn transport(frame: &[u8]) -> Option<((usize, usize), u8, usize, usize)> {
    let number = |at: usize| {
        let bytes = frame.get(at..at + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    let at = ETHERNET;
    match number(12)? {
        0x0800 => {
            let header = usize::from(frame.get(at)? & 0x0f) * 4;
            let fragment = number(at + 6)? & 0x3fff != 0;
            if header < 20 || fragment {
                return None;
            }
            let end = at + usize::from(number(at + 2)?);
            Some(((at + 12, at + 20), *frame.get(at + 9)?, at + header, end))
        }
        0x86dd => {
            // Packets with extension headers keep what they have.
            let end = at + 40 + usize::from(number(at + 4)?);
            Some(((at + 8, at + 40), *frame.get(at + 6)?, at + 40, end))
        }
        _ => None,
    }
}

/// The sum of 16-bit words; a last single byte counts as the upper half of one.
fn add(bytes: &[u8]) -> u64 {
    let words = bytes.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u64::from(u16::from_be_bytes([pair[0], low]))
    });
    words.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four bytes over UDP.
    fn frame(checksum: [u8; 2]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00]);
        frame.extend([
            0x45, 0, 0, 32, 0, 1, 0x40, 0, 64, UDP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ]);
        frame.extend([0x04, 0xd2, 0x16, 0x2e, 0, 12, checksum[0], checksum[1]]);
        frame.extend(*b"abcd");
        // What Ethernet pads with is no part of it.
        frame.extend([9; 14]);
        frame
    }

    #[test]
    fn a_checksum_adds_up() {
        let mut bytes = frame([0x12, 0x34]);
        complete(&mut bytes);
        let sum = add(&bytes[26..46]) + u64::from(UDP) + 12;
        let sum = (sum >> 16) + (sum & 0xffff);
        assert_eq!((sum >> 16) + (sum & 0xffff), 0xffff);
    }

    #[test]
    fn what_has_none_and_what_is_cut_off_stay() {
        let mut none = frame([0, 0]);
        complete(&mut none);
        assert_eq!(none, frame([0, 0]));
        for length in 0..46 {
            let mut cut = frame([1, 2])[..length].to_vec();
            let before = cut.clone();
            complete(&mut cut);
            assert_eq!(cut, before);
        }
    }
}

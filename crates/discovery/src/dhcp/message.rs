//! DHCP messages (RFC 2131, 2132, 3396), as far as two options need them.

use std::{collections::BTreeMap, net::Ipv4Addr};

const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Fixed fields, `sname` and `file` within them, and the cookie.
const HEAD: usize = 240;
const SNAME: std::ops::Range<usize> = 44..108;
const FILE: std::ops::Range<usize> = 108..236;

const PARAMETERS: u8 = 55;
const MESSAGE_TYPE: u8 = 53;
const OVERLOAD: u8 = 52;
const LONGEST: u8 = 57;
const INFORM: u8 = 8;
const ACK: u8 = 5;

/// Longest message that is read, in bytes.
pub(super) const MAX_MESSAGE: usize = 1500;

/// Asks servers for options, for a host that has its address already.
pub(super) fn inform(id: u32, address: Ipv4Addr, hardware: [u8; 6], wanted: &[u8]) -> Vec<u8> {
    let mut message = vec![0; HEAD];
    message[..4].copy_from_slice(&[1, 1, 6, 0]);
    message[4..8].copy_from_slice(&id.to_be_bytes());
    message[12..16].copy_from_slice(&address.octets());
    message[28..34].copy_from_slice(&hardware);
    message[236..HEAD].copy_from_slice(&COOKIE);
    message.extend([MESSAGE_TYPE, 1, INFORM]);
    message.extend([LONGEST, 2]);
    message.extend((MAX_MESSAGE as u16).to_be_bytes());
    message.push(PARAMETERS);
    message.push(wanted.len() as u8);
    message.extend(wanted);
    message.push(255);
    message
}

/// The options of a server's acknowledgement of the question with this id; `None` for anything
/// else. What comes in parts is joined.
pub(super) fn options(message: &[u8], id: u32) -> Option<BTreeMap<u8, Vec<u8>>> {
    let head = message
        .get(..HEAD)
        .filter(|_| message.len() <= MAX_MESSAGE)?;
    let ours = head[0] == 2 && head[4..8] == id.to_be_bytes() && head[236..] == COOKIE;
    if !ours {
        return None;
    }
    let mut found = BTreeMap::new();
    collect(&message[HEAD..], &mut found)?;
    let overload = found
        .get(&OVERLOAD)
        .and_then(|value| value.first())
        .copied();
    let more = match overload.unwrap_or(0) {
        1 => &[FILE][..],
        2 => &[SNAME],
        3 => &[FILE, SNAME],
        _ => &[],
    };
    for range in more {
        collect(&head[range.clone()], &mut found)?;
    }
    (found.get(&MESSAGE_TYPE).map(Vec::as_slice) == Some(&[ACK])).then_some(found)
}

fn collect(mut rest: &[u8], found: &mut BTreeMap<u8, Vec<u8>>) -> Option<()> {
    loop {
        match rest {
            [] | [255, ..] => return Some(()),
            [0, more @ ..] => rest = more,
            [code, length, more @ ..] => {
                let (value, more) = more.split_at_checked(usize::from(*length))?;
                found.entry(*code).or_default().extend(value);
                rest = more;
            }
            // A code without a length.
            [_] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: u32 = 0x1234_5678;

    /// A server's answer: our question with the other direction and its own options.
    fn answer(options: &[u8]) -> Vec<u8> {
        let mut message = inform(ID, Ipv4Addr::LOCALHOST, [0; 6], &[]);
        message[0] = 2;
        message.truncate(HEAD);
        message.extend(options);
        message
    }

    #[test]
    fn a_question_has_its_fields_where_the_standard_says() {
        let message = inform(
            ID,
            Ipv4Addr::new(10, 0, 0, 7),
            [1, 2, 3, 4, 5, 6],
            &[234, 235],
        );
        assert_eq!(message[..8], [1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78]);
        assert_eq!(message[12..16], [10, 0, 0, 7]);
        assert_eq!(message[28..34], [1, 2, 3, 4, 5, 6]);
        assert_eq!(message[236..243], [99, 130, 83, 99, 53, 1, 8]);
        assert_eq!(message[243..], [57, 2, 5, 220, 55, 2, 234, 235, 255]);
    }

    #[test]
    fn parts_are_joined_wherever_they_stand() {
        let mut message = answer(&[53, 1, 5, 0, 235, 2, b'a', b'b', 52, 1, 3, 235, 1, b'c', 255]);
        message[FILE][..4].copy_from_slice(&[235, 1, b'd', 255]);
        message[SNAME][..4].copy_from_slice(&[235, 1, b'e', 255]);
        let found = options(&message, ID).unwrap();
        assert_eq!(found[&235], b"abcde");
    }

    #[test]
    fn what_is_no_answer_to_us_is_none() {
        let good = answer(&[53, 1, 5, 255]);
        assert!(options(&good, ID).is_some());
        assert!(options(&good, ID + 1).is_none(), "another's");
        assert!(options(&good[..HEAD - 1], ID).is_none(), "cut short");
        assert!(options(&answer(&[53, 1, 6, 255]), ID).is_none(), "refused");
        assert!(
            options(&answer(&[53, 1, 5, 234, 9, 1]), ID).is_none(),
            "too long"
        );
        assert!(
            options(&answer(&[53, 1, 5, 234]), ID).is_none(),
            "no length"
        );
        assert!(
            options(&answer(&[0; MAX_MESSAGE]), ID).is_none(),
            "too large"
        );
        let mut question = good;
        question[0] = 1;
        assert!(options(&question, ID).is_none(), "a question");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            tail in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = options(&bytes, ID);
            let _ = options(&answer(&tail), ID);
        }
    }
}

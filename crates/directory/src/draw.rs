use dolab_wire::cloud::OfferedPeer;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{arena::Arena, circle::Circle, crowd::Crowds, entry::Entry};

/// Draws devices for `me`, from its circles one after the other.
///
/// Nobody is drawn twice: a later circle is only reached when the nearer ones were offered whole,
/// and whoever sits in one of those as well is then passed over. There are fewer of them than
/// are wanted, so the walk is short however large the circle.
pub(crate) fn draw(
    entries: &Arena<Entry>,
    crowds: &Crowds,
    chance: &mut ChaCha8Rng,
    me: &Entry,
    wanted: usize,
) -> Vec<OfferedPeer> {
    let mut offers = Vec::new();
    let circles = Circle::of(&me.place);
    for (n, &circle) in circles.iter().enumerate() {
        let members = crowds.members(entries, circle, me);
        for at in walk(members.len(), chance) {
            if offers.len() == wanted {
                return offers;
            }
            let other = &entries[members[at]];
            let mut nearer = circles[..n].iter();
            let is_known = nearer.any(|nearer| nearer.holds_both(&me.place, &other.place));
            if !is_known && !me.is_same_device(other) {
                offers.push(other.offer(me));
            }
        }
    }
    offers
}

/// Every number below `len` once, from a random start in random steps.
fn walk(len: usize, chance: &mut ChaCha8Rng) -> impl Iterator<Item = usize> + use<> {
    let (start, step) = match len {
        0 | 1 => (0, 1),
        _ => {
            let mut step = chance.random_range(1..len as u64);
            // Only steps that have no divisor in common with the length come by everybody.
            while common_divisor(step, len as u64) > 1 {
                step = step % (len as u64 - 1) + 1;
            }
            (chance.random_range(0..len as u64), step)
        }
    };
    let len = len as u64;
    (0..len).map(move |n| ((start + n * step) % len) as usize)
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

//! Messages that come by the thousand, told as one.

use dolab_wire::swarm::{Block, Head};

use super::Told;
use crate::event::{Moment, Run, Side, What};

/// Open runs of both sides.
#[derive(Debug, Default)]
pub(super) struct Runs {
    open: Vec<(Moment, Side, Open)>,
}

#[derive(Clone, Copy, Debug)]
enum Open {
    Requests(Run),
    Pieces(Run),
    Cancels(Run),
    Haves { count: u64, first: u32, last: u32 },
    KeepAlives(u64),
}

impl Runs {
    /// Adds a message to a run, or ends all runs and tells it by itself.
    pub(super) fn add(&mut self, now: Moment, side: Side, head: &Head, out: &mut Vec<Told>) {
        let what = match head {
            Head::Request(block) => return self.grow(now, side, Open::Requests(run(now, block))),
            Head::Piece(block) => return self.grow(now, side, Open::Pieces(run(now, block))),
            Head::Cancel(block) => return self.grow(now, side, Open::Cancels(run(now, block))),
            Head::Have(piece) => {
                let one = Open::Haves {
                    count: 1,
                    first: *piece,
                    last: *piece,
                };
                return self.grow(now, side, one);
            }
            Head::KeepAlive => return self.grow(now, side, Open::KeepAlives(1)),
            Head::Choke => What::Choke,
            Head::Unchoke => What::Unchoke,
            Head::Interested => What::Interested,
            Head::NotInterested => What::NotInterested,
            Head::Bitfield(bits) => What::Bitfield {
                has: bits.iter().map(|byte| u64::from(byte.count_ones())).sum(),
                of: bits.len() as u64 * 8,
            },
            Head::Opaque { id, len } => What::Opaque {
                id: *id,
                bytes: *len,
            },
        };
        self.flush(out);
        out.push((now, side, what));
    }

    /// Ends all runs.
    pub(super) fn flush(&mut self, out: &mut Vec<Told>) {
        out.extend(
            self.open
                .drain(..)
                .map(|(at, side, open)| (at, side, open.what())),
        );
    }

    fn grow(&mut self, now: Moment, side: Side, one: Open) {
        for (_, by, open) in &mut self.open {
            if *by == side && open.join(&one) {
                return;
            }
        }
        self.open.push((now, side, one));
    }
}

fn run(now: Moment, block: &Block) -> Run {
    Run {
        blocks: 1,
        bytes: block.len.into(),
        first_piece: block.piece,
        last_piece: block.piece,
        until: now,
    }
}

impl Open {
    /// Whether the two are of one kind, and then are one.
    fn join(&mut self, one: &Self) -> bool {
        match (self, one) {
            (Self::Requests(run), Self::Requests(one))
            | (Self::Pieces(run), Self::Pieces(one))
            | (Self::Cancels(run), Self::Cancels(one)) => {
                run.blocks += one.blocks;
                run.bytes += one.bytes;
                run.first_piece = run.first_piece.min(one.first_piece);
                run.last_piece = run.last_piece.max(one.last_piece);
                run.until = one.until;
            }
            (Self::Haves { count, first, last }, Self::Haves { first: piece, .. }) => {
                *count += 1;
                *first = (*first).min(*piece);
                *last = (*last).max(*piece);
            }
            (Self::KeepAlives(count), Self::KeepAlives(_)) => *count += 1,
            _ => return false,
        }
        true
    }

    fn what(self) -> What {
        match self {
            Self::Requests(run) => What::Requests(run),
            Self::Pieces(run) => What::Pieces(run),
            Self::Cancels(run) => What::Cancels(run),
            Self::Haves { count, first, last } => What::Haves {
                count,
                first_piece: first,
                last_piece: last,
            },
            Self::KeepAlives(count) => What::KeepAlives { count },
        }
    }
}

use std::collections::{BTreeMap, VecDeque};

use dolab_wire::swarm::Block;

use crate::{Instant, RequestSize};

/// What was asked for over one connection, and has not come yet.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    /// Pieces of which something is missing, by piece.
    attempts: BTreeMap<u32, Attempt>,
    /// The piece of which not everything was asked for yet.
    asking: Option<u32>,
    /// Requests without an answer, oldest first.
    requests: VecDeque<Block>,
    /// Bytes asked for and not landed.
    bytes: u64,
}

#[derive(Debug)]
struct Attempt {
    len: u32,
    asked: u32,
    landed: u32,
    begun: bool,
    since: Instant,
}

/// What became of a piece when a block of it landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landed {
    /// Something of it is still missing.
    Part,
    /// All of it is there, which was begun at this moment.
    Whole(Instant),
    /// It was given up meanwhile.
    Nothing,
}

/// A piece that will not come over this connection.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) piece: u32,
    pub(crate) len: u32,
    /// Whether the driver was told to receive some of it.
    pub(crate) begun: bool,
    /// Bytes of it that landed.
    pub(crate) landed: u32,
    /// Its requests without an answer.
    pub(crate) unanswered: Vec<Block>,
}

impl Pipeline {
    /// Begins to fetch a piece of `len` bytes. What was begun before must have been asked for.
    pub(crate) fn begin(&mut self, piece: u32, len: u32, now: Instant) {
        debug_assert!(
            self.asking.is_none(),
            "one piece is asked for after the other"
        );
        self.attempts.insert(
            piece,
            Attempt {
                len,
                asked: 0,
                landed: 0,
                begun: false,
                since: now,
            },
        );
        self.asking = Some(piece);
    }

    /// Whether a piece was begun of which not everything was asked for.
    pub(crate) fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// The next request.
    pub(crate) fn ask(&mut self, size: RequestSize) -> Option<Block> {
        let piece = self.asking?;
        let attempt = self.attempts.get_mut(&piece)?;
        let len = size.next(attempt.len - attempt.asked);
        let block = Block {
            piece,
            offset: attempt.asked,
            len,
        };
        attempt.asked += len;
        if attempt.asked == attempt.len {
            self.asking = None;
        }
        self.bytes += u64::from(len);
        self.requests.push_back(block);
        Some(block)
    }

    /// A block came. Returns whether it answers a request, and no request for an earlier part of
    /// its piece is open: the driver hashes in order.
    pub(crate) fn answer(&mut self, block: Block) -> bool {
        let first = self
            .requests
            .iter()
            .position(|open| open.piece == block.piece);
        let Some(at) = first.filter(|&at| self.requests[at] == block) else {
            return false;
        };
        self.requests.remove(at);
        if let Some(attempt) = self.attempts.get_mut(&block.piece) {
            attempt.begun = true;
        }
        true
    }

    /// The body of a block that was answered is there.
    pub(crate) fn landed(&mut self, block: Block) -> Landed {
        let Some(attempt) = self.attempts.get_mut(&block.piece) else {
            return Landed::Nothing;
        };
        attempt.landed += block.len;
        self.bytes -= u64::from(block.len);
        if attempt.landed < attempt.len {
            return Landed::Part;
        }
        let since = attempt.since;
        self.attempts.remove(&block.piece);
        Landed::Whole(since)
    }

    /// Gives up a piece.
    pub(crate) fn give_up(&mut self, piece: u32) -> Option<Lost> {
        let attempt = self.attempts.remove(&piece)?;
        self.asking.take_if(|asking| *asking == piece);
        self.bytes -= u64::from(attempt.asked - attempt.landed);
        let mut unanswered = Vec::new();
        self.requests.retain(|&open| {
            if open.piece == piece {
                unanswered.push(open);
            }
            open.piece != piece
        });
        Some(Lost {
            piece,
            len: attempt.len,
            begun: attempt.begun,
            landed: attempt.landed,
            unanswered,
        })
    }

    /// Gives up all pieces.
    pub(crate) fn give_up_all(&mut self) -> Vec<Lost> {
        let pieces: Vec<u32> = self.attempts.keys().copied().collect();
        pieces
            .into_iter()
            .filter_map(|piece| self.give_up(piece))
            .collect()
    }

    /// Bytes asked for and not landed.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Requests without an answer.
    pub(crate) fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Pieces of which something is missing.
    pub(crate) fn pieces(&self) -> usize {
        self.attempts.len()
    }
}

/// Blocks that are no longer wanted, and may come all the same.
#[derive(Debug, Default)]
pub(crate) struct Late(VecDeque<Block>);

impl Late {
    /// Expects blocks to come too late. Remembers the newest `most`: a peer that leaves out what
    /// was cancelled leaves them in here for ever.
    pub(crate) fn expect(&mut self, blocks: Vec<Block>, most: usize) {
        self.0.extend(blocks);
        let excess = self.0.len().saturating_sub(most);
        self.0.drain(..excess);
    }

    /// A block came. Returns whether it was expected here.
    pub(crate) fn take(&mut self, block: Block) -> bool {
        let at = self.0.iter().position(|late| *late == block);
        at.is_some_and(|at| self.0.remove(at).is_some())
    }
}

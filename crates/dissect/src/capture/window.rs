//! A look at the next bytes of a file without taking them: damage is found by looking ahead.

use std::io::{self, Read};

/// What is read from the file at once, in bytes.
const CHUNK: usize = 64 << 10;

/// A window over an input. It holds no more than what was asked to be looked at, and a chunk.
#[derive(Debug)]
pub(super) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    at: usize,
    offset: u64,
    ended: bool,
    error: Option<io::Error>,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            at: 0,
            offset: 0,
            ended: false,
            error: None,
        }
    }

    /// Place of the window's first byte in the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next `n` bytes; fewer at the end of the file.
    pub(super) fn peek(&mut self, n: usize) -> &[u8] {
        while self.buffer.len() - self.at < n && !self.ended {
            self.fill();
        }
        let have = (self.buffer.len() - self.at).min(n);
        &self.buffer[self.at..self.at + have]
    }

    /// The next `N` bytes, if there are as many.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.peek(N).try_into().ok()
    }

    /// Takes `n` bytes away; `false` when the file ends before.
    pub(super) fn skip(&mut self, mut n: u64) -> bool {
        while n > 0 {
            let have = self
                .peek(usize::try_from(n).unwrap_or(CHUNK).min(CHUNK))
                .len();
            if have == 0 {
                return false;
            }
            self.at += have;
            self.offset += have as u64;
            n -= have as u64;
        }
        true
    }

    /// The error that ended the file early, if one did.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    fn fill(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
        let old = self.buffer.len();
        self.buffer.resize(old + CHUNK, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let read = read.unwrap_or_else(|error| {
            self.error = Some(error);
            0
        });
        self.buffer.truncate(old + read);
        self.ended = read == 0;
    }
}

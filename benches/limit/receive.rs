//! The receivers.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::FileExt as _,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use sha2::{Digest as _, Sha256};

/// Bytes that have one hash, as in a Delivery Optimization pieces hash file.
const PIECE: usize = 1 << 20;
/// Bytes that are read, written and hashed at once. Of 32 KiB to 1 MiB this is the fastest on the
/// machines tried: with all blocks in flight it stays in the second-level cache between the steps.
const BLOCK: usize = 64 << 10;
/// Blocks on their way to the hashing thread and back.
const BLOCKS: usize = 8;

/// Prints the hash of each piece of a file.
pub(crate) fn print_hashes(file: &str) -> io::Result<()> {
    let mut file = File::open(file)?;
    let mut output = io::BufWriter::new(io::stdout());
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        piece.clear();
        (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return output.flush();
        }
        for byte in Sha256::digest(&piece) {
            write!(output, "{byte:02x}")?;
        }
        writeln!(output)?;
    }
}

/// Receives all that a sender sends, and does the work of that name with it.
pub(crate) fn receive(work: &str, address: &str, files: &[&str]) -> io::Result<()> {
    let hashes = || Check::new(files.first().ok_or_else(|| missing("the file of hashes"))?);
    let output = || File::create(files.get(1).ok_or_else(|| missing("the file to write"))?);
    let from = TcpStream::connect(address)?;
    match work {
        "raw" => blocks(from, |_, _| Ok(())),
        "hash" => {
            let mut check = hashes()?;
            blocks(from, |_, block| check.block(block))?;
            check.finish()
        }
        "store" => {
            let output = output()?;
            blocks(from, |offset, block| output.write_all_at(block, offset))
        }
        "serial" => {
            let (mut check, output) = (hashes()?, output()?);
            blocks(from, |offset, block| {
                check.block(block)?;
                output.write_all_at(block, offset)
            })?;
            check.finish()
        }
        "pipe" => pipe(from, hashes()?, &output()?),
        _ => Err(missing("the work: raw, hash, store, serial or pipe")),
    }
}

fn missing(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("say {what}"))
}

fn blocks(
    mut from: TcpStream,
    mut work: impl FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut offset = 0;
    loop {
        let len = fill(&mut from, &mut block)?;
        work(offset, &block[..len])?;
        offset += len as u64;
        if len < BLOCK {
            return Ok(());
        }
    }
}

/// Fills the buffer; less than full only at the end of the stream.
fn fill(from: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match from.read(&mut buffer[len..])? {
            0 => break,
            read => len += read,
        }
    }
    Ok(len)
}

fn pipe(mut from: TcpStream, check: Check, output: &File) -> io::Result<()> {
    let (to_hash, work) = sync_channel::<Block>(BLOCKS);
    let (back, free) = sync_channel(BLOCKS);
    for _ in 0..BLOCKS {
        let block = Block {
            bytes: vec![0; BLOCK],
            len: 0,
        };
        back.send(block).expect("the other end is here");
    }
    thread::scope(|scope| {
        let hashing = scope.spawn(move || hash_all(check, &work, &back));
        let mut offset = 0;
        // The hashing thread stops early only when it has found something wrong, and says so.
        while let Ok(mut block) = free.recv() {
            block.len = fill(&mut from, &mut block.bytes)?;
            output.write_all_at(block.filled(), offset)?;
            offset += block.len as u64;
            let last = block.len < BLOCK;
            if to_hash.send(block).is_err() || last {
                break;
            }
        }
        drop(to_hash);
        hashing.join().expect("the hashing thread does not panic")
    })
}

struct Block {
    bytes: Vec<u8>,
    len: usize,
}

impl Block {
    fn filled(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn hash_all(mut check: Check, work: &Receiver<Block>, back: &SyncSender<Block>) -> io::Result<()> {
    for block in work {
        check.block(block.filled())?;
        // Nobody takes it back once all has been received.
        let _ = back.send(block);
    }
    check.finish()
}

/// Compares a stream with the hashes that its pieces should have.
struct Check {
    known: Vec<[u8; 32]>,
    piece: usize,
    filled: usize,
    hash: Sha256,
}

impl Check {
    fn new(path: &str) -> io::Result<Self> {
        let known = fs::read_to_string(path)?
            .lines()
            .map(|line| parse(line).ok_or_else(|| missing("hashes of 64 hex digits, one a line")))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            known,
            piece: 0,
            filled: 0,
            hash: Sha256::new(),
        })
    }

    fn block(&mut self, mut block: &[u8]) -> io::Result<()> {
        while !block.is_empty() {
            let (head, tail) = block.split_at(block.len().min(PIECE - self.filled));
            self.hash.update(head);
            self.filled += head.len();
            block = tail;
            if self.filled == PIECE {
                self.end_piece()?;
            }
        }
        Ok(())
    }

    fn end_piece(&mut self) -> io::Result<()> {
        let hash = self.hash.finalize_reset();
        if self.known.get(self.piece).map(|known| &known[..]) != Some(&hash[..]) {
            return Err(io::Error::other(format!(
                "piece {} is not what was sent",
                self.piece
            )));
        }
        self.piece += 1;
        self.filled = 0;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if self.filled > 0 {
            self.end_piece()?;
        }
        if self.piece == self.known.len() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{} of {} pieces came",
            self.piece,
            self.known.len()
        )))
    }
}

fn parse(line: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if line.len() != 2 * hash.len() {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(line.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

//! The others: sockets that speak as much of the exchange as is needed.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    thread,
};

use bytes::BytesMut;
use dolab_wire::swarm::{Block, HANDSHAKE_LEN, Handshake, Head, PIECE_SIZE, PeerId};

use crate::host::Host;

/// Bytes that all together take, in pieces of 1 MiB.
const PIECES: usize = 2_000;

/// Shakes hands so many times, and says no more.
pub(super) fn join(host: &Host, count: usize) -> Vec<TcpStream> {
    (0..count)
        .map(|number| greet(host, number).expect("the peer takes connections"))
        .collect()
}

/// Each takes its share of pieces, all at once. Returns the bytes that came.
pub(super) fn drink(host: &Host, count: usize) -> u64 {
    let share = PIECES.div_ceil(count);
    let mut streams = join(host, count);
    thread::scope(|scope| {
        let each = streams.iter_mut().map(|stream| {
            let work = move || take(stream, share).expect("the peer sends");
            // A thousand threads that do little need little.
            let builder = thread::Builder::new().stack_size(128 << 10);
            builder
                .spawn_scoped(scope, work)
                .expect("a thread is to be had")
        });
        let each: Vec<_> = each.collect();
        each.into_iter()
            .map(|thread| thread.join().expect("it does not panic"))
            .sum()
    })
}

fn greet(host: &Host, number: usize) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(host.addr)?;
    stream.set_nodelay(true)?;
    let mut id = [2; 16];
    id[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let handshake = Handshake {
        piece_size: PIECE_SIZE.into(),
        swarm: host.swarm,
        peer: PeerId::from_random(id),
    };
    stream.write_all(&handshake.encode())?;
    stream.read_exact(&mut [0; HANDSHAKE_LEN])?;
    // A bitfield of one piece comes back, and ours says that we have nothing.
    read_frame(&mut stream)?;
    say(&mut stream, &Head::Bitfield(vec![0].into()))?;
    Ok(stream)
}

fn take(stream: &mut TcpStream, pieces: usize) -> io::Result<u64> {
    say(stream, &Head::Interested)?;
    while read_frame(stream)? != Some(1) {}
    let block = Block {
        piece: 0,
        offset: 0,
        len: PIECE_SIZE,
    };
    let mut bytes = 0;
    for _ in 0..pieces {
        say(stream, &Head::Request(block))?;
        while read_frame(stream)? != Some(7) {}
        bytes += u64::from(PIECE_SIZE);
    }
    Ok(bytes)
}

fn say(stream: &mut TcpStream, head: &Head) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    head.encode(&mut bytes);
    stream.write_all(&bytes)
}

/// Reads a message and drops it. Returns its id; a keepalive has none.
fn read_frame(stream: &mut TcpStream) -> io::Result<Option<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut left = u32::from_be_bytes(length) as usize;
    if left == 0 {
        return Ok(None);
    }
    let mut id = [0];
    stream.read_exact(&mut id)?;
    left -= 1;
    let mut scrap = [0; 16 << 10];
    while left > 0 {
        let most = left.min(scrap.len());
        let read = stream.read(&mut scrap[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= read;
    }
    Ok(Some(id[0]))
}

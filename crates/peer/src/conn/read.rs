use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::{Buf, BufMut, BytesMut};
use dolab_content::PieceRange;
use dolab_engine::{BodyOutcome, ConnId, Initiator, Input};
use dolab_wire::{
    WireError,
    swarm::{HANDSHAKE_LEN, Handshake, Head, HeadDecoder},
};
use tokio::sync::{Semaphore, mpsc};

use super::{
    Ended, Meter, Order,
    pace::{GRACE, Pace, TICK},
};
use crate::{
    Stream,
    data::{Hashers, Incoming, Pool},
    shared::{Content, Reports},
    throttle::Flow,
};

/// Bytes that are asked of the kernel while a head is expected. What of the body comes along is
/// copied once, so it is small; and it still holds 240 requests.
const HEAD_READ: usize = 4096;

/// Bytes that are asked of the kernel in one go while a body is expected.
const BODY_READ: usize = 512 << 10;

/// Bytes that are read and dropped in one go.
const SKIP_READ: usize = 16 << 10;

/// The reading half of a connection.
pub(crate) struct Reader<'a> {
    pub(crate) conn: ConnId,
    pub(crate) stream: &'a Stream,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) reports: &'a Reports,
    pub(crate) pool: &'a Arc<Pool>,
    pub(crate) hashers: &'a Arc<Hashers>,
    pub(crate) meter: &'a Meter,
    /// Read and not yet understood.
    pub(crate) buffer: BytesMut,
    /// Pieces that may be landing or waiting for their hash.
    pub(crate) ahead: Arc<Semaphore>,
    /// Pieces of which some blocks have come.
    pub(crate) incoming: BTreeMap<u32, Incoming>,
    /// Its part in the background transfers, when it is one.
    pub(crate) flow: Option<Flow>,
}

impl Reader<'_> {
    /// Reads until the connection ends, and says why it did.
    pub(crate) async fn run(mut self) -> Ended {
        match self.read().await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn read(&mut self) -> Result<std::convert::Infallible, Ended> {
        let content = loop {
            match next(&mut self.orders).await {
                Order::Begin(content) => break content,
                Order::Receive(_) | Order::Discard | Order::Abandon(_) => {}
            }
        };
        let throttle = content.throttle.as_ref();
        self.flow = throttle.map(|it| it.flow(self.stream.gauge()));
        if self.conn.initiator() == Initiator::Local {
            let handshake = self.handshake().await?;
            self.reports
                .input(
                    self.conn,
                    Input::Handshake {
                        conn: self.conn,
                        handshake,
                    },
                )
                .await;
        }
        let bitfield = dolab_content::PieceMap::byte_len(content.layout.pieces());
        let decoder = HeadDecoder::new(u32::try_from(bitfield).unwrap_or(u32::MAX));
        loop {
            let head = self.next_head(&decoder).await?;
            let body = head.body_len();
            self.reports
                .input(
                    self.conn,
                    Input::Head {
                        conn: self.conn,
                        head,
                    },
                )
                .await;
            if body > 0 {
                self.body(&content, body).await?;
            }
        }
    }

    async fn handshake(&mut self) -> Result<Handshake, Ended> {
        loop {
            // As early as possible: who speaks something else may never send 75 bytes.
            if !self.buffer.is_empty() {
                dolab_wire::preface::detect(&self.buffer)?;
            }
            if let Some(bytes) = self.buffer.first_chunk::<HANDSHAKE_LEN>() {
                let handshake = Handshake::decode(bytes)?;
                self.buffer.advance(HANDSHAKE_LEN);
                return Ok(handshake);
            }
            fill(self.stream, &mut self.buffer, self.meter).await?;
        }
    }

    async fn next_head(&mut self, decoder: &HeadDecoder) -> Result<Head, Ended> {
        loop {
            if let Some(head) = decoder.decode(&mut self.buffer)? {
                return Ok(head);
            }
            tokio::select! {
                filled = fill(self.stream, &mut self.buffer, self.meter) => filled?,
                order = next(&mut self.orders) => {
                    if let Order::Abandon(piece) = order {
                        self.incoming.remove(&piece);
                    }
                }
                () = tokio::time::sleep(GRACE), if !self.incoming.is_empty() => {
                    if self.pool.contended() {
                        return Err(Ended::TooSlow);
                    }
                }
            }
        }
    }

    /// Waits for the engine's word on the body, and reads it.
    async fn body(&mut self, content: &Arc<Content>, len: u32) -> Result<(), Ended> {
        let done = loop {
            match next(&mut self.orders).await {
                Order::Begin(_) => {}
                Order::Abandon(piece) => drop(self.incoming.remove(&piece)),
                Order::Discard => break self.skip(len).await.map(|()| None),
                Order::Receive(range) => break self.receive(content, range).await,
            }
        };
        let outcome = if done.is_ok() {
            BodyOutcome::Landed
        } else {
            BodyOutcome::Short
        };
        self.reports
            .input(
                self.conn,
                Input::BodyDone {
                    conn: self.conn,
                    outcome,
                },
            )
            .await;
        // Only now, or the piece might be reported as done before its body. No wait may come in
        // between: what was reported as landed has to be reported as done.
        if let Some((incoming, offset, block)) = done? {
            match incoming.landed(offset, block) {
                Ok(whole) => self.hashers.push(whole),
                Err(incoming) => drop(self.incoming.insert(incoming.index(), *incoming)),
            }
        }
        Ok(())
    }

    /// Reads a body into its piece. Yields the piece, and the offset and bytes of the body.
    async fn receive(
        &mut self,
        content: &Arc<Content>,
        range: PieceRange,
    ) -> Result<Option<(Incoming, u32, BytesMut)>, Ended> {
        while let Ok(order) = self.orders.try_recv() {
            if let Order::Abandon(piece) = order {
                self.incoming.remove(&piece);
            }
        }
        let mut incoming = match self.incoming.remove(&range.piece) {
            Some(incoming) => incoming,
            None => self.begin(content, range.piece).await?,
        };
        let Some(mut block) = incoming.take(range.offset, range.len) else {
            // The block is there already. The engine does not ask twice, but a wrong sum must not
            // become a wrong piece.
            self.incoming.insert(range.piece, incoming);
            return self.skip(range.len).await.map(|()| None);
        };
        let mut left = range.len as usize;
        let early = left.min(self.buffer.len());
        block.put(self.buffer.split_to(early));
        left -= early;
        let mut pace = Pace::new();
        while left > 0 {
            let read = self
                .read_body(&mut block, left.min(BODY_READ), &mut pace)
                .await?;
            left -= read;
            // In the background it is this side that is slow.
            if pace.is_too_slow() && self.flow.is_none() && self.pool.contended() {
                return Err(Ended::TooSlow);
            }
        }
        Ok(Some((incoming, range.offset, block)))
    }

    /// Reads some of a body, or notes that time passes.
    async fn read_body(
        &self,
        into: &mut BytesMut,
        most: usize,
        pace: &mut Pace,
    ) -> Result<usize, Ended> {
        let most = self.flow.as_ref().map_or(most, |flow| flow.portion(most));
        let read = tokio::select! {
            // The timer is not even looked at while there is something to read.
            biased;
            read = read_some(self.stream, into, most) => read.map_err(Ended::inside)?,
            () = tokio::time::sleep(TICK) => 0,
        };
        self.meter
            .received
            .fetch_add(read as u64, Ordering::Relaxed);
        if pace.came(read) {
            self.progress().await;
        }
        if let Some(flow) = &self.flow {
            flow.paced(read).await;
        }
        Ok(read)
    }

    async fn progress(&self) {
        self.reports
            .input(self.conn, Input::BodyProgress { conn: self.conn })
            .await;
    }

    /// Gets a buffer for a piece. While none is free this connection, and only this, reads nothing.
    async fn begin(&self, content: &Arc<Content>, piece: u32) -> Result<Incoming, Ended> {
        let len = content.layout.piece_len(piece).ok_or(Ended::GivenUp)?;
        let size = content.layout.piece_size() as usize;
        let mut room = std::pin::pin!(async {
            let ahead = self.ahead.clone().acquire_owned().await;
            let ahead = ahead.expect("the semaphore is never closed");
            (ahead, self.pool.lease(content.id, size).await)
        });
        let mut waited = Duration::ZERO;
        let (ahead, lease) = loop {
            self.meter.starved.store(true, Ordering::Relaxed);
            tokio::select! {
                room = &mut room => break room,
                () = tokio::time::sleep(TICK) => {}
            }
            waited += TICK;
            // Who holds one buffer and waits for another may be what everybody else waits for.
            if waited >= GRACE && !self.incoming.is_empty() {
                return Err(Ended::TooSlow);
            }
            // That nothing moves is not the peer's doing.
            self.progress().await;
        };
        self.meter.starved.store(false, Ordering::Relaxed);
        Ok(Incoming::new(
            self.conn,
            content.clone(),
            piece,
            len,
            lease,
            ahead,
        ))
    }

    async fn skip(&mut self, len: u32) -> Result<(), Ended> {
        let mut left = len as usize;
        let early = left.min(self.buffer.len());
        self.buffer.advance(early);
        left -= early;
        let mut scrap = BytesMut::new();
        let mut pace = Pace::new();
        while left > 0 {
            scrap.clear();
            scrap.reserve(SKIP_READ);
            left -= self
                .read_body(&mut scrap, left.min(SKIP_READ), &mut pace)
                .await?;
        }
        Ok(())
    }
}

/// The next order. Once the actor has let go of the connection there is none, and nothing more is
/// read; the writing half ends the task when all has left.
async fn next(orders: &mut mpsc::Receiver<Order>) -> Order {
    match orders.recv().await {
        Some(order) => order,
        None => std::future::pending().await,
    }
}

/// Reads more of a head.
async fn fill(stream: &Stream, buffer: &mut BytesMut, meter: &Meter) -> Result<(), Ended> {
    let begun = !buffer.is_empty();
    buffer.reserve(HEAD_READ);
    let read = read_some(stream, buffer, HEAD_READ).await;
    let read = if begun {
        read.map_err(Ended::inside)?
    } else {
        read?
    };
    meter.received.fetch_add(read as u64, Ordering::Relaxed);
    Ok(())
}

/// Reads at least one and at most `most` bytes behind what is in `buffer`.
pub(crate) async fn read_some(
    stream: &Stream,
    buffer: &mut BytesMut,
    most: usize,
) -> Result<usize, Ended> {
    match stream.read(buffer, most).await? {
        0 => Err(Ended::Closed),
        read => Ok(read),
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<WireError> for Ended {
    fn from(error: WireError) -> Self {
        Self::Malformed(error)
    }
}

//! A peer that says what a test wants.

use bytes::{Buf, BytesMut};
use dolab_wire::swarm::{HANDSHAKE_LEN, Handshake, Head, HeadDecoder, PeerId, SwarmHash};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Made, within};

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    buffer: BytesMut,
}

impl Raw {
    pub(crate) async fn connect(to: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// Connects and shakes hands for a content.
    pub(crate) async fn join(to: std::net::SocketAddr, made: &Made, id: u8) -> Self {
        let mut raw = Self::connect(to).await;
        raw.send(&handshake(made, id).encode()).await;
        let theirs = raw.handshake().await;
        assert_eq!(theirs.swarm.0, made.id().0);
        raw
    }

    /// Sends, and does not mind that the other side may be gone.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes).await);
    }

    pub(crate) async fn say(&mut self, head: &Head) {
        let mut bytes = BytesMut::new();
        head.encode(&mut bytes);
        self.send(&bytes).await;
    }

    pub(crate) async fn handshake(&mut self) -> Handshake {
        while self.buffer.len() < HANDSHAKE_LEN {
            assert!(self.read().await, "it closed instead of shaking hands");
        }
        let handshake = Handshake::decode(self.buffer.first_chunk().unwrap()).unwrap();
        self.buffer.advance(HANDSHAKE_LEN);
        handshake
    }

    /// The next message; `None` at the end. The body of a piece is dropped.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        loop {
            if let Some(head) = HeadDecoder::new(1 << 20).decode(&mut self.buffer).unwrap() {
                let mut body = head.body_len() as usize;
                while body > 0 {
                    let there = body.min(self.buffer.len());
                    self.buffer.advance(there);
                    body -= there;
                    if body > 0 && !self.read().await {
                        return None;
                    }
                }
                return Some(head);
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// Waits until the other side has closed; what still comes is dropped.
    pub(crate) async fn closed(&mut self) {
        within("the other side closes", async {
            while self.head().await.is_some() {}
        })
        .await;
    }

    /// Waits for the end of a connection on which nothing may come.
    pub(crate) async fn silence(&mut self) {
        let mut byte = [0];
        let end = within("the other side closes", self.stream.read(&mut byte)).await;
        assert!(
            matches!(end, Ok(0) | Err(_)),
            "it said something: {:#04x}",
            byte[0]
        );
    }

    /// False at the end, in order or not.
    async fn read(&mut self) -> bool {
        let read = within(
            "the other side says something",
            self.stream.read_buf(&mut self.buffer),
        );
        matches!(read.await, Ok(1..))
    }
}

pub(crate) fn handshake(made: &Made, id: u8) -> Handshake {
    Handshake {
        piece_size: made.hashes.layout().piece_size().into(),
        swarm: SwarmHash(made.id().0),
        peer: PeerId::from_random([id; 16]),
    }
}

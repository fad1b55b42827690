//! What a stranger can make a station do, spoken to by hand over its own port.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod common;

use std::{net::SocketAddr, time::Duration};

use bytes::BytesMut;
use common::{REMOTE, station_with};
use dolab_check::{
    Key, Station,
    report::PathId,
    session::limits::{Limits, Rate},
};
use dolab_wire::session::{
    Ask, Digest, Frame, Hello, Message, Offer, Open, Refusal, Reply, Role, VERSION,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Only turns a test that would hang into one that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A session's other side, made by hand.
struct Stranger {
    stream: TcpStream,
    buf: BytesMut,
}

impl Stranger {
    async fn connect(station: &Station) -> Self {
        let addr = SocketAddr::new(REMOTE, station.port(PathId::Tcp7680).unwrap());
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(b"\x0bdolab check").await.unwrap();
        Self {
            stream,
            buf: BytesMut::new(),
        }
    }

    async fn say(&mut self, message: &Message) {
        let mut bytes = BytesMut::new();
        Frame::encode(message, &mut bytes).unwrap();
        // It may hang up while we are still talking.
        let _ = self.stream.write_all(&bytes).await;
    }

    /// The next message, or `None` when the other side has closed.
    async fn hear(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = Frame::decode(&mut self.buf).unwrap() {
                return Some(message);
            }
            let read = self.stream.read_buf(&mut self.buf);
            match timeout(PATIENCE, read).await.expect("an answer in time") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn open(&mut self, role: Role, key: bool, call: Option<u64>) -> Option<Message> {
        let nonce = Digest([7; 32]);
        self.say(&Message::Open(Open {
            version: VERSION,
            role,
            nonce,
            key,
            call,
        }))
        .await;
        self.hear().await
    }

    async fn hello(&mut self) -> Option<Message> {
        let hello = Hello {
            software: "9.9.9".into(),
            os: "templeos".into(),
            host: "stranger".into(),
            announces: false,
            peer: String::new(),
            addresses: vec![],
            ports: vec![],
        };
        self.say(&Message::Hello(Box::new(hello))).await;
        self.hear().await
    }

    /// A session without a key.
    async fn admitted(station: &Station) -> Self {
        let mut stranger = Self::connect(station).await;
        assert!(matches!(
            stranger.open(Role::Asker, false, None).await,
            Some(Message::Open(_))
        ));
        assert!(matches!(stranger.hello().await, Some(Message::Hello(_))));
        stranger
    }

    async fn ask(&mut self, ask: Ask) -> Reply {
        self.say(&Message::Ask { id: 42, ask }).await;
        loop {
            match self.hear().await {
                Some(Message::Reply { id: 42, reply }) => return reply,
                Some(Message::Progress { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn probe(port: u16) -> Ask {
    Ask::Probe {
        path: "tcp-7680".into(),
        port,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reverse_probes_are_counted() {
    let limits = Limits {
        probes: Rate {
            per_asker: 2,
            overall: 100,
        },
        ..Limits::default()
    };
    let station = station_with(REMOTE, |config| config.limits = limits).await;
    let mut stranger = Stranger::admitted(&station).await;
    for _ in 0..2 {
        assert!(matches!(stranger.ask(probe(9)).await, Reply::Probed { .. }));
    }
    let third = stranger.ask(probe(9)).await;
    assert!(
        matches!(
            third,
            Reply::Refused {
                why: Refusal::TooMany { .. }
            }
        ),
        "{third:?}"
    );
    // Another connection does not help.
    let again = Stranger::admitted(&station).await.ask(probe(9)).await;
    assert!(
        matches!(
            again,
            Reply::Refused {
                why: Refusal::TooMany { .. }
            }
        ),
        "{again:?}"
    );
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_out_of_bounds_are_declined_and_the_session_goes_on() {
    let station = station_with(REMOTE, |_| ()).await;
    let mut stranger = Stranger::admitted(&station).await;
    let refused = |reply: Reply| {
        let Reply::Refused { why } = reply else {
            panic!("{reply:?}")
        };
        why
    };
    assert_eq!(
        refused(stranger.ask(Ask::Unknown).await),
        Refusal::Unsupported
    );
    let elsewhere = Ask::Probe {
        path: "tcp-22".into(),
        port: 22,
    };
    assert_eq!(refused(stranger.ask(elsewhere).await), Refusal::Unsupported);
    assert_eq!(
        refused(stranger.ask(probe(0)).await),
        Refusal::Port { port: 0 }
    );
    let much = Ask::Prepare { length: u64::MAX };
    assert!(matches!(
        refused(stranger.ask(much).await),
        Refusal::TooLarge { .. }
    ));
    let nothing = Ask::Prepare { length: 0 };
    assert!(matches!(
        refused(stranger.ask(nothing).await),
        Refusal::Failed { .. }
    ));
    let hashes = Ask::Hashes {
        content: Digest([1; 32]),
        first: 0,
        count: 1,
    };
    assert_eq!(refused(stranger.ask(hashes).await), Refusal::NoContent);
    // Hashes that are not the content's, a piece size that makes no layout.
    for (piece_size, hashes) in [
        (1 << 20, vec![Digest([2; 32])]),
        (0, vec![]),
        (1 << 20, vec![]),
    ] {
        let offer = Offer {
            id: Digest([1; 32]),
            length: 1000,
            piece_size,
            seed: 0,
            hashes,
        };
        let ask = Ask::Receive {
            offer,
            dial: None,
            patience_ms: 1,
        };
        assert!(matches!(
            refused(stranger.ask(ask).await),
            Refusal::Invalid { .. }
        ));
    }
    let padding = "x".repeat(6000);
    let echo = stranger
        .ask(Ask::Echo {
            padding: padding.clone(),
        })
        .await;
    assert_eq!(echo, Reply::Echo { padding });
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_without_the_key_gets_one_word() {
    let key = Some(Key::new("s3cret").unwrap());
    let station = station_with(REMOTE, |config| config.key = key).await;
    // Without a key.
    let mut stranger = Stranger::connect(&station).await;
    assert!(matches!(
        stranger.open(Role::Asker, false, None).await,
        Some(Message::Open(_))
    ));
    stranger
        .say(&Message::Ask {
            id: 1,
            ask: Ask::Contents,
        })
        .await;
    assert_eq!(
        stranger.hear().await,
        Some(Message::Refused {
            why: Refusal::KeyDemanded
        })
    );
    assert_eq!(stranger.hear().await, None);
    // With a wrong proof, and with a question in place of one.
    let wrong = Message::Proof {
        mac: Digest([9; 32]),
    };
    let mut stranger = Stranger::connect(&station).await;
    assert!(matches!(
        stranger.open(Role::Asker, true, None).await,
        Some(Message::Open(_))
    ));
    stranger.say(&wrong).await;
    assert_eq!(
        stranger.hear().await,
        Some(Message::Refused {
            why: Refusal::WrongKey
        })
    );
    assert_eq!(stranger.hear().await, None);
    let mut stranger = Stranger::connect(&station).await;
    stranger.open(Role::Asker, true, None).await;
    stranger
        .say(&Message::Ask {
            id: 1,
            ask: Ask::Contents,
        })
        .await;
    assert_eq!(stranger.hear().await, None);
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_back_that_nobody_asked_for_is_refused() {
    let station = station_with(REMOTE, |_| ()).await;
    for call in [None, Some(4711)] {
        let mut stranger = Stranger::connect(&station).await;
        assert!(matches!(
            stranger.open(Role::Answerer, false, call).await,
            Some(Message::Open(_))
        ));
        assert_eq!(
            stranger.hear().await,
            Some(Message::Refused {
                why: Refusal::UnknownCall
            })
        );
        assert_eq!(stranger.hear().await, None);
    }
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_later_version_goes_on_in_ours() {
    let station = station_with(REMOTE, |_| ()).await;
    let mut stranger = Stranger::connect(&station).await;
    let later = br#"{"type":"open","version":9,"role":"asker","nonce":"0707070707070707070707070707070707070707070707070707070707070707","key":false,"colour":"blue"}"#;
    stranger.stream.write_u32(later.len() as u32).await.unwrap();
    stranger.stream.write_all(later).await.unwrap();
    let Some(Message::Open(open)) = stranger.hear().await else {
        panic!("no opening")
    };
    assert_eq!(open.version, VERSION);
    let strange = br#"{"type":"weather","is":"fine"}"#;
    stranger
        .stream
        .write_u32(strange.len() as u32)
        .await
        .unwrap();
    stranger.stream.write_all(strange).await.unwrap();
    assert!(matches!(stranger.hello().await, Some(Message::Hello(_))));
    station.stop().await;
}

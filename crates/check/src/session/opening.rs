//! The first messages of a session: versions and parts, the proof of the key, the hellos.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use dolab_wire::{
    preface::{self, CHECK_NAME},
    session::{Digest, Frame, Hello, Message, Open, Refusal, Role, VERSION},
};
use tokio::time::timeout;

use super::{SessionError, channel::Channel};
use crate::key::Key;

/// Time that the other side has for each step of the opening.
pub(crate) const STEP: Duration = Duration::from_secs(4);

/// Time for last words.
const LINGER: Duration = Duration::from_millis(500);

/// A connection over which both sides have said [`Message::Open`]: dolab is there.
pub(crate) struct Opened {
    channel: Channel,
    mine: Open,
    theirs: Open,
    /// Whether this side opened the connection, and so proves first.
    dialled: bool,
}

/// A session that stands.
pub(crate) struct Session {
    pub(crate) channel: Channel,
    pub(crate) theirs: Hello,
}

/// What this side says about itself before it knows the other.
pub(crate) struct Mine<'a> {
    pub(crate) role: Role,
    pub(crate) key: Option<&'a Key>,
    pub(crate) call: Option<u64>,
}

impl Mine<'_> {
    fn open(&self) -> Open {
        Open {
            version: VERSION,
            role: self.role,
            nonce: Digest(random()),
            key: self.key.is_some(),
            call: self.call,
        }
    }
}

/// Fresh bytes of the system's randomness.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("every supported system has randomness");
    bytes
}

/// The first step of the side that opened the connection. Returns as soon as the other side has
/// shown that it is dolab.
pub(crate) async fn dial(mut channel: Channel, mine: &Mine<'_>) -> Result<Opened, SessionError> {
    let open = mine.open();
    let mut first = BytesMut::new();
    first.put_u8(CHECK_NAME.len() as u8);
    first.put_slice(CHECK_NAME);
    Frame::encode(&Message::Open(open.clone()), &mut first)?;
    channel.writer.send_raw(first.freeze()).await?;
    let theirs = read_open(&mut channel).await?;
    Ok(Opened {
        channel,
        mine: open,
        theirs,
        dialled: true,
    })
}

/// The first step of the side that the connection was opened to. The preface may have been read
/// into the channel's prefix already, but stands there still.
pub(crate) async fn accept(
    mut channel: Channel,
    key: Option<&Key>,
) -> Result<Opened, SessionError> {
    let step = async {
        read_preface(&mut channel).await?;
        read_open(&mut channel).await
    };
    let theirs = timeout(STEP, step)
        .await
        .map_err(|_| SessionError::TimedOut)??;
    let open = Mine {
        role: theirs.role.other(),
        key,
        call: None,
    }
    .open();
    channel.writer.send(&Message::Open(open.clone())).await?;
    Ok(Opened {
        channel,
        mine: open,
        theirs,
        dialled: false,
    })
}

async fn read_preface(channel: &mut Channel) -> Result<(), SessionError> {
    let mut len = 1;
    loop {
        let first = channel.reader.peek(len).await?;
        match preface::detect(first) {
            Ok(Some(preface::Protocol::Check)) => break,
            Ok(Some(preface::Protocol::Swarm)) => {
                return Err(SessionError::Foreign("it speaks the Swarm protocol".into()));
            }
            Ok(Some(preface::Protocol::Bench)) => {
                return Err(SessionError::Foreign("it carries a benchmark".into()));
            }
            Ok(None) => len = first.len() + 1,
            Err(error) => return Err(SessionError::Foreign(error.to_string())),
        }
    }
    channel.reader.skip(1 + CHECK_NAME.len());
    Ok(())
}

async fn read_open(channel: &mut Channel) -> Result<Open, SessionError> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "anything else is out of place"
    )]
    match channel.reader.next().await? {
        Message::Open(open) if open.version == 0 => Err(SessionError::Unexpected {
            expected: "a version from 1 on",
        }),
        Message::Open(open) => Ok(open),
        Message::Refused { why } => Err(SessionError::Declined(why)),
        _ => Err(SessionError::Unexpected {
            expected: "an opening",
        }),
    }
}

impl Opened {
    /// What the other side said first.
    pub(crate) fn theirs(&self) -> &Open {
        &self.theirs
    }

    /// Tells the other side that this was all, and why.
    pub(crate) async fn refuse(mut self, why: Refusal) -> SessionError {
        let refused = Message::Refused { why: why.clone() };
        // It does not matter whether the other side still listens.
        let _ = timeout(STEP, self.channel.writer.send(&refused)).await;
        self.linger().await;
        SessionError::Refused(why)
    }

    /// Ends a connection that only had to show that it can be opened.
    pub(crate) async fn bye(mut self) {
        // As above.
        let _ = timeout(STEP, self.channel.writer.send(&Message::Bye)).await;
        self.linger().await;
    }

    /// Reads until the other side has closed too: a connection that is dropped with something
    /// unread, or unacknowledged, takes its last words with it.
    async fn linger(&mut self) {
        self.channel.writer.close().await;
        let rest = async { while self.channel.reader.next().await.is_ok() {} };
        // A stranger does not keep us long.
        let _ = timeout(LINGER, rest).await;
    }

    /// Proves the key both ways, if there is one, and exchanges hellos.
    pub(crate) async fn establish(
        mut self,
        key: Option<&Key>,
        hello: Hello,
    ) -> Result<Session, SessionError> {
        if self.mine.role == self.theirs.role {
            return Err(self.refuse(Refusal::Role).await);
        }
        match (key, self.theirs.key) {
            (None, false) => {}
            (Some(key), true) => match timeout(STEP, self.prove(key)).await {
                Ok(Ok(())) => {}
                Ok(Err(SessionError::Refused(why))) => return Err(self.refuse(why).await),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(SessionError::TimedOut),
            },
            (Some(_), false) => return Err(self.refuse(Refusal::KeyDemanded).await),
            (None, true) => return Err(self.refuse(Refusal::NoKeyHere).await),
        }
        let hellos = async {
            self.channel
                .writer
                .send(&Message::Hello(Box::new(hello)))
                .await?;
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "anything else is out of place"
            )]
            match self.channel.reader.next().await? {
                Message::Hello(hello) => Ok(*hello),
                Message::Refused { why } => Err(SessionError::Declined(why)),
                _ => Err(SessionError::Unexpected {
                    expected: "a hello",
                }),
            }
        };
        let theirs = timeout(STEP, hellos)
            .await
            .map_err(|_| SessionError::TimedOut)??;
        Ok(Session {
            channel: self.channel,
            theirs,
        })
    }

    async fn prove(&mut self, key: &Key) -> Result<(), SessionError> {
        let mac = key.prove(&self.mine, &self.theirs);
        if self.dialled {
            self.channel.writer.send(&Message::Proof { mac }).await?;
            return self.check_proof(key).await;
        }
        self.check_proof(key).await?;
        self.channel.writer.send(&Message::Proof { mac }).await
    }

    async fn check_proof(&mut self, key: &Key) -> Result<(), SessionError> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "anything else is out of place"
        )]
        match self.channel.reader.next().await? {
            Message::Proof { mac } if key.verify(&mac, &self.theirs, &self.mine) => Ok(()),
            Message::Proof { .. } => Err(SessionError::Refused(Refusal::WrongKey)),
            Message::Refused { why } => Err(SessionError::Declined(why)),
            _ => Err(SessionError::Unexpected {
                expected: "the proof of the key",
            }),
        }
    }
}

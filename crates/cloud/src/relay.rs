//! The go-between of two lab peers (ours): one waits, the other calls, and bytes are carried between
//! them.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use dolab_wire::relay::{BEGIN, Station, TICK};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::oneshot,
    time::{interval, timeout},
};

use crate::{Limits, net::Gate};

/// How often a station that waits is sent something.
const TICK_EVERY: Duration = Duration::from_secs(15);

/// Time for the upgrade of a connection, and for a byte to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

type Stream = TokioIo<Upgraded>;

/// All stations that wait.
#[derive(Clone, Debug)]
pub(crate) struct Relay(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Arc<Limits>,
    waiting: Mutex<BTreeMap<String, Waiting>>,
    next: AtomicU64,
    tunnels: AtomicUsize,
}

#[derive(Debug)]
struct Waiting {
    station: Station,
    /// The oldest first.
    connections: VecDeque<(u64, oneshot::Sender<Call>)>,
}

/// A caller on its way to a station.
#[derive(Debug)]
struct Call {
    upgrade: OnUpgrade,
    /// The address that the caller is seen at.
    external: IpAddr,
    tunnel: Tunnel,
}

/// A place among the connections between two stations.
#[derive(Debug)]
pub(crate) struct Tunnel(Arc<Inner>);

/// Why nothing comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRelay {
    #[error("no such station waits here: start `dolab peer --cloud URL` there")]
    Unknown,
    #[error("too many stations use the cloud as their go-between: come again later")]
    Full,
}

impl Relay {
    /// Nobody waits yet.
    pub(crate) fn new(limits: Arc<Limits>) -> Self {
        Self(Arc::new(Inner {
            limits,
            waiting: Mutex::default(),
            next: AtomicU64::default(),
            tunnels: AtomicUsize::default(),
        }))
    }

    /// The stations that wait, in the order of their ids.
    pub(crate) fn stations(&self) -> Vec<Station> {
        let waiting = self.lock();
        waiting.values().map(|it| it.station.clone()).collect()
    }

    /// Stations that wait, and connections between two.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let tunnels = self.0.tunnels.load(Ordering::Relaxed);
        (self.lock().len(), tunnels)
    }

    /// Lets a station wait on a connection, once that has been upgraded.
    pub(crate) fn wait(
        &self,
        station: Station,
        upgrade: OnUpgrade,
        gate: &Gate,
    ) -> Result<(), NoRelay> {
        let mut waiting = self.lock();
        if waiting.len() >= self.0.limits.stations && !waiting.contains_key(&station.id) {
            return Err(NoRelay::Full);
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (called, call) = oneshot::channel();
        let name = station.id.clone();
        let of_it = waiting.entry(name.clone()).or_insert_with(|| Waiting {
            station: station.clone(),
            connections: VecDeque::new(),
        });
        of_it.station = station;
        of_it.connections.push_back((number, called));
        if of_it.connections.len() > self.0.limits.station_connections {
            // Dropping it ends its connection.
            of_it.connections.pop_front();
        }
        drop(waiting);
        let (relay, stop) = (self.clone(), gate.stop.clone());
        gate.tasks.spawn(async move {
            let waited = tokio::select! {
                waited = hold(upgrade, call, &relay.0.limits) => waited,
                () = stop.cancelled() => Ok(()),
            };
            relay.gone(&name, number);
            if let Err(error) = waited {
                tracing::debug!(station = name, %error, "a station waits no more");
            }
        });
        Ok(())
    }

    /// Brings a caller's connection, once that has been upgraded, to a station that waits.
    pub(crate) fn call(
        &self,
        station: &str,
        external: IpAddr,
        upgrade: OnUpgrade,
    ) -> Result<(), NoRelay> {
        let mut tunnel = self.tunnel()?;
        let mut upgrade = upgrade;
        loop {
            let called = {
                let mut waiting = self.lock();
                let of_it = waiting.get_mut(station).ok_or(NoRelay::Unknown)?;
                // The newest: the others could be dead without anybody knowing.
                let newest = of_it.connections.pop_back();
                if of_it.connections.is_empty() {
                    waiting.remove(station);
                }
                newest.ok_or(NoRelay::Unknown)?.1
            };
            let call = Call {
                upgrade,
                external,
                tunnel,
            };
            match called.send(call) {
                Ok(()) => return Ok(()),
                Err(back) => (upgrade, tunnel) = (back.upgrade, back.tunnel),
            }
        }
    }

    fn tunnel(&self) -> Result<Tunnel, NoRelay> {
        let tunnels = &self.0.tunnels;
        let taken = tunnels.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            (taken < self.0.limits.tunnels).then_some(taken + 1)
        });
        taken.map_err(|_| NoRelay::Full)?;
        Ok(Tunnel(Arc::clone(&self.0)))
    }

    fn gone(&self, station: &str, number: u64) {
        let mut waiting = self.lock();
        let Some(of_it) = waiting.get_mut(station) else {
            return;
        };
        of_it.connections.retain(|(it, _)| *it != number);
        if of_it.connections.is_empty() {
            waiting.remove(station);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Waiting>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.0.tunnels.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Keeps a station's connection alive until somebody calls, and carries what they say.
async fn hold(
    upgrade: OnUpgrade,
    mut call: oneshot::Receiver<Call>,
    limits: &Limits,
) -> io::Result<()> {
    let mut station = upgraded(upgrade).await?;
    let mut tick = interval(TICK_EVERY);
    let call = loop {
        let mut byte = [0];
        tokio::select! {
            biased;
            call = &mut call => match call {
                Ok(call) => break call,
                Err(_) => return Err(io::Error::other("a newer connection took its place")),
            },
            // It has nothing to say before it is called.
            read = station.read(&mut byte) => return match read? {
                0 => Ok(()),
                _ => Err(io::Error::other("it spoke before it was called")),
            },
            _ = tick.tick() => say(&mut station, &[TICK]).await?,
        }
    };
    let begin = format!("{}{}\n", char::from(BEGIN), call.external);
    say(&mut station, begin.as_bytes()).await?;
    let caller = upgraded(call.upgrade).await?;
    carry(caller, station, limits).await;
    drop(call.tunnel);
    Ok(())
}

async fn upgraded(upgrade: OnUpgrade) -> io::Result<Stream> {
    let upgraded = timeout(PATIENCE, upgrade).await?;
    Ok(TokioIo::new(upgraded.map_err(io::Error::other)?))
}

async fn say(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    timeout(PATIENCE, async {
        stream.write_all(bytes).await?;
        stream.flush().await
    })
    .await?
}

/// Carries bytes both ways until both have ended, or neither says anything.
async fn carry(
    one: impl AsyncRead + AsyncWrite,
    other: impl AsyncRead + AsyncWrite,
    limits: &Limits,
) {
    let (from_one, to_one) = tokio::io::split(one);
    let (from_other, to_other) = tokio::io::split(other);
    let moved = AtomicU64::new(0);
    let both = async {
        tokio::join!(
            pump(from_one, to_other, limits.tunnel_bytes, &moved),
            pump(from_other, to_one, limits.tunnel_bytes, &moved)
        )
    };
    let watch = async {
        let mut before = 0;
        loop {
            tokio::time::sleep(limits.tunnel_silence).await;
            let now = moved.load(Ordering::Relaxed);
            if std::mem::replace(&mut before, now) == now {
                break;
            }
        }
    };
    tokio::select! {
        _ = both => {}
        () = watch => tracing::debug!("a connection between two stations was silent"),
    }
}

/// Carries bytes one way to their end, or as many as are left, and passes the end on.
async fn pump<R: AsyncRead, W: AsyncWrite>(
    mut from: ReadHalf<R>,
    mut to: WriteHalf<W>,
    mut left: u64,
    moved: &AtomicU64,
) {
    let mut buf = vec![0; 32 << 10];
    while left > 0 {
        let room = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let read = match from.read(&mut buf[..room]).await {
            Ok(read) if read > 0 => read,
            _ => break,
        };
        left -= read as u64;
        moved.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&buf[..read]).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    // The other end may be gone already.
    let _ = to.shutdown().await;
}

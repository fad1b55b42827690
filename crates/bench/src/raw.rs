//! The lowest layer: bytes from memory over TCP connections, read and dropped.

use std::{
    io,
    net::Shutdown,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{BufMut, BytesMut};
use tokio::{net::TcpStream, sync::watch, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    pace::Pace,
    proto::{Ended, Part, Spec},
    sampler::{Reading, Tcp},
    window::Window,
};

/// Bytes that are read and dropped in one go: as many as the exchanger asks of the kernel.
const READ: usize = 512 << 10;

/// Bytes that a limited sender writes in one go.
const PACED_WRITE: usize = 16 << 10;

/// How long the other side may take to end its half of a connection.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// One side of a raw flow.
#[derive(Debug)]
pub(crate) struct Raw {
    streams: Mutex<Vec<Arc<TcpStream>>>,
    moved: Arc<AtomicU64>,
    /// Ends sending in order.
    stop: CancellationToken,
    ended: watch::Sender<Option<Ended>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Raw {
    pub(crate) fn new() -> Self {
        Self {
            streams: Mutex::default(),
            moved: Arc::default(),
            stop: CancellationToken::new(),
            ended: watch::Sender::new(None),
            tasks: Mutex::default(),
        }
    }

    pub(crate) fn attach(&self, stream: TcpStream) {
        lock(&self.streams).push(Arc::new(stream));
    }

    /// Sends `window` again and again, or reads and drops.
    pub(crate) fn start(&self, spec: &Spec, window: Option<Window>) {
        let streams = lock(&self.streams).clone();
        let pace = spec.rate_limit.map(|rate| Arc::new(Pace::new(rate)));
        let count = streams.len() as u64;
        let left = Arc::new(AtomicU64::new(count));
        for (n, stream) in (0..).zip(streams) {
            let (moved, ended) = (self.moved.clone(), self.ended.clone());
            let left = left.clone();
            let job = match (spec.part, &window) {
                (Part::Sender, Some(window)) => {
                    // What does not divide goes over the first ones.
                    let share = |length: u64| length / count + u64::from(n < length % count);
                    Job::Send(Sending {
                        window: window.clone(),
                        pace: pace.clone(),
                        length: spec.length.map_or(u64::MAX, share),
                        write: spec.block_bytes.max(1) as usize,
                        stop: self.stop.clone(),
                    })
                }
                _ => Job::Receive,
            };
            lock(&self.tasks).spawn(async move {
                let result = match &job {
                    Job::Send(sending) => sending.run(&stream, &moved).await,
                    Job::Receive => receive(&stream, &moved).await,
                };
                let last = left.fetch_sub(1, Ordering::AcqRel) == 1;
                let end = match result {
                    Err(error) => Ended::Failed {
                        why: format!("a connection broke: {error}"),
                    },
                    Ok(()) if last => Ended::Well,
                    Ok(()) => return,
                };
                ended.send_if_modified(|ended| {
                    let first = ended.is_none();
                    if first {
                        *ended = Some(end);
                    }
                    first
                });
            });
        }
    }

    /// Tells when all is sent, or has come; or that a connection broke.
    pub(crate) fn ended(&self) -> watch::Receiver<Option<Ended>> {
        self.ended.subscribe()
    }

    pub(crate) fn read(&self) -> Reading {
        let streams = lock(&self.streams);
        let infos = streams
            .iter()
            .filter_map(|it| dolab_peer::TcpInfo::read(&**it));
        Reading {
            bytes: self.moved.load(Ordering::Relaxed),
            tcp: Tcp::sum(infos),
        }
    }

    /// Sends no more.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the other side has closed too. Returns the bytes that went or came.
    pub(crate) async fn finish(&self) -> u64 {
        self.stop();
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(LAST_WORDS, all).await.is_err() {
            tracing::debug!("a raw connection did not end in order");
        }
        lock(&self.streams).clear();
        self.moved.load(Ordering::Acquire)
    }
}

enum Job {
    Send(Sending),
    Receive,
}

struct Sending {
    window: Window,
    pace: Option<Arc<Pace>>,
    length: u64,
    /// Bytes to write in one go.
    write: usize,
    stop: CancellationToken,
}

impl Sending {
    async fn run(&self, stream: &TcpStream, moved: &AtomicU64) -> io::Result<()> {
        tokio::select! {
            sent = self.send(stream, moved) => sent?,
            () = self.stop.cancelled() => {}
        }
        socket2::SockRef::from(stream).shutdown(Shutdown::Write)?;
        // Closed only once the other side has read everything, or a reset might overtake it.
        let mut scrap = BytesMut::with_capacity(64);
        while read_some(stream, &mut scrap, 64).await? > 0 {
            scrap.clear();
        }
        Ok(())
    }

    async fn send(&self, stream: &TcpStream, moved: &AtomicU64) -> io::Result<()> {
        let mut at = 0;
        while at < self.length {
            let mut most = self
                .write
                .min((self.length - at).try_into().unwrap_or(usize::MAX));
            if let Some(pace) = &self.pace {
                most = most.min(PACED_WRITE);
                tokio::time::sleep(pace.take(most)).await;
            }
            let mut done = 0;
            while done < most {
                // One connection must not keep its thread for itself.
                tokio::task::consume_budget().await;
                match write_some(stream, &self.window, at, most - done) {
                    Ok(wrote) => {
                        done += wrote;
                        at += wrote as u64;
                        moved.fetch_add(wrote as u64, Ordering::Relaxed);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        stream.writable().await?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

/// Sends some of the window from `at` on, up to its end at most.
fn write_some(stream: &TcpStream, window: &Window, at: u64, most: usize) -> io::Result<usize> {
    let at = at % window.len();
    let most = most.min((window.len() - at) as usize);
    let wrote = match window.slice(at) {
        Some(bytes) => stream.try_write(&bytes[..most]),
        None => send_file(stream, window, at, most),
    };
    match wrote {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        wrote => wrote,
    }
}

#[cfg(target_os = "linux")]
fn send_file(stream: &TcpStream, window: &Window, mut at: u64, most: usize) -> io::Result<usize> {
    let file = window.file().ok_or(io::ErrorKind::Unsupported)?;
    stream.try_io(tokio::io::Interest::WRITABLE, || {
        Ok(rustix::fs::sendfile(stream, file, Some(&mut at), most)?)
    })
}

#[cfg(not(target_os = "linux"))]
fn send_file(_: &TcpStream, _: &Window, _: u64, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

async fn receive(stream: &TcpStream, moved: &AtomicU64) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(READ);
    loop {
        match read_some(stream, &mut buffer, READ).await? {
            0 => return Ok(()),
            read => drop(moved.fetch_add(read as u64, Ordering::Relaxed)),
        }
        buffer.clear();
    }
}

/// Reads some bytes; none at the end.
async fn read_some(stream: &TcpStream, buffer: &mut BytesMut, most: usize) -> io::Result<usize> {
    tokio::task::consume_budget().await;
    loop {
        match stream.try_read_buf(&mut (&mut *buffer).limit(most)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.readable().await?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What passed each adapter, as one pcapng file for each host and router.

mod pcapng;

use std::{
    fs::File,
    io::{self, BufWriter},
    os::fd::AsFd as _,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use pcapng::Writer;

use super::{
    packet::PacketSocket,
    stop::{Stopped, Woken, Worker},
};

/// Bytes of a packet that are kept: more than an Ethernet frame, less than what a virtual interface
/// takes in one piece.
const SNAP: usize = 2048;
/// Bytes of one file, at most; what comes later is left out.
const AT_MOST: u64 = 1 << 30;

/// A host that is being captured. Dropped, the file is complete.
#[derive(Debug)]
pub(super) struct Capture {
    shared: Arc<Shared>,
    _worker: Worker,
}

#[derive(Debug)]
struct Shared {
    sockets: Vec<PacketSocket>,
    file: Mutex<Writer<BufWriter<File>>>,
}

impl Capture {
    /// Begins, for these adapters of the namespace that the caller is in.
    pub(super) fn start(path: &Path, host: &str, adapters: &[String]) -> io::Result<Self> {
        let sockets: Vec<PacketSocket> = adapters
            .iter()
            .map(|adapter| PacketSocket::open(adapter))
            .collect::<io::Result<_>>()?;
        let file = BufWriter::new(File::create(path)?);
        let file = Mutex::new(Writer::begin(file, host, adapters, SNAP as u32)?);
        let shared = Arc::new(Shared { sockets, file });
        let own = Arc::clone(&shared);
        let worker = Worker::start("lab capture", move |stopped| {
            // A full disk ends it; the file is then what it is.
            let _ = own.run(&stopped);
        })?;
        Ok(Self {
            shared,
            _worker: worker,
        })
    }

    /// Writes a remark after the packets that came before it.
    pub(super) fn note(&self, text: &str) -> io::Result<()> {
        let mut file = self.shared.drain()?;
        file.note(now(), text)?;
        file.flush()
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Shared {
    fn run(&self, stopped: &Stopped) -> io::Result<()> {
        let fds: Vec<_> = self.sockets.iter().map(|socket| socket.as_fd()).collect();
        loop {
            let woken = stopped.wait(&fds, None)?;
            self.drain()?.flush()?;
            if woken == Woken::End {
                return Ok(());
            }
        }
    }

    /// Writes what has come by now.
    fn drain(&self) -> io::Result<MutexGuard<'_, Writer<BufWriter<File>>>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = [0; SNAP];
        for (number, socket) in self.sockets.iter().enumerate() {
            while let Some(whole) = socket.receive(&mut buffer)? {
                if whole > 0 && file.written() < AT_MOST {
                    let kept = &buffer[..whole.min(SNAP)];
                    file.packet(number as u32, now(), kept, whole)?;
                }
            }
        }
        Ok(file)
    }
}

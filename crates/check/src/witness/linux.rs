use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    os::{
        fd::{AsFd, AsRawFd},
        unix::net::UnixStream,
    },
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Instant,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::RxqOvfl},
};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::{
    Flow, Watched,
    filter::{SNAP, Way, program},
    log::Log,
    packet,
};
use crate::evidence::{NoWitness, WireSaw};

/// All protocols (ETH_P_ALL): only such a socket is shown what leaves.
const EVERYTHING: u16 = 0x0003;
/// Holds some thousand packets of [`SNAP`] bytes until the thread comes round.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Two packet sockets and the thread that empties them.
#[derive(Debug)]
pub(super) struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Closing it wakes the thread and ends it.
    stop: Option<UnixStream>,
}

#[derive(Debug)]
struct Shared {
    taps: [Tap; 2],
    state: Mutex<State>,
}

#[derive(Debug)]
struct Tap {
    way: Way,
    socket: Socket,
}

#[derive(Debug)]
struct State {
    log: Log,
    /// Packets that the kernel dropped for want of room, by tap, as last told.
    dropped: [u32; 2],
    /// The taps broke.
    broken: Option<String>,
}

impl Watch {
    pub(super) fn start(watched: &Watched) -> Result<Self, NoWitness> {
        let failed = |e: io::Error| {
            if e.kind() == io::ErrorKind::PermissionDenied {
                NoWitness::NoPrivilege
            } else {
                NoWitness::Failed { why: e.to_string() }
            }
        };
        let taps = [
            Tap::open(watched, Way::Left).map_err(failed)?,
            Tap::open(watched, Way::Arrived).map_err(failed)?,
        ];
        let state = State {
            log: Log::new(Instant::now()),
            dropped: [0; 2],
            broken: None,
        };
        let shared = Arc::new(Shared {
            taps,
            state: Mutex::new(state),
        });
        let (stop, stopped) = UnixStream::pair().map_err(failed)?;
        let worker = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("witness".to_owned())
            .spawn(move || worker.run(&stopped))
            .map_err(failed)?;
        Ok(Self {
            shared,
            thread: Some(thread),
            stop: Some(stop),
        })
    }

    pub(super) fn saw(&self, flow: &Flow, since: Instant) -> Result<WireSaw, NoWitness> {
        let mut state = self.shared.state();
        // What the kernel has is up to date; what the thread got round to may not be.
        self.shared.drain(&mut state);
        match &state.broken {
            Some(why) => Err(NoWitness::Failed { why: why.clone() }),
            None => Ok(state.log.saw(flow, since, Instant::now())),
        }
    }

    pub(super) fn callers(&self, flow: &Flow, since: Instant) -> Vec<SocketAddr> {
        let mut state = self.shared.state();
        self.shared.drain(&mut state);
        state.log.callers(flow, since)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say that could not be said here.
            let _ = thread.join();
        }
    }
}

impl Tap {
    fn open(watched: &Watched, way: Way) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(EVERYTHING.to_be()));
        // Without link headers: packets begin with their network header on every kind of device.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol))?;
        let filter: Vec<SockFilter> = program(watched, way)
            .into_iter()
            .map(|(code, jt, jf, k)| SockFilter::new(code, jt, jf, k))
            .collect();
        socket.attach_filter(&filter)?;
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        setsockopt(&socket, RxqOvfl, &1)?;
        let tap = Self { way, socket };
        // What came in before the filter stood.
        while tap.receive(&mut [0; SNAP as usize])?.is_some() {}
        Ok(tap)
    }

    /// The next packet's length and the kernel's count of dropped packets, or `None` when there is
    /// no packet.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, u32)>> {
        let mut control = nix::cmsg_space!(u32);
        let mut slices = [IoSliceMut::new(buffer)];
        let fd = self.socket.as_raw_fd();
        let message =
            match recvmsg::<()>(fd, &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT) {
                Ok(message) => message,
                Err(nix::Error::EAGAIN) => return Ok(None),
                // A device went down; its packets are gone, others are not.
                Err(nix::Error::ENETDOWN | nix::Error::EINTR) => return Ok(Some((0, 0))),
                Err(error) => return Err(error.into()),
            };
        let dropped = message.cmsgs()?.find_map(|c| {
            if let ControlMessageOwned::RxqOvfl(count) = c {
                Some(count)
            } else {
                None
            }
        });
        Ok(Some((message.bytes, dropped.unwrap_or(0))))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, stopped: &UnixStream) {
        let mut fds = [
            PollFd::new(self.taps[0].socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.taps[1].socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
        ];
        loop {
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(error) => {
                    self.state().broken = Some(error.to_string());
                    return;
                }
            }
            if fds[2].any().unwrap_or(true) {
                return;
            }
            let mut state = self.state();
            self.drain(&mut state);
            if state.broken.is_some() {
                return;
            }
        }
    }

    fn drain(&self, state: &mut State) {
        let mut buffer = [0; SNAP as usize];
        for (tap, known) in self.taps.iter().zip(&mut state.dropped) {
            loop {
                match tap.receive(&mut buffer) {
                    Ok(None) => break,
                    Ok(Some((length, dropped))) => {
                        let now = Instant::now();
                        if dropped > *known {
                            *known = dropped;
                            state.log.lost(now);
                        }
                        if let Some(packet) = buffer.get(..length).and_then(packet::parse) {
                            state.log.record(now, tap.way, packet);
                        }
                    }
                    Err(error) => {
                        state.broken = Some(error.to_string());
                        return;
                    }
                }
            }
        }
    }
}

//! Our shaper: delay, jitter, loss, reordering and rate in user space, for kernels without netem.
//!
//! It stands between two interfaces and copies frames from one to the other, each when it is due.

mod checksum;
mod line;

use std::{
    io,
    os::fd::AsFd as _,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use line::Line;

use super::{
    packet::{LARGEST, PacketSocket},
    stop::{Stopped, Woken, Worker},
};
use crate::topology::Link;

/// A shaper that runs.
#[derive(Debug)]
pub(super) struct Shaper {
    link: Arc<Mutex<Link>>,
    _worker: Worker,
}

impl Shaper {
    /// Starts one between two interfaces of the namespace that the caller is in.
    pub(super) fn start(ends: &[String; 2], link: Link, seed: u64) -> io::Result<Self> {
        let sockets = [PacketSocket::open(&ends[0])?, PacketSocket::open(&ends[1])?];
        let link = Arc::new(Mutex::new(link));
        let shared = Arc::clone(&link);
        let worker = Worker::start("lab shaper", move |stopped| {
            run(&sockets, &shared, seed, &stopped);
        })?;
        Ok(Self {
            link,
            _worker: worker,
        })
    }

    /// Does this from now on. What is under way stays as it is.
    pub(super) fn set(&self, link: Link) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }
}

fn run(sockets: &[PacketSocket; 2], link: &Mutex<Link>, seed: u64, stopped: &Stopped) {
    let mut lines = [Line::new(seed * 2), Line::new(seed * 2 + 1)];
    let mut buffer = vec![0; LARGEST];
    loop {
        let next = lines.iter().filter_map(Line::next_due).min();
        let wait = next.map(|due| due.saturating_duration_since(Instant::now()));
        let fds = [sockets[0].as_fd(), sockets[1].as_fd()];
        if !matches!(stopped.wait(&fds, wait), Ok(Woken::Go)) {
            return;
        }
        let link = *link.lock().unwrap_or_else(PoisonError::into_inner);
        for (line, [from, to]) in lines.iter_mut().zip([[0, 1], [1, 0]]) {
            // A bounded number at a time, so that none of the two waits for the other.
            for _ in 0..64 {
                match sockets[from].receive(&mut buffer) {
                    Ok(Some(length)) if (1..=LARGEST).contains(&length) => {
                        let frame = &mut buffer[..length];
                        checksum::complete(frame);
                        line.accept(frame, &link, Instant::now());
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    // The interface is gone, and the network with it.
                    Err(_) => return,
                }
            }
            while let Some(frame) = line.pop_due(Instant::now()) {
                // What the interface has no room for is lost, as on any wire.
                let _ = sockets[to].send(&frame);
            }
        }
    }
}

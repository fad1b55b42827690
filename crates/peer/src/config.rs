use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    thread,
    time::Duration,
};

use dolab_http::ClientConfig;
use dolab_wire::swarm::PeerId;
use tokio::sync::mpsc;

use crate::{Foreign, SocketOptions};

/// The port that Delivery Optimization listens on (documented).
pub const PORT: u16 = dolab_wire::swarm::PORT;

/// How a peer is set up.
///
/// # Memory
/// Whatever other peers do, a peer holds at most
///
/// - [`memory`](Self::memory) bytes of pieces that come in, wait for their hash, or for the disk,
/// - [`upload_memory`](Self::upload_memory) bytes on their way out, and none with `sendfile`,
/// - for each connection, of which [`dolab_engine::Config::max_connections`] limits the number,
///   about 300 KiB: 256 KiB of messages that the other side does not read, heads of 4 KiB, and the
///   bits of its pieces twice,
/// - for each of up to 256 connections that have not shaken hands yet, the kernel's socket and
///   about 1 KiB,
///
/// and what the kernel keeps in its socket buffers. An honest peer's share is about 10 KiB.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Where to listen. The unspecified IPv6 address stands for both families; port 0 for any free
    /// port. May be empty: such a peer only dials.
    pub listen: Vec<SocketAddr>,
    /// This device's identity in handshakes; random in [`Default`].
    pub id: PeerId,
    /// How the exchange behaves.
    pub engine: dolab_engine::Config,
    /// Bytes of buffers for pieces that come in. Raised to 4 MiB, which every size of piece needs.
    /// On a fast network one content uses three quarters of it: at 10 Gbit/s pieces that land, are
    /// hashed and are written, four and more of each, need 20 MiB (measured).
    pub memory: usize,
    /// Bytes of buffers for pieces that go out, where the kernel can not send from a file itself.
    /// Raised to 1 MiB.
    pub upload_memory: usize,
    /// Threads that hash what comes in. One does about 2.5 GB/s where the processor has SHA
    /// instructions, a fifth of it where not (measured); as many as there are cores, up to eight,
    /// keep the cores busy while one of them waits. At least 1.
    pub hash_threads: usize,
    /// Whether to speak to addresses that are neither private nor link-local nor loopback.
    pub allow_public: bool,
    /// Seed of the engine's random choices: which of several equally rare pieces comes first.
    pub seed: u64,
    /// Longest wait for a connection that is being dialled.
    pub dial_timeout: Duration,
    /// Options of every socket.
    pub sockets: SocketOptions,
    /// How HTTP sources are asked. Whether public addresses are spoken to is
    /// [`Self::allow_public`]'s to say.
    pub http: ClientConfig,
    /// The networks that this device is in, each an address in it and the length of its prefix in
    /// bits: a peer in one of them is on the LAN, whatever it was offered as.
    pub subnets: Vec<(IpAddr, u8)>,
    /// Who takes connections that speak something else than the Swarm protocol. Without, they are
    /// closed.
    pub foreign: Option<mpsc::Sender<Foreign>>,
}

impl Default for PeerConfig {
    /// A peer on Delivery Optimization's port, on every address, with a random identity.
    fn default() -> Self {
        let mut random = [0; 24];
        getrandom::fill(&mut random).expect("the system has randomness");
        let (id, seed) = random.split_first_chunk().expect("16 of 24 bytes");
        Self {
            listen: vec![SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), PORT)],
            id: PeerId::from_random(*id),
            engine: dolab_engine::Config::default(),
            memory: 26 << 20,
            upload_memory: 4 << 20,
            hash_threads: thread::available_parallelism()
                .map_or(1, |cores| cores.get())
                .min(8),
            allow_public: false,
            seed: u64::from_le_bytes(*seed.first_chunk().expect("8 bytes are left")),
            dial_timeout: Duration::from_secs(10),
            sockets: SocketOptions::default(),
            http: ClientConfig::default(),
            subnets: Vec::new(),
            foreign: None,
        }
    }
}

use std::time::Duration;

/// What a stranger can make the cloud spend. Each has its reason in `docs/cloud.md`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at one time, over TCP, on all ports together. One more is closed at once.
    pub connections: usize,
    /// The same of one address.
    pub connections_of_one: usize,
    /// QUIC connections at one time.
    pub quic_connections: usize,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time for the headers of a request, and for the next request of an idle connection.
    pub headers: Duration,
    /// Most bytes of a request's line and headers, at least 8192; more get 431.
    pub header_bytes: usize,
    /// Most headers of a request; more get 431.
    pub header_count: usize,
    /// Requests at one time on an HTTP/2 connection.
    pub streams: u32,
    /// Most bytes in the body of a request; more get 413.
    pub body_bytes: usize,
    /// Time for the body of a request; slower gets 408.
    pub body: Duration,
    /// Time in which a caller has to take some of an answer; slower loses its connection.
    pub stalled: Duration,
    /// Time that a stop leaves to answers under way.
    pub drain: Duration,
    /// Bytes of memory for registrations, counted as allocated; one more device gets 503.
    pub registration_bytes: usize,
    /// Stations that wait for a call at one time; one more gets 503.
    pub stations: usize,
    /// Connections on which one station waits; the oldest goes when there is one more.
    pub station_connections: usize,
    /// Connections between two stations at one time; one more gets 503.
    pub tunnels: usize,
    /// Bytes that such a connection carries in each direction; then it ends.
    pub tunnel_bytes: u64,
    /// A connection that is silent for so long in both directions ends, within twice that time.
    pub tunnel_silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_of_one: 1024,
            quic_connections: 1024,
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(30),
            header_bytes: 32 << 10,
            header_count: 100,
            streams: 128,
            body_bytes: 64 << 10,
            body: Duration::from_secs(10),
            stalled: Duration::from_secs(60),
            drain: Duration::from_secs(10),
            registration_bytes: 512 << 20,
            stations: 1024,
            station_connections: 4,
            tunnels: 256,
            tunnel_bytes: 1 << 30,
            tunnel_silence: Duration::from_secs(120),
        }
    }
}

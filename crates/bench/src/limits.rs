use std::time::Duration;

/// What strangers may have of a host that serves benchmarks. Whoever wants one has to open the
/// connections himself, so nothing is ever sent to an address that did not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions with a benchmark at one time.
    pub sessions: usize,
    /// Flows of a session that are prepared or run at one time.
    pub flows: usize,
    /// Connections of a flow.
    pub streams: u32,
    /// Longest flow, with its warm-up.
    pub longest: Duration,
    /// Bytes of a flow whose length is known.
    pub length: u64,
    /// Bytes of a flow that are stored at one time, at most half of what is free.
    pub stored: u64,
}

impl Default for Limits {
    /// Eight sessions of two flows, five minutes and 1 TiB for each flow, of which 4 GiB are stored.
    fn default() -> Self {
        Self {
            sessions: 8,
            flows: 2,
            streams: 32,
            longest: Duration::from_secs(300),
            length: 1 << 40,
            stored: 4 << 30,
        }
    }
}

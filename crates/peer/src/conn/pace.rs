use std::time::{Duration, Instant};

/// While others wait for buffers, who holds one has to bring this many bytes a second once it has
/// held it for [`GRACE`], or loses its connection.
const SLOWEST: u64 = 32 << 10;
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How often the engine hears that a long body is still coming: its contract says about a second.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// How a body comes along.
pub(super) struct Pace {
    began: Instant,
    told: Instant,
    got: u64,
    /// Bytes since the engine was told last.
    untold: u64,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            told: now,
            got: 0,
            untold: 0,
        }
    }

    /// Takes note of some bytes, or of none. Returns whether the engine is to hear that the body is
    /// still coming.
    pub(super) fn came(&mut self, bytes: usize) -> bool {
        self.got += bytes as u64;
        self.untold += bytes as u64;
        let now = Instant::now();
        if self.untold == 0 || now.duration_since(self.told) < TICK {
            return false;
        }
        self.told = now;
        self.untold = 0;
        true
    }

    /// Whether it is slower than may be while others wait.
    pub(super) fn is_too_slow(&self) -> bool {
        let held = self.began.elapsed();
        held >= GRACE && self.got < held.as_secs() * SLOWEST
    }
}

use std::time::Duration;

use crate::Instant;

/// The rate to which HTTP makes up what peers bring.
///
/// Every byte pays for the time that it would take at this rate. As long as what came pays beyond
/// the present, HTTP is not needed.
#[derive(Debug)]
pub(crate) struct Floor {
    rate: u64,
    /// Until when what came and was asked for is enough.
    paid: Instant,
}

/// For how long what peers bring too much counts, and what all bring too little (assumed): a
/// shorter time would top up every pause between two pieces, a longer one would let a download
/// stand still for as long as it ran ahead.
const MEMORY: Duration = Duration::from_secs(2);

impl Floor {
    pub(crate) fn new(now: Instant, rate: u64) -> Self {
        Self { rate, paid: now }
    }

    /// Peers brought something.
    pub(crate) fn came(&mut self, now: Instant, bytes: u64) {
        let most = self.paid.max(now + MEMORY);
        self.paid = self.after(now, bytes).min(most);
    }

    /// HTTP was asked for something.
    pub(crate) fn asked(&mut self, now: Instant, bytes: u64) {
        self.paid = self.after(now, bytes);
    }

    /// When HTTP has to be asked for more; `None` for now.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        Some(self.paid).filter(|&at| at > now)
    }

    fn after(&self, now: Instant, bytes: u64) -> Instant {
        let oldest = Instant(now.0.saturating_sub(MEMORY.as_nanos() as u64));
        self.paid.max(oldest) + time_for(bytes, self.rate)
    }
}

/// How long bytes take at a rate. At no rate at all they take for ever.
pub(crate) fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

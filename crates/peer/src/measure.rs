use std::{fmt, sync::Arc};

/// How a download is measured. Only a benchmark has reason to ask for anything but the default.
#[derive(Clone, Default)]
pub struct Measurement {
    /// Whether pieces are verified.
    pub verify: Verify,
    /// Who is told of each piece.
    pub probe: Option<Arc<dyn Probe>>,
}

/// Whether the pieces of a download are verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Every piece is hashed, and counts only when its hash is good.
    #[default]
    On,
    /// **Whatever comes counts as good.** It shows what the exchange costs without the hash, and is
    /// of no other use: never keep what was fetched so.
    Off,
}

/// Is told of the pieces of a download. Called between messages, so it has to be quick.
pub trait Probe: Send + Sync + 'static {
    /// The first request for a piece is about to leave; once for each connection that is asked.
    fn requested(&self, piece: u32);

    /// The piece was verified and kept, as far as that was asked for.
    fn kept(&self, piece: u32);
}

impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measurement")
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}

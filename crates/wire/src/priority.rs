//! Whether somebody waits for a download.

use std::fmt;

use serde::Serialize;

/// Whether a download may be in the way of other traffic. The words and numbers are Delivery
/// Optimization's own, in which every download has one of these priorities (documented).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize)]
pub enum Priority {
    /// 0: nobody waits for it. It takes what nobody else wants.
    #[default]
    Background,
    /// 1: somebody waits for it. As fast as it can.
    Foreground,
}

impl Priority {
    /// The number in the status.
    pub const fn number(self) -> u32 {
        match self {
            Self::Background => 0,
            Self::Foreground => 1,
        }
    }

    /// The name that PowerShell prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

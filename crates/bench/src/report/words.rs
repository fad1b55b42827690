//! What things are called in sentences and tables.

use super::{Direction, Host, Layer, StallReason, Status};

impl Layer {
    /// Its name, as in the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Exchange => "exchange",
            Self::Verified => "verified",
            Self::Stored => "stored",
        }
    }

    /// What it adds to the one below it.
    pub(super) fn adds(self) -> &'static str {
        match self {
            Self::Raw => "the wire",
            Self::Exchange => "the protocol",
            Self::Verified => "hashing",
            Self::Stored => "storing",
        }
    }

    /// What it is made of.
    pub(super) fn contains(self) -> &'static str {
        match self {
            Self::Raw => "the wire",
            Self::Exchange => "wire and protocol",
            Self::Verified => "wire, protocol and hashing",
            Self::Stored => "the whole path",
        }
    }
}

impl Direction {
    /// Its name, as in the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Send => "send",
        }
    }

    /// What this host does.
    pub(super) fn doing(self) -> &'static str {
        match self {
            Self::Receive => "receiving",
            Self::Send => "sending",
        }
    }
}

impl Status {
    /// Its name, as in the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl StallReason {
    /// What the receiver waited for, after "waited for".
    pub(super) fn awaited(self) -> &'static str {
        match self {
            Self::Network => "bytes from the network",
            Self::Choke => "a slot at the sender",
            Self::Request => "something to ask for",
            Self::Buffer => "a free buffer",
            Self::Hash => "the hash",
            Self::Disk => "the disk",
            Self::Limit => "the rate limit",
        }
    }
}

impl Host {
    /// What is known of it, in words: `linux, dolab 0.1.0, 8 cores, sha instructions`.
    pub fn facts(&self) -> String {
        let mut facts: Vec<String> = self.os.iter().cloned().collect();
        facts.extend(
            self.version
                .iter()
                .map(|version| format!("dolab {version}")),
        );
        facts.extend(self.cores.map(|cores| match cores {
            1 => "1 core".to_owned(),
            cores => format!("{cores} cores"),
        }));
        facts.extend(self.sha_instructions.map(|used| {
            let word = if used { "" } else { "no " };
            format!("{word}sha instructions")
        }));
        facts.join(", ")
    }
}

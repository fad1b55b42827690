//! What the peers of a test program log.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use tokio::sync::watch;
use tracing_subscriber::fmt::MakeWriter;

use super::within;

/// The log of a whole test program.
#[derive(Clone)]
pub(crate) struct Log(Arc<watch::Sender<Vec<u8>>>);

impl Log {
    /// The one log of the program.
    pub(crate) fn start() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Self(Arc::default());
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_env_filter("dolab_peer=info")
                .with_writer(log.clone())
                .init();
            log
        });
        log.clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        lines(&self.0.borrow()).map(Into::into).collect()
    }

    /// Waits for a line about `remote` with all these words.
    pub(crate) async fn says(&self, remote: SocketAddr, words: &[&str]) {
        let about = [format!("remote={remote}"), format!("remote=Some({remote})")];
        let wanted = |line: &str| {
            let mut fields = line.split(' ');
            fields.any(|field| about.iter().any(|about| field == about))
                && words.iter().all(|word| line.contains(word))
        };
        self.has(&format!("the log says {words:?} of {remote}"), wanted)
            .await;
    }

    /// Waits for a line.
    pub(crate) async fn has(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let mut log = self.0.subscribe();
        let line = log.wait_for(|bytes| lines(bytes).any(&wanted));
        drop(within(what, line).await.unwrap());
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &str> {
    str::from_utf8(bytes)
        .unwrap()
        .lines()
        .filter(|line| line.contains("dolab_peer"))
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_modify(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

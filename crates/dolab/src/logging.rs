//! Logs, on standard error.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::{EnvFilter, Layer, fmt::MakeWriter, layer::SubscriberExt};

use crate::{
    args::Global,
    output::{Output, colored},
};

/// Starts logging: warnings by default, `-v` information, `-vv` debugging; `RUST_LOG` overrides.
pub(crate) fn start(global: &Global, output: &Output) {
    let default = match global.verbose {
        0 => "warn",
        1 => {
            "dolab=info,dolab_check=info,dolab_cloud=info,dolab_content=info,dolab_device=info,\
             dolab_discovery=info,dolab_peer=info,warn"
        }
        _ => {
            "dolab=debug,dolab_check=debug,dolab_cloud=debug,dolab_content=debug,dolab_device=debug,\
             dolab_discovery=debug,dolab_engine=debug,dolab_http=debug,dolab_peer=debug,info"
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt::layer()
        .with_writer(BesideBars(output.clone()))
        .with_ansi(colored(global.color, io::stderr().is_terminal()))
        .with_target(global.verbose > 1)
        .compact()
        .with_filter(filter);
    let subscriber = tracing_subscriber::registry().with(log);
    // A test that runs several commands in one process has a subscriber already; it stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Writes a line of the log without tearing the progress bars.
struct BesideBars(Output);

impl<'a> MakeWriter<'a> for BesideBars {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            output: &self.0,
            text: Vec::new(),
        }
    }
}

/// Collects one record, which is written when it is dropped.
struct Line<'a> {
    output: &'a Output,
    text: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.output
            .note(String::from_utf8_lossy(&self.text).trim_end());
    }
}

//! The only place that writes to standard output, and the rules for what goes where.
//!
//! For people: the answer on standard output; what happens meanwhile, and errors, on standard
//! error. With `--json`: events and the final document on standard output, one in a line.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    sync::Arc,
};

use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;

use crate::{
    args::{Color, Global},
    failure::Failure,
    render::Style,
};

/// Name and version of the events.
pub const EVENT_SCHEMA: &str = "dolab.event/1";

/// Where a command writes. Cloned freely; all clones share one set of progress bars.
#[derive(Clone, Debug)]
pub struct Output {
    json: bool,
    color: Color,
    bars: Arc<MultiProgress>,
}

impl Output {
    /// Output as the user asked for it.
    pub fn new(global: &Global) -> Self {
        let target = if progress_wanted() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            json: global.json,
            color: global.color,
            bars: Arc::new(MultiProgress::with_draw_target(target)),
        }
    }

    /// Whether standard output carries JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// How text on standard output may look.
    pub fn style(&self) -> Style {
        let colored = !self.json && colored(self.color, io::stdout().is_terminal());
        let width = comfy_table::Table::new()
            .width()
            .unwrap_or(Style::PLAIN.width);
        Style {
            colored,
            width,
            unicode: unicode(),
        }
    }

    /// The progress bars; hidden where standard error is no terminal.
    pub fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Writes text for people, and a line end. Nothing with `--json`.
    pub fn line(&self, text: impl Display) {
        if !self.json {
            self.write(&format!("{text}\n"));
        }
    }

    /// Writes an event: an object with `schema`, `event` and the fields of `fields`. Nothing
    /// without `--json`.
    pub fn event(&self, event: &str, fields: impl Serialize) {
        if !self.json {
            return;
        }
        #[derive(Serialize)]
        struct Event<'a, T> {
            schema: &'static str,
            event: &'a str,
            #[serde(flatten)]
            fields: T,
        }
        self.document(&Event {
            schema: EVENT_SCHEMA,
            event,
            fields,
        });
    }

    /// Writes the final document. Nothing without `--json`.
    pub fn document(&self, document: &impl Serialize) {
        if !self.json {
            return;
        }
        let text = serde_json::to_string(document)
            .expect("our documents have text for keys and no failing parts");
        self.write(&format!("{text}\n"));
    }

    /// Says on standard error what is going on.
    pub fn note(&self, text: impl Display) {
        self.bars.suspend(|| {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr().lock(), "{text}");
        });
    }

    /// Says how the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.note(format_args!("error: {}", failure.error));
        if let Some(code) = &failure.do_error {
            self.note(format_args!("delivery optimization's code: {code}"));
        }
        if let Some(hint) = &failure.hint {
            self.note(format_args!("hint: {hint}"));
        }
        self.document(&failure.document());
    }

    fn write(&self, text: &str) {
        self.bars.suspend(|| {
            let mut stdout = io::stdout().lock();
            // A reader that has seen enough (`dolab check | head -1`) is no reason to fail: the
            // exit code still tells the answer.
            let _ = stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush());
        });
    }
}

/// Whether a stream may carry colours.
pub(crate) fn colored(color: Color, terminal: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        // https://no-color.org: set and not empty.
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()),
    }
}

/// Whether what reads the output takes it for UTF-8, as far as the locale tells.
fn unicode() -> bool {
    // Text goes to a console of Windows by a call that knows no code pages.
    cfg!(windows)
        || ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .filter_map(std::env::var_os)
            .find(|locale| !locale.is_empty())
            .is_some_and(|locale| {
                let locale = locale.to_string_lossy().to_ascii_lowercase();
                locale.contains("utf-8") || locale.contains("utf8")
            })
}

/// Bars are for a terminal that can redraw a line.
fn progress_wanted() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

//! Sessions that this host serves: checks of others, and their questions about contents. The station
//! tells of them in its log, and there only.

use std::fmt::Debug;

use serde::Serialize;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, filter::filter_fn, layer::Context, registry::LookupSpan};

use crate::{escape::escape, output::Output};

/// Where the station's records of them come from.
const TARGET: &str = "dolab_check::session::answerer";

/// Turns those records into lines and events of the program.
pub(crate) fn layer<S>(output: Output) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let wanted =
        |record: &Metadata<'_>| record.target() == TARGET && *record.level() <= Level::INFO;
    Served(output).with_filter(filter_fn(wanted))
}

struct Served(Output);

impl<S: Subscriber> Layer<S> for Served {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut record = Record::default();
        event.record(&mut record);
        let Some(name) = record.event() else { return };
        self.0.line(record.line());
        self.0.event(name, &record);
    }
}

/// One record.
#[derive(Default, Serialize)]
struct Record {
    #[serde(skip)]
    message: String,
    remote: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Record {
    /// The event that it stands for.
    fn event(&self) -> Option<&'static str> {
        match self.message.as_str() {
            "check session" => Some("session-began"),
            "check session ended" => Some("session-ended"),
            "declined" => Some("session-declined"),
            _ => None,
        }
    }

    fn line(&self) -> String {
        let Self {
            remote,
            host,
            version,
            why,
            ..
        } = self;
        let text = match (host, why) {
            (Some(host), _) => {
                let version = version.as_deref().unwrap_or("of an unknown version");
                format!("{remote}: session with {host}, dolab {version}")
            }
            (None, Some(why)) => format!("{remote}: declined: {why}"),
            (None, None) => format!("{remote}: session ended"),
        };
        escape(&text).into_owned()
    }
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        // Texts come in quotes, with everything escaped that needs it.
        let text = text.trim_matches('"').to_owned();
        match field.name() {
            "message" => self.message = text,
            "remote" => self.remote = text,
            "host" => self.host = Some(text),
            "version" => self.version = Some(text),
            "why" => self.why = Some(text),
            _ => {}
        }
    }
}

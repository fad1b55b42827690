//! One line, or one JSON event, for each thing that happens to a peer.

use std::net::SocketAddr;

use dolab_check::{SessionEvent, evidence::ExchangeEnd, report::PathId};
use dolab_content::ContentId;
use dolab_engine::{CloseReason, Event as Exchange};
use dolab_peer::Event;
use serde::Serialize;

use super::sharing::Names;
use crate::{escape::escape, output::Output, units::Size};

/// What an event says; what it does not say is left out.
#[derive(Default, Serialize)]
struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
}

pub(super) fn tell(event: &Event, names: &Names, output: &Output) {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not shown to people may grow"
    )]
    match event {
        Event::Exchange(Exchange::PeerJoined {
            remote, content, ..
        }) => {
            let what = called(content, names);
            output.line(format_args!("{remote}: connected for {what}"));
            let fields = Fields {
                remote: Some(remote.to_string()),
                content: Some(content.to_string()),
                ..Fields::default()
            };
            output.event("peer-joined", fields);
        }
        Event::Exchange(Exchange::PeerLeft {
            remote,
            content,
            why,
            bytes_up,
            bytes_down,
            ..
        }) => {
            let what = content.map_or_else(String::new, |content| {
                format!(" of {}", called(&content, names))
            });
            let moved = moved(*bytes_up, *bytes_down);
            let end = ended(why);
            output.line(format_args!("{remote}: {moved}{what}{}", escape(&end)));
            let fields = Fields {
                remote: Some(remote.to_string()),
                content: content.map(|content| content.to_string()),
                sent_bytes: Some(*bytes_up),
                received_bytes: Some(*bytes_down),
                why: Some(why.to_string()),
                ..Fields::default()
            };
            output.event("peer-left", fields);
        }
        Event::SourceFailed { content, error, .. } => {
            let what = called(content, names);
            output.line(format_args!("{what} can not be read: {error}"));
            let fields = Fields {
                content: Some(content.to_string()),
                why: Some(error.to_string()),
                ..Fields::default()
            };
            output.event("source-failed", fields);
        }
        _ => {}
    }
}

/// What others do in their sessions.
pub(super) fn tell_session(event: &SessionEvent, output: &Output) {
    let (name, line, fields) = match event {
        SessionEvent::Began {
            remote,
            host,
            version,
            ..
        } => {
            let fields = Fields {
                host: Some(host.clone()),
                version: Some(version.clone()),
                ..of_session(remote)
            };
            let line = format!("{remote}: session with {host}, dolab {version}");
            ("session-began", line, fields)
        }
        SessionEvent::Probed { remote, path, open } => {
            let fields = Fields {
                path: Some(*path),
                open: Some(*open),
                ..of_session(remote)
            };
            let answer = if *open { "answers" } else { "does not answer" };
            let line = format!("{remote}: called back on {path}, which {answer}");
            ("session-probed", line, fields)
        }
        SessionEvent::Received { remote, bytes, end } => {
            let complete = *end == ExchangeEnd::Complete;
            let word = if complete { "all" } else { "only" };
            let fields = Fields {
                received_bytes: Some(*bytes),
                complete: Some(complete),
                ..of_session(remote)
            };
            let line = format!(
                "{remote}: its content was verified: {word} {}",
                Size(*bytes)
            );
            ("session-received", line, fields)
        }
        SessionEvent::Declined { remote, why } => {
            let fields = Fields {
                why: Some(why.to_string()),
                ..of_session(remote)
            };
            (
                "session-declined",
                format!("{remote}: declined: {why}"),
                fields,
            )
        }
        SessionEvent::Ended { remote } => {
            let line = format!("{remote}: session ended");
            ("session-ended", line, of_session(remote))
        }
        _ => return,
    };
    output.line(escape(&line));
    output.event(name, fields);
}

fn of_session(remote: &SocketAddr) -> Fields {
    Fields {
        remote: Some(remote.to_string()),
        ..Fields::default()
    }
}

/// A content as the user knows it. What the user did not name was made up for a check.
fn called(content: &ContentId, names: &Names) -> String {
    names.get(content).map_or_else(
        || "a check's content".to_owned(),
        |name| escape(name).into_owned(),
    )
}

fn moved(up: u64, down: u64) -> String {
    match (up, down) {
        (0, 0) => "moved nothing".to_owned(),
        (up, 0) => format!("sent {}", Size(up)),
        (0, down) => format!("received {}", Size(down)),
        (up, down) => format!("sent {}, received {}", Size(up), Size(down)),
    }
}

/// How a connection ended, where that is worth a word.
fn ended(why: &CloseReason) -> String {
    let in_order = matches!(
        why,
        CloseReason::Closed | CloseReason::NothingToDo | CloseReason::Stopped
    );
    if in_order {
        String::new()
    } else {
        format!(": {why}")
    }
}

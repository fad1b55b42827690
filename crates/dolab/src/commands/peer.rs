//! `dolab peer`.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use dolab_check::{Station, report::PathId};
use dolab_content::ContentId;
use dolab_engine::{CloseReason, Event as Exchange};
use dolab_peer::{AddError, Event};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    args::{PeerArgs, SyntheticSpec},
    commands::block_on,
    escape::escape,
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    offer::{self, Offer},
    output::Output,
    station::{self, Listening},
    units::{self, Size},
};

pub(crate) fn run(args: &PeerArgs, output: &Output) -> CommandResult {
    let config = station::config(&args.listen, &args.access, args.access.key()?);
    block_on(async {
        let station = station::start(config).await?;
        let result = serve(args, &station, output).await;
        station.stop().await;
        result
    })?
}

async fn serve(args: &PeerArgs, station: &Station, output: &Output) -> CommandResult {
    let began = Instant::now();
    let mut stop = std::pin::pin!(interrupted());
    let me = listen(args, station, output)?;
    tokio::select! {
        shared = share_all(args, station, &me, output) => shared?,
        Ok(()) = &mut stop => return goodbye(station, began, output).await,
    }
    #[derive(Serialize)]
    struct Ready {
        port: u16,
    }
    output.event("ready", Ready { port: me.port });
    output.line("ready: Ctrl-C ends it");
    let mut events = station.peer().subscribe();
    loop {
        tokio::select! {
            Ok(()) = &mut stop => return goodbye(station, began, output).await,
            event = events.recv() => match event {
                Ok(event) => tell(&event, output),
                Err(RecvError::Lagged(missed)) => {
                    output.note(format_args!("{missed} events were too many to show"));
                }
                Err(RecvError::Closed) => return goodbye(station, began, output).await,
            },
        }
    }
}

/// How others reach this host.
struct Me {
    port: u16,
    dial: String,
}

/// Says where it listens, and where it can not. Without its own port a peer is none.
fn listen(args: &PeerArgs, station: &Station, output: &Output) -> Result<Me, Failure> {
    let addresses = station.addresses();
    let listeners = station::listening(station);
    let Some(port) = station.port(PathId::Tcp7680) else {
        let exchange = PathId::Tcp7680.to_string();
        let why = listeners
            .iter()
            .find(|listener| listener.path == exchange)
            .and_then(|listener| listener.why_not.as_deref());
        return Err(Failure::cannot_run(format!(
            "can not listen on tcp port {}: {}",
            args.listen.port,
            why.unwrap_or("the system does not say why")
        ))
        .hint("--port takes another port, and 0 any free one"));
    };
    let dial = station::dial_text(addresses.first(), port);
    let host = dolab_discovery::host_name();
    let (open, closed): (Vec<&Listening>, Vec<_>) =
        listeners.iter().partition(|listener| listener.open);
    let what: Vec<_> = open.iter().map(|listener| listener.what()).collect();
    let at: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    output.line(format_args!(
        "listening: {} on {}",
        what.join(", "),
        escape(&at.join(", "))
    ));
    for listener in closed {
        let why = listener.why_not.as_deref().unwrap_or_default();
        output.line(format_args!(
            "not listening: {}: {}",
            listener.what(),
            escape(why)
        ));
    }
    output.line(format_args!("on the other host: dolab check {dial}"));
    #[derive(Serialize)]
    struct Fields<'a> {
        host: &'a str,
        port: u16,
        addresses: &'a [String],
        listeners: &'a [Listening],
    }
    let fields = Fields {
        host: &host,
        port,
        addresses: &at,
        listeners: &listeners,
    };
    output.event("listening", fields);
    Ok(Me { port, dial })
}

async fn share_all(
    args: &PeerArgs,
    station: &Station,
    me: &Me,
    output: &Output,
) -> Result<(), Failure> {
    for path in &args.share {
        let (open, to) = (path.clone(), output.clone());
        let offer = blocking(move || offer::file(&open, &to)).await?;
        share(args, station, me, offer, Some(path), output).await?;
    }
    for &spec in &args.share_synthetic {
        let to = output.clone();
        let make = move |SyntheticSpec { .. }| offer::synthetic(spec, &to);
        let offer = blocking(move || make(spec)).await?;
        share(args, station, me, offer, None, output).await?;
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("hashing does not panic")
}

async fn share(
    args: &PeerArgs,
    station: &Station,
    me: &Me,
    offer: Offer,
    path: Option<&PathBuf>,
    output: &Output,
) -> Result<(), Failure> {
    let hash_file = match &args.hash_file_dir {
        Some(folder) => Some(offer::write_hash_file(&offer, folder)?),
        None => None,
    };
    let (id, name) = (offer.hashes.id(), offer.name.clone());
    let bytes = offer.hashes.layout().length();
    let shared = dolab_peer::Shared {
        name: offer.name,
        hashes: offer.hashes,
        source: offer.source,
    };
    match station.share(shared).await {
        Ok(_) => {}
        Err(AddError::Known(_)) => {
            output.note(format_args!(
                "{}: the same content is shared already",
                escape(&name)
            ));
        }
        Err(error) => return Err(Failure::cannot_run(error)),
    }
    output.line(format_args!("sharing: {}, {}", escape(&name), Size(bytes)));
    output.line(format_args!("  {id}"));
    output.line(format_args!(
        "  on the other host: dolab fetch {id} --from {}",
        me.dial
    ));
    tell_sharing(
        id,
        &name,
        bytes,
        path.map(PathBuf::as_path),
        hash_file.as_deref(),
        output,
    );
    Ok(())
}

fn tell_sharing(
    id: ContentId,
    name: &str,
    bytes: u64,
    path: Option<&Path>,
    hash_file: Option<&Path>,
    output: &Output,
) {
    #[derive(Serialize)]
    struct Fields<'a> {
        id: String,
        name: &'a str,
        bytes: u64,
        path: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pieces_hash_file: Option<String>,
    }
    output.event(
        "sharing",
        Fields {
            id: id.to_string(),
            name,
            bytes,
            path: path.map(|path| path.display().to_string()),
            pieces_hash_file: hash_file.map(|path| path.display().to_string()),
        },
    );
}

/// One line for each thing that happens.
fn tell(event: &Event, output: &Output) {
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
    }
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not shown to people may grow"
    )]
    match event {
        Event::Exchange(Exchange::PeerJoined {
            remote, content, ..
        }) => {
            output.line(format_args!("{remote}: connected for {}", short(content)));
            let (remote, content) = (Some(remote.to_string()), Some(content.to_string()));
            output.event(
                "peer-joined",
                Fields {
                    remote,
                    content,
                    ..Fields::default()
                },
            );
        }
        Event::Exchange(Exchange::PeerLeft {
            remote,
            content,
            why,
            bytes_up,
            bytes_down,
            ..
        }) => {
            let moved = match (bytes_up, bytes_down) {
                (0, 0) => "moved nothing".to_owned(),
                (up, 0) => format!("sent {}", Size(*up)),
                (0, down) => format!("received {}", Size(*down)),
                (up, down) => format!("sent {}, received {}", Size(*up), Size(*down)),
            };
            let what = content.as_ref().map(short).unwrap_or_default();
            output.line(format_args!(
                "{remote}: {moved} {what}: {}",
                escape(&gone(why))
            ));
            let fields = Fields {
                remote: Some(remote.to_string()),
                content: content.map(|content| content.to_string()),
                sent_bytes: Some(*bytes_up),
                received_bytes: Some(*bytes_down),
                why: Some(why.to_string()),
            };
            output.event("peer-left", fields);
        }
        Event::SourceFailed { content, error, .. } => {
            output.line(format_args!(
                "{} can not be read: {}",
                short(content),
                error
            ));
            let (content, why) = (Some(content.to_string()), Some(error.to_string()));
            output.event(
                "source-failed",
                Fields {
                    content,
                    why,
                    ..Fields::default()
                },
            );
        }
        _ => {}
    }
}

/// The first digits of an id: enough for a person to tell contents apart.
fn short(content: &ContentId) -> String {
    let mut text = content.to_string();
    text.truncate(8);
    text
}

fn gone(why: &CloseReason) -> String {
    if matches!(why, CloseReason::Closed | CloseReason::NothingToDo) {
        "done".to_owned()
    } else {
        why.to_string()
    }
}

/// The last line, and the final document.
async fn goodbye(station: &Station, began: Instant, output: &Output) -> CommandResult {
    let counters = station
        .peer()
        .snapshot()
        .await
        .map(|snapshot| snapshot.engine);
    let (sent, received) =
        counters.map_or((0, 0), |counters| (counters.bytes_up, counters.bytes_down));
    let uptime = began.elapsed();
    output.line(format_args!(
        "stopped: ran {}, sent {}, received {}",
        units::span(uptime),
        Size(sent),
        Size(received)
    ));
    #[derive(Serialize)]
    struct Document {
        schema: &'static str,
        uptime_seconds: u64,
        sent_bytes: u64,
        received_bytes: u64,
    }
    output.document(&Document {
        schema: "dolab.peer/1",
        uptime_seconds: uptime.as_secs(),
        sent_bytes: sent,
        received_bytes: received,
    });
    Ok(Exit::Good)
}

//! `dolab peer`.

mod events;
mod served;
mod sharing;

use std::time::Instant;

use dolab_check::{Station, report::PathId};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    args::PeerArgs,
    commands::block_on,
    escape::escape,
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    output::Output,
    station::{self, Listening},
    units::{self, Size},
};

pub(crate) use self::served::layer as served;

pub(crate) fn run(args: &PeerArgs, output: &Output) -> CommandResult {
    let config = station::config(&args.listen, &args.access, args.access.key()?);
    block_on(async {
        let began = Instant::now();
        let station = station::start(config).await?;
        let served = serve(args, &station, output).await;
        let snapshot = station.peer().snapshot().await;
        // Until it has stopped, others' sessions still have their last words.
        station.stop().await;
        served?;
        goodbye(began, snapshot.map(|snapshot| snapshot.engine), output);
        Ok(Exit::Good)
    })?
}

/// Serves until the user or the system wants it to end.
async fn serve(args: &PeerArgs, station: &Station, output: &Output) -> Result<(), Failure> {
    let mut stop = std::pin::pin!(interrupted());
    let me = listen(args, station, output)?;
    // Others may come as soon as the first content is shared.
    let mut events = station.peer().subscribe();
    let names = tokio::select! {
        names = sharing::share_all(args, station, &me.dial, output) => names?,
        Ok(()) = &mut stop => return Ok(()),
    };
    #[derive(Serialize)]
    struct Ready {
        port: u16,
    }
    output.event("ready", Ready { port: me.port });
    output.line("ready: Ctrl-C ends it");
    loop {
        tokio::select! {
            Ok(()) = &mut stop => return Ok(()),
            event = events.recv() => match event {
                Ok(event) => events::tell(&event, &names, output),
                Err(RecvError::Lagged(missed)) => {
                    output.note(format_args!("{missed} events were too many to show"));
                }
                Err(RecvError::Closed) => return Ok(()),
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
    let host = dolab_host::host_name();
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
    if !args.listen.no_announce && station.port(PathId::Udp5353).is_some() {
        output.line(format_args!("announced: {} by dns-sd", escape(&host)));
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

/// The last line, and the final document.
fn goodbye(began: Instant, counters: Option<dolab_engine::Counters>, output: &Output) {
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
}

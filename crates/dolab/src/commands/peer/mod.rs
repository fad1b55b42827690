//! `dolab peer`.

mod events;
mod sharing;

use std::{convert::Infallible, sync::Arc, time::Instant};

use dolab_bench::{Limits, Server};
use dolab_check::{SessionEvent, Station, report::PathId};
use dolab_device::Device;
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    args::PeerArgs,
    commands::block_on,
    device,
    escape::escape,
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    output::Output,
    station::{self, Listening},
    units::{self, Size},
};

pub(crate) fn run(args: &PeerArgs, output: &Output) -> CommandResult {
    let mut config = station::config(
        &args.device.listen,
        &args.device.access,
        args.device.access.key()?,
    );
    config.relay = args.device.site.relay(args.device.access.allow_public)?;
    if !args.no_bench {
        let store = args.bench_store.clone().unwrap_or_else(std::env::temp_dir);
        config.bench = Some(Arc::new(Server::new(Limits::default(), store)));
    }
    block_on(async {
        let began = Instant::now();
        let station = station::start(config).await?;
        let mut sessions = station.subscribe();
        let device = device(args, &station, output).await?;
        let served = tokio::select! {
            served = serve(args, &station, &mut sessions, output) => served,
            never = offered(device.as_ref(), output) => match never {},
        };
        if let Some(device) = device {
            device.stop().await;
        }
        let snapshot = station.peer().snapshot().await;
        // Until it has stopped, others' sessions still have their last words.
        station.stop().await;
        while let Ok(event) = sessions.try_recv() {
            events::tell_session(&event, output);
        }
        served?;
        goodbye(began, snapshot.map(|snapshot| snapshot.engine), output);
        Ok(Exit::Good)
    })?
}

/// The device whose cache is shared, where a state folder is named: registered with the cloud, if
/// there is one.
async fn device(
    args: &PeerArgs,
    station: &Station,
    output: &Output,
) -> Result<Option<Device>, Failure> {
    if args.device.state.state.is_none() {
        return Ok(None);
    }
    let mut config = device::config(&args.device, output)?;
    // The station announces, for itself and for the device.
    config.discovery = None;
    let device = Device::with_peer(config, station.peer().clone())
        .await
        .map_err(|error| device::not_started(&error))?;
    station.announce().await;
    let files = device.view().state.files;
    let cached = files.iter().filter(|file| file.is_cached());
    for file in cached {
        output.line(format_args!(
            "sharing from the cache: {}, {}\n  {}",
            escape(&file.name),
            Size(file.status.file_size),
            file.status.file_id
        ));
    }
    Ok(Some(device))
}

/// Tells what of a device's cache the cloud has come to offer, for as long as it is polled.
async fn offered(device: Option<&Device>, output: &Output) -> Infallible {
    let Some(device) = device else {
        return std::future::pending().await;
    };
    let files = device.view().state.files;
    let cached = files.iter().filter(|file| file.is_cached());
    device::tell_when_offered(device, cached.filter_map(|file| file.content), output).await
}

/// Serves until the user or the system wants it to end.
async fn serve(
    args: &PeerArgs,
    station: &Station,
    sessions: &mut broadcast::Receiver<SessionEvent>,
    output: &Output,
) -> Result<(), Failure> {
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
                Err(RecvError::Lagged(missed)) => missing(missed, output),
                Err(RecvError::Closed) => return Ok(()),
            },
            event = sessions.recv() => match event {
                Ok(event) => events::tell_session(&event, output),
                Err(RecvError::Lagged(missed)) => missing(missed, output),
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

fn missing(events: u64, output: &Output) {
    output.note(format_args!("{events} events were too many to show"));
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
    let port = station::exchange_port(station, args.device.listen.port)?;
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
    if !args.device.listen.no_announce && station.port(PathId::Udp5353).is_some() {
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

//! `dolab cloud`.

mod contents;

use std::{net::IpAddr, time::Instant};

use dolab_cloud::{
    CacheConfig, Cloud, CloudConfig, CloudPorts, ServiceConfig, StartError, hosts_file,
};
use serde::Serialize;

use crate::{
    args::{CloudArgs, CloudTold},
    exit::Exit,
    failure::{CommandResult, Failure},
    interrupt::interrupted,
    output::Output,
    units,
};

pub(crate) fn run(args: &CloudArgs, output: &Output) -> CommandResult {
    if args.print_hosts {
        return print_hosts(args, output);
    }
    let config = config(args)?;
    // The service answers many at once, and TLS costs time: as many threads as there are cores.
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::cannot_run(format!("the runtime can not start: {error}")))?;
    let result = runtime.block_on(serve(args, config, output));
    // What still hashes has nobody left to tell.
    runtime.shutdown_background();
    result
}

fn config(args: &CloudArgs) -> Result<CloudConfig, Failure> {
    let (listening, cache) = (&args.listening, &args.cache);
    let offset = listening.port_offset;
    let shifted = |port: u16| match port {
        0 => Ok(Some(0)),
        _ => port.checked_add(offset).map(Some).ok_or_else(|| {
            Failure::wrong_use(format!(
                "--port-offset {offset}: {port} and {offset} make no port"
            ))
        }),
    };
    let origins = cache.cache_origin.iter();
    Ok(CloudConfig {
        listen: listening.listen.clone(),
        ports: CloudPorts {
            https: shifted(listening.https)?,
            http: shifted(listening.http)?,
            quic: shifted(listening.quic)?,
            metrics: listening.metrics,
        },
        names: listening.name.clone(),
        allow_public: listening.allow_public,
        trust_forwarded: listening.trust_forwarded,
        service: service(&args.told),
        renew_after: args.told.renew_after,
        cache: CacheConfig {
            bytes: cache.cache_size.0,
            origins: origins.map(|it| (it.name.clone(), it.addr)).collect(),
        },
        faults: args.fault.clone(),
        state: args.state.clone(),
        access_log: args.access_log.clone(),
        ..CloudConfig::default()
    })
}

fn service(told: &CloudTold) -> ServiceConfig {
    let observed = ServiceConfig::default();
    ServiceConfig {
        country_code: told.country.clone(),
        cache_host: told.cache_host.clone(),
        cache_host_flag: told.cache_host_flag,
        download_mode_fail_safe: told.download_mode_fail_safe.clone(),
        registered_callers: match &told.caller[..] {
            [] => observed.registered_callers,
            [any] if any == "any" => None,
            callers => Some(callers.to_vec()),
        },
    }
}

/// Serves until the user or the system wants it to end.
async fn serve(args: &CloudArgs, config: CloudConfig, output: &Output) -> CommandResult {
    let began = Instant::now();
    let mut stop = std::pin::pin!(interrupted());
    let cloud = Cloud::start(config)
        .await
        .map_err(|error| not_started(&error))?;
    let said = tokio::select! {
        said = introduce(args, &cloud, output) => said,
        Ok(()) = &mut stop => Ok(()),
    };
    if said.is_ok() {
        let ports = Ports::of(&cloud);
        output.event("ready", ports);
        output.line("ready: Ctrl-C ends it");
        // Without a way to be told, it runs until it is killed.
        if stop.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
    cloud.stop().await;
    said?;
    goodbye(began, output);
    Ok(Exit::Good)
}

fn not_started(error: &StartError) -> Failure {
    let port = matches!(
        error,
        StartError::PortTaken { .. }
            | StartError::PermissionDenied { .. }
            | StartError::Listen { .. }
    );
    let failure = Failure::cannot_run(error);
    if port {
        failure.hint("--https, --http and --quic take other ports, --port-offset moves all three")
    } else {
        failure
    }
}

/// Says where it listens, what devices have to trust, and what it serves.
async fn introduce(args: &CloudArgs, cloud: &Cloud, output: &Output) -> Result<(), Failure> {
    let addresses = cloud.addresses();
    let ports = Ports::of(cloud);
    let shown = [
        ("https", ports.https),
        ("http", ports.http),
        ("quic", ports.quic),
        ("metrics", ports.metrics),
    ];
    let shown: Vec<_> = shown
        .iter()
        .filter_map(|(name, port)| port.map(|port| format!("{name} {port}")))
        .collect();
    let at: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    output.line(format_args!(
        "listening: {} on {}",
        shown.join(", "),
        at.join(", ")
    ));
    let base = Base::of(cloud, &addresses);
    let pem = cloud.authority_pem();
    if let Some(path) = &args.ca_out {
        std::fs::write(path, &pem).map_err(|error| {
            Failure::cannot_run(format!("--ca-out {}: {error}", path.display()))
                .hint("name a file that can be written to")
        })?;
        output.line(format_args!("authority: {}", path.display()));
    } else {
        output.line(format_args!("authority: {}", base.authority));
    }
    output.line("  the certificate that devices have to trust");
    output.line(format_args!("on a device: --cloud {}", base.cloud));
    #[derive(Serialize)]
    struct Fields<'a> {
        addresses: &'a [IpAddr],
        #[serde(flatten)]
        ports: Ports,
        url: &'a str,
        authority_url: &'a str,
        authority_file: Option<String>,
        authority_pem: &'a str,
    }
    output.event(
        "listening",
        Fields {
            addresses: &addresses,
            ports,
            url: &base.cloud,
            authority_url: &base.authority,
            authority_file: args.ca_out.as_ref().map(|path| path.display().to_string()),
            authority_pem: &pem,
        },
    );
    contents::share_all(args, cloud, &base, output).await
}

/// URLs by which a device reaches the cloud without names.
struct Base {
    cloud: String,
    content: String,
    authority: String,
}

impl Base {
    fn of(cloud: &Cloud, addresses: &[IpAddr]) -> Self {
        // What another host can reach comes first.
        let own = |addr: &&IpAddr| !addr.is_loopback();
        let addr = addresses.iter().find(own).or_else(|| addresses.first());
        let host = match addr {
            Some(IpAddr::V6(addr)) => format!("[{addr}]"),
            Some(addr) => addr.to_string(),
            None => "localhost".to_owned(),
        };
        let url = |scheme: &str, usual: u16, port: Option<u16>| match port {
            Some(port) if port != usual => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        };
        let ports = cloud.ports();
        let content = url("http", 80, ports.http);
        Self {
            cloud: url("https", 443, ports.https),
            authority: format!("{content}{}", dolab_cloud::AUTHORITY_PATH),
            content,
        }
    }
}

/// The ports that are open.
#[derive(Clone, Copy, Serialize)]
struct Ports {
    https: Option<u16>,
    http: Option<u16>,
    quic: Option<u16>,
    metrics: Option<u16>,
}

impl Ports {
    fn of(cloud: &Cloud) -> Self {
        let CloudPorts {
            https,
            http,
            quic,
            metrics,
        } = cloud.ports();
        Self {
            https,
            http,
            quic,
            metrics,
        }
    }
}

fn print_hosts(args: &CloudArgs, output: &Output) -> CommandResult {
    let addresses = dolab_cloud::own_addresses(&args.listening.listen);
    let own = |addr: &&IpAddr| !addr.is_loopback();
    let addr = addresses.iter().find(own).or_else(|| addresses.first());
    let addr = *addr.ok_or_else(|| {
        Failure::cannot_run("this host has no address").hint("name one with --listen")
    })?;
    output.line(hosts_file(addr).trim_end());
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        address: IpAddr,
        names: Vec<&'a str>,
    }
    output.document(&Document {
        schema: "dolab.hosts/1",
        address: addr,
        names: dolab_cloud::HOSTS.iter().map(|(name, _)| *name).collect(),
    });
    Ok(Exit::Good)
}

/// The last line, and the final document.
fn goodbye(began: Instant, output: &Output) {
    let uptime = began.elapsed();
    output.line(format_args!("stopped: ran {}", units::span(uptime)));
    #[derive(Serialize)]
    struct Document {
        schema: &'static str,
        uptime_seconds: u64,
    }
    output.document(&Document {
        schema: "dolab.cloud/1",
        uptime_seconds: uptime.as_secs(),
    });
}

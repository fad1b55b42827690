//! The running service.

mod names;

pub use names::own_addresses;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Authority, CloudConfig, CloudPorts, Content, ServiceConfig, StartError,
    access::Access,
    cache::Cache,
    catalogue::Catalogue,
    faults::Faults,
    metrics::Figures,
    net::{self, Gate, Places},
    registrations::Registrations,
    relay::Relay,
    service::{Front, MetricsFront},
    state::Opened,
    tls::{self, Resolver},
};

/// A simulated Delivery Optimization service. Dropped, it goes on until its runtime ends; stop it
/// with [`Cloud::stop`].
#[derive(Debug)]
pub struct Cloud {
    shared: Arc<Shared>,
    addresses: Vec<IpAddr>,
}

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) service: ServiceConfig,
    pub(crate) trust_forwarded: bool,
    /// What is open.
    pub(crate) ports: CloudPorts,
    pub(crate) gate: Gate,
    pub(crate) catalogue: Catalogue,
    pub(crate) registrations: Registrations,
    pub(crate) cache: Cache,
    pub(crate) relay: Relay,
    pub(crate) access: Arc<Access>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) authority_pem: String,
}

impl Shared {
    /// What Prometheus reads.
    pub(crate) fn metrics_text(&self) -> String {
        let counts = self.registrations.counts();
        let (cache_bytes, cache_hits, cache_misses) = self.cache.counts();
        let (stations, tunnels) = self.relay.counts();
        let faults = self.faults.all();
        self.access.metrics.text(&Figures {
            connections: self.gate.places.taken(),
            registrations: counts.registrations,
            contents: counts.contents,
            directory_bytes: counts.bytes,
            cache_bytes,
            cache_hits,
            cache_misses,
            faults: faults
                .iter()
                .map(|(_, _, happened)| u64::from(*happened))
                .sum(),
            stations,
            tunnels,
        })
    }
}

impl Cloud {
    /// Opens the ports and starts to serve. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When a port, a file or a certificate can not be had. Nothing stays open then.
    #[expect(
        clippy::unused_async,
        reason = "it needs a runtime around it, which a future makes sure of"
    )]
    pub async fn start(config: CloudConfig) -> Result<Self, StartError> {
        let faults = Arc::new(Faults::default());
        for fault in config.faults {
            faults.set(fault)?;
        }
        let mut opened = match &config.state {
            Some(path) => Some(Opened::open(path)?),
            None => None,
        };
        let kept = opened.as_mut().and_then(|opened| opened.authority.take());
        let known = kept.is_some() && config.authority.is_none();
        let authority = match config.authority.or(kept) {
            Some(authority) => authority,
            None => Authority::generate()?,
        };
        if let (Some(opened), Some(path), false) = (&opened, &config.state, known) {
            opened.keep_authority(path, &authority)?;
        }
        let names = names::of_certificate(&config.listen, &config.names);
        let resolver = Arc::new(Resolver::new(&authority, &names, Arc::clone(&faults))?);
        let wrong = |error: rustls::Error| StartError::Tls(error.to_string());
        let tcp_tls = tls::for_tcp(&resolver).map_err(wrong)?;
        let quic_tls = tls::for_quic(&resolver).map_err(wrong)?;

        let on = &config.listen[..];
        let open = |port: Option<u16>| port.map(|port| net::listen(port, on)).transpose();
        let https = open(config.ports.https)?;
        let http = open(config.ports.http)?;
        let quic = config.ports.quic.map(|port| net::bind(port, on));
        let quic = quic.transpose()?;

        // What is counted here is for this host, unless an address was named.
        let local = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let near = if on.is_empty() { &local[..] } else { on };
        let metrics = config.ports.metrics.map(|port| net::listen(port, near));
        let metrics = metrics.transpose()?;
        let access = Access::new(config.access_log.as_deref()).map_err(|source| {
            let path = config.access_log.clone().unwrap_or_default();
            StartError::File { path, source }
        })?;
        let access = Arc::new(access);

        let gate = Gate {
            refused: access.metrics.refused_connections.clone(),
            handshakes: access.metrics.quic_handshakes.clone(),
            places: Places::new(config.limits.connections, config.limits.connections_of_one),
            limits: Arc::new(config.limits),
            allow_public: config.allow_public,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
        };
        let http_port = http.as_ref().map(|(port, _)| *port);
        let own = http_port.map(|port| SocketAddr::new(self_address(on), port));
        let cache = Cache::new(config.cache, own, config.allow_public);
        let most = gate.limits.registration_bytes;
        let mut registrations = Registrations::new(config.seed, most, config.renew_after);
        if let Some(mut opened) = opened {
            let records = std::mem::take(&mut opened.records);
            registrations = registrations.restore(&records, |lifetime| opened.start(lifetime));
        }
        let relay = Relay::new(Arc::clone(&gate.limits));
        let shared = Arc::new(Shared {
            service: config.service,
            trust_forwarded: config.trust_forwarded,
            ports: CloudPorts {
                https: https.as_ref().map(|(port, _)| *port),
                http: http_port,
                quic: quic.as_ref().map(|(port, _)| *port),
                metrics: metrics.as_ref().map(|(port, _)| *port),
            },
            gate,
            catalogue: Catalogue::default(),
            cache,
            relay,
            access,
            registrations,
            faults,
            authority_pem: authority.pem(),
        });
        for content in config.contents {
            shared.catalogue.add(content);
        }
        let front = Front(Arc::clone(&shared));
        let gate = &shared.gate;
        let failed = |protocol, port| {
            move |source| StartError::Listen {
                protocol,
                port,
                on: Vec::new(),
                source,
            }
        };
        for (port, listeners, tls) in [(https, Some(TlsAcceptor::from(tcp_tls))), (http, None)]
            .into_iter()
            .filter_map(|(bound, tls)| bound.map(|(port, listeners)| (port, listeners, tls)))
        {
            for listener in listeners {
                net::serve(listener, tls.clone(), gate, front.clone())
                    .map_err(failed("tcp", port))?;
            }
        }
        if let Some((port, listeners)) = metrics {
            let front = MetricsFront(Arc::clone(&shared));
            for listener in listeners {
                net::serve(listener, None, gate, front.clone()).map_err(failed("tcp", port))?;
            }
        }
        if let Some((port, sockets)) = quic {
            for socket in sockets {
                net::serve_quic(socket, quic_tls.clone(), gate).map_err(failed("udp", port))?;
            }
        }
        let addresses = own_addresses(&config.listen);
        Ok(Self { shared, addresses })
    }

    /// The ports that are open.
    pub fn ports(&self) -> CloudPorts {
        self.shared.ports
    }

    /// The certificate of the authority, in PEM: what devices have to trust.
    pub fn authority_pem(&self) -> String {
        self.shared.authority_pem.clone()
    }

    /// The addresses that it listens on: all that this host has, unless it was told which.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.addresses.clone()
    }

    /// Adds a content, or replaces the one with the same id.
    pub fn share(&self, content: Content) -> Arc<Content> {
        self.shared.catalogue.add(content)
    }

    /// All contents, in the order of their ids.
    pub fn contents(&self) -> Vec<Arc<Content>> {
        self.shared.catalogue.all()
    }

    /// What goes wrong on purpose: can be set and taken back at any time.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Figures as Prometheus reads them, in the OpenMetrics text form.
    pub fn metrics(&self) -> String {
        self.shared.metrics_text()
    }

    /// Lets nobody in any more, gives answers under way their time, and ends.
    pub async fn stop(self) {
        let gate = &self.shared.gate;
        gate.stop.cancel();
        gate.tasks.close();
        if timeout(gate.limits.drain, gate.tasks.wait()).await.is_err() {
            tracing::info!("answers under way were cut off: their time was up");
            gate.abort.cancel();
            gate.tasks.wait().await;
        }
    }
}

/// Where the cloud reaches itself.
fn self_address(on: &[IpAddr]) -> IpAddr {
    let local = || Ipv4Addr::LOCALHOST.into();
    on.first().copied().unwrap_or_else(local)
}

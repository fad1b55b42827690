//! One side of a check: everything that listens, and everything that can be asked of it.

mod announce;
mod call_back;
mod config;
mod events;
mod exchange_port;
pub(crate) mod go_between;
mod reception;
mod shared;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use dolab_content::ContentId;
use dolab_discovery::Discovery;
use dolab_peer::{AddError, Download, Peer, Transfer};
use tokio::sync::{broadcast, mpsc};

pub use config::{ListenerState, PortWish, Ports, StationConfig};
pub use events::SessionEvent;
pub(crate) use shared::Shared;

use crate::{
    report::{PathId, Report},
    responder::{self, Arrivals, Door, Tls},
    run::{self, CheckOptions, Progress},
    session::limits::Meter,
    target::Target,
};

/// Sessions that wait for somebody to take care of them.
const QUEUE: usize = 32;

/// Time that tasks have to end once the station stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// One side of a check: a Delivery Optimization peer, and beside it what answers the probes of the
/// other paths. `dolab peer` is one that waits; `dolab check` is one that asks.
#[derive(Debug)]
pub struct Station {
    shared: Arc<Shared>,
}

/// Why a station could not be started. A port that can not be had is no such reason: see
/// [`Station::listeners`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StationError {
    /// The exchange could not be started.
    #[error(transparent)]
    Peer(#[from] dolab_peer::StartError),
}

impl Station {
    /// Opens the ports and starts to answer. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When this host lacks something without which nothing works. Ports that are taken or
    /// forbidden are none of that: what became of each is in [`Station::listeners`].
    pub async fn start(config: StationConfig) -> Result<Self, StationError> {
        let host = config.name.clone().unwrap_or_else(dolab_host::host_name);
        let tls = Arc::new(Tls::of(&host));
        let (channels, queue) = mpsc::channel(QUEUE);
        let door = Door::new(
            Arc::new(Arrivals::default()),
            Arc::new(Meter::new(config.limits)),
            config.allow_public,
            channels,
        );
        let (peer, exchange) = exchange_port::start(&config, &door).await?;
        let mut listeners = vec![exchange];
        listeners.extend(responder::start(&config, &tls, &door));
        let (discovery, state) = announce::start(&config, &host, listeners[0].port, &peer);
        listeners.push(state);
        let shared = Arc::new(Shared::new(
            config, host, tls, door, peer, discovery, listeners,
        ));
        reception::start(&shared, queue);
        call_back::start(&shared);
        go_between::start(&shared);
        Ok(Self { shared })
    }

    /// What listens for each path, or why nothing does.
    pub fn listeners(&self) -> &[ListenerState] {
        &self.shared.listeners
    }

    /// The port that is listened on for a path; `None` where nothing listens.
    pub fn port(&self, path: PathId) -> Option<u16> {
        self.shared.port(path)
    }

    /// The addresses under which others may reach it, IPv4 first.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.shared.addresses()
    }

    /// The peer that shares and fetches.
    pub fn peer(&self) -> &Peer {
        &self.shared.peer
    }

    /// What finds others, where DNS-SD is to be had.
    pub fn discovery(&self) -> Option<&Discovery> {
        self.shared.discovery.as_ref()
    }

    /// Shares a content, and tells the link about it.
    ///
    /// # Errors
    /// When it is shared already, or the station was stopped.
    pub async fn share(&self, content: dolab_peer::Shared) -> Result<ContentId, AddError> {
        let id = self.shared.peer.share(content).await?;
        self.shared.announce().await;
        Ok(id)
    }

    /// Tells the link what the peer shares now, after something was given to the peer itself.
    pub async fn announce(&self) {
        self.shared.announce().await;
    }

    /// Begins to fetch a content. Where it has a source, what is there of it is shared meanwhile,
    /// and the link is told about it.
    ///
    /// # Errors
    /// When it is there already, or the station was stopped.
    pub async fn download(&self, download: Download) -> Result<Transfer, AddError> {
        let transfer = self.shared.peer.download(download).await?;
        self.shared.announce().await;
        Ok(transfer)
    }

    /// What others do here in their sessions, from now on. Who falls behind by more than 256 events
    /// loses the oldest and learns how many.
    pub fn subscribe(&self) -> broadcast::Receiver<SessionEvent> {
        self.shared.events.subscribe()
    }

    /// Runs a check against another host. Whatever happens on the way ends in the report.
    ///
    /// `progress` is told what happens meanwhile; nobody has to listen. Dropping the future ends
    /// the check.
    pub async fn check(
        &self,
        target: &Target,
        options: &CheckOptions,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> Report {
        run::check(&self.shared, target, options, progress).await
    }

    /// Stops: says goodbye to the link and to all who are connected, and closes every port.
    pub async fn stop(self) {
        let shared = Arc::clone(&self.shared);
        drop(self);
        shared.door.tasks.close();
        if tokio::time::timeout(LAST_WORDS, shared.door.tasks.wait())
            .await
            .is_err()
        {
            tracing::debug!("some tasks did not end in time");
        }
        shared.peer.stop().await;
        // With the tasks gone this is the last handle; if not, dropping says goodbye as well.
        if let Some(discovery) = Arc::into_inner(shared).and_then(|shared| shared.discovery) {
            discovery.stop().await;
        }
    }
}

impl Drop for Station {
    /// Ends everything that runs, without waiting for it.
    fn drop(&mut self) {
        self.shared.door.stop.cancel();
    }
}

/// Where a path's listener can be called on `host`.
pub(crate) fn with_port(mut host: SocketAddr, port: u16) -> SocketAddr {
    host.set_port(port);
    host
}

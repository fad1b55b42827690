//! What this host is while it fetches: one that only takes, or a peer like the others.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use dolab_check::Station;
use dolab_content::{ContentId, Store};
use dolab_discovery::Candidates;
use dolab_peer::{Download, Peer, PeerConfig, Priority, Transfer};
use serde::Serialize;

use super::catalogue::Wanted;
use crate::{
    args::FetchArgs,
    failure::Failure,
    output::Output,
    station::{self, exchange_port},
};

/// A member of the swarm.
pub(super) enum Member {
    /// It listens nowhere and offers nothing: the user named no content to share.
    Taker(Peer),
    /// It shares what it has got, and finds others that do.
    Sharer(Box<Station>),
}

#[derive(Serialize)]
struct Listening {
    port: u16,
}

impl Member {
    /// Joins nothing yet.
    pub(super) async fn start(args: &FetchArgs, output: &Output) -> Result<Self, Failure> {
        let mut config = PeerConfig {
            listen: Vec::new(),
            allow_public: args.device.access.allow_public,
            ..PeerConfig::default()
        };
        // A peer that stalls is dropped in time for another to be tried before patience ends.
        config.engine.request_timeout = config.engine.request_timeout.min(args.patience / 2);
        config.dial_timeout = config.dial_timeout.min(args.patience / 2);
        if args.share_for.is_none() {
            let peer = Peer::start(config).await.map_err(Failure::cannot_run)?;
            return Ok(Self::Taker(peer));
        }
        let mut wishes = station::config(
            &args.device.listen,
            &args.device.access,
            args.device.access.key()?,
        );
        wishes.peer = config;
        let station = station::start(wishes).await?;
        let port = exchange_port(&station, args.device.listen.port)?;
        output.line(format_args!("sharing meanwhile, on tcp port {port}"));
        output.event("listening", Listening { port });
        Ok(Self::Sharer(Box::new(station)))
    }

    /// Begins to fetch into a store.
    pub(super) async fn fetch(
        &self,
        args: &FetchArgs,
        wanted: &Wanted,
        store: &Arc<Store>,
    ) -> Result<Transfer, Failure> {
        let mut download = Download {
            name: wanted.name.clone().unwrap_or_default(),
            hashes: Arc::clone(&wanted.hashes),
            have: store.pieces(),
            sink: Arc::clone(store) as Arc<_>,
            source: None,
            priority: if args.background {
                Priority::Background
            } else {
                Priority::Foreground
            },
            sources: None,
        };
        let added = match self {
            Self::Taker(peer) => peer.download(download).await,
            Self::Sharer(station) => {
                download.source = Some(Arc::clone(store) as Arc<_>);
                station.download(download).await
            }
        };
        added.map_err(Failure::cannot_run)
    }

    pub(super) fn peer(&self) -> &Peer {
        match self {
            Self::Taker(peer) => peer,
            Self::Sharer(station) => station.peer(),
        }
    }

    /// Tries whoever is found on the link to have some of a content, for as long as it is polled.
    pub(super) async fn find_others(&self, content: ContentId) -> Infallible {
        let mut found = match self {
            Self::Taker(_) => None,
            Self::Sharer(station) => station.discovery().map(|it| it.candidates()),
        };
        while let Some(addrs) = next_sharer(&mut found, content).await {
            for addr in addrs {
                self.peer().candidate(content, addr).await;
            }
        }
        std::future::pending().await
    }

    /// Says goodbye to all. Returns how many bytes were sent to others.
    pub(super) async fn stop(self) -> u64 {
        let snapshot = self.peer().snapshot().await;
        match self {
            Self::Taker(peer) => peer.stop().await,
            Self::Sharer(station) => station.stop().await,
        }
        snapshot.map_or(0, |snapshot| snapshot.engine.bytes_up)
    }
}

/// Where the next host that shares a content listens; `None` when no more will be found.
async fn next_sharer(
    found: &mut Option<Candidates>,
    content: ContentId,
) -> Option<Vec<SocketAddr>> {
    let found = found.as_mut()?;
    loop {
        let event = found.next().await?;
        if let Some(candidate) = event.candidate().filter(|it| it.may_have(content)) {
            return Some(candidate.addrs.clone());
        }
    }
}

//! Calls back hosts that ask for it on the link, because they can open nothing towards us.

use std::{
    sync::{Arc, Weak},
    time::Instant,
};

use dolab_discovery::{Call as Called, Event};
use dolab_wire::session::Role;
use tokio::sync::mpsc;

use super::Shared;
use crate::{
    control,
    probe::{self, Call},
    report::PathId,
    session::{
        SessionError, answerer,
        limits::{self, Deed},
        opening::Mine,
    },
};

/// Answers calls until the station stops, and notes when this host's announcement is out.
pub(super) fn start(shared: &Arc<Shared>) {
    let Some(discovery) = &shared.discovery else {
        return;
    };
    let mut candidates = discovery.candidates();
    let station: Weak<Shared> = Arc::downgrade(shared);
    shared.door.spawn(async move {
        while let Some(event) = candidates.next().await {
            let Some(shared) = station.upgrade() else {
                break;
            };
            if matches!(event, Event::Announced { .. }) {
                shared.note_announced();
            }
            let Event::Called(call) = event else { continue };
            let own = shared.peer.id();
            if call.from.lab().is_none_or(|lab| lab.peer == own) {
                continue;
            }
            let door = shared.door.clone();
            door.tasks.spawn(async move {
                let name = call.from.name.clone();
                if let Err(error) = answer(call, &shared).await {
                    tracing::info!(from = name, %error, "a call was not answered");
                }
            });
        }
    });
}

/// Dials the caller's own addresses on the link, never others, on Delivery Optimization's ports.
async fn answer(called: Called, shared: &Arc<Shared>) -> Result<(), SessionError> {
    let (nonce, own) = (called.nonce, shared.port(PathId::Tcp7680));
    let allowed = |addr: &std::net::SocketAddr| {
        shared.door.welcomes(addr.ip())
            && limits::port_allowed(PathId::Tcp7680, addr.port(), own, addr.ip())
    };
    let Some(addr) = called.dial.into_iter().find(allowed) else {
        return Err(SessionError::Foreign(
            "it names no address that may be called".into(),
        ));
    };
    let admitted = shared
        .door
        .meter
        .admit(Deed::CallBack, addr.ip(), Instant::now());
    admitted.map_err(SessionError::Refused)?;
    tracing::info!(from = called.from.name, %addr, "called: calling back");
    let mine = Mine {
        role: Role::Answerer,
        key: shared.key(),
        call: Some(nonce),
    };
    let call = |path: PathId, port| Call {
        path,
        to: super::with_port(addr, port),
        from: shared.source(addr, None),
        patience: probe::PATIENCE,
    };
    let calls = [
        call(PathId::Tcp7680, addr.port()),
        call(PathId::Tcp443, PathId::Tcp443.port()),
        call(PathId::Udp443, PathId::Udp443.port()),
    ];
    let (ways, found) = mpsc::unbounded_channel();
    let probes = calls.into_iter().enumerate().map(|(rank, call)| {
        let (ways, mine) = (ways.clone(), &mine);
        async move {
            if let Some(reached) = probe::probe(call, mine, &shared.tls).await.reached {
                drop(ways.send((rank, reached)));
            }
        }
    });
    let [first, second, third] = probes.collect::<Vec<_>>().try_into().ok().expect("three");
    drop(ways);
    let probing = async {
        tokio::join!(first, second, third);
        std::future::pending().await
    };
    let opened = tokio::select! {
        opened = control::choose(found, &mine) => opened?,
        never = probing => never,
    };
    let hello = shared.hello();
    let session = opened.establish(shared.key(), hello).await?;
    answerer::serve(session, shared).await
}

//! Which of a host's addresses to check.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::{station::Shared, target::Target};

/// Time that addresses have to answer, before the first is taken for better or worse.
const HEAD_START: Duration = Duration::from_millis(400);

/// Addresses that are tried.
const AT_MOST: usize = 6;

/// The first address that answers at all, with a refusal or not, else the first.
pub(super) async fn choose(shared: &Shared, target: &Target) -> SocketAddr {
    let nowhere = (Ipv4Addr::UNSPECIFIED, 0).into();
    let first = target.addrs.first().copied().unwrap_or(nowhere);
    let allowed = target
        .addrs
        .iter()
        .copied()
        .filter(|addr| shared.door.welcomes(addr.ip()));
    let mut race = JoinSet::new();
    for addr in allowed.take(AT_MOST) {
        race.spawn(async move {
            let answered = match TcpStream::connect(addr).await {
                Ok(_) => true,
                Err(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
            };
            (addr, answered)
        });
    }
    if race.len() < 2 {
        return first;
    }
    let winner = async {
        while let Some(done) = race.join_next().await {
            if let Ok((addr, true)) = done {
                return Some(addr);
            }
        }
        None
    };
    timeout(HEAD_START, winner)
        .await
        .ok()
        .flatten()
        .unwrap_or(first)
}

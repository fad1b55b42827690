//! Whole checks between two namespaces, by users with more or fewer privileges.

use std::{
    net::{IpAddr, SocketAddr},
    thread,
};

use dolab_check::{
    CheckOptions, Ports, Station, StationConfig, Target,
    report::{PathId, Report},
};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, set_capabilities,
    set_capabilities_secure_bits,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{runtime::Runtime, sync::oneshot};

use crate::{common::check_target, netns::Space};

/// Who runs the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    Root,
    /// With CAP_NET_RAW alone: may watch the wire, and not read firewall rules.
    Watcher,
    /// Without any capability.
    Ordinary,
}

/// A namespace, and its addresses.
pub(crate) type Host<'a, const N: usize> = (&'a Space, [IpAddr; N]);

/// Checks one host from the other at each of its addresses at one time, on Delivery Optimization's own
/// ports, without moving content.
pub(crate) fn check<const N: usize>(
    here: Host<'_, N>,
    there: Host<'_, N>,
    users: [User; 2],
) -> Vec<Report> {
    for (space, _) in [here, there] {
        // Ports of any number for everybody.
        space.set("ipv4/ip_unprivileged_port_start", "0");
    }
    let (ready, is_ready) = oneshot::channel();
    let (done, is_done) = oneshot::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            there.0.within(|| {
                users[1].become_it();
                Runtime::new().unwrap().block_on(async {
                    let station = station(&there.1).await;
                    ready.send(()).unwrap();
                    // An error is a test that has failed.
                    let _ = is_done.await;
                    station.stop().await;
                });
            });
        });
        here.0.within(|| {
            users[0].become_it();
            Runtime::new().unwrap().block_on(async {
                let station = station(&here.1).await;
                is_ready.await.unwrap();
                let reports = there.1.map(|address| check_address(&station, address));
                let reports = futures_util::future::join_all(reports).await;
                station.stop().await;
                done.send(()).unwrap();
                reports
            })
        })
    })
}

async fn check_address(station: &Station, address: IpAddr) -> Report {
    let addr = SocketAddr::new(address, PathId::Tcp7680.port());
    let options = CheckOptions {
        size: 0,
        ..CheckOptions::default()
    };
    check_target(
        station,
        &Target::new(address.to_string(), vec![addr]),
        &options,
    )
    .await
}

async fn station(addresses: &[IpAddr]) -> Station {
    let config = StationConfig {
        listen: addresses.into(),
        ports: Ports {
            dns_sd: false,
            ..Ports::default()
        },
        announce: false,
        ..StationConfig::default()
    };
    Station::start(config).await.unwrap()
}

impl User {
    /// Gives up what this thread may do more, and with it the threads and programs that it starts.
    fn become_it(self) {
        let kept = match self {
            Self::Root => return,
            Self::Watcher => CapabilitySet::NET_RAW,
            Self::Ordinary => CapabilitySet::empty(),
        };
        // Programs that root starts would have everything again.
        set_capabilities_secure_bits(CapabilitiesSecureBits::NO_ROOT).unwrap();
        let sets = CapabilitySets {
            effective: kept,
            permitted: kept,
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, sets).unwrap();
        let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP));
        assert_eq!(raw.is_ok(), self == Self::Watcher);
    }
}

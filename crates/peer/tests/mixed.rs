//! Peers, caches and origins together, against the simulated service and against nginx.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect shall fail it"
)]

mod common;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use common::{Made, Memory, addr, loopback, peer, peer_with, told, until, within};
use dolab_cloud::{Cloud, CloudConfig, CloudPorts, Content, ContentRules};
use dolab_http::Trust;
use dolab_peer::{
    Event, FetchFailure, GiveUp, Peer, PeerConfig, PeerType, Priority, Rules, Sources, TcpInfo,
    Transfer, TransferError,
};
use dolab_wire::DoCode;

const MIB: u64 = 1 << 20;

/// Where Microsoft's devices find contents.
const ORIGIN: &str = "dl.delivery.mp.microsoft.com";

/// The service with one content.
struct Site {
    cloud: Cloud,
    made: Made,
    path: String,
}

impl Site {
    async fn new(made: Made) -> Self {
        let content = Content {
            name: "made".into(),
            source: Arc::new(made.source),
            hashes: made.hashes.clone(),
            modified: None,
            rules: ContentRules::default(),
        };
        let path = content.path();
        let config = CloudConfig {
            listen: vec![loopback(0).ip()],
            ports: CloudPorts::free(),
            contents: vec![content],
            ..CloudConfig::default()
        };
        let cloud = Cloud::start(config).await.unwrap();
        Self { cloud, made, path }
    }

    fn http(&self) -> SocketAddr {
        loopback(self.cloud.ports().http.unwrap())
    }

    /// A peer that finds the service by its real name.
    async fn peer(&self, change: impl FnOnce(&mut PeerConfig)) -> Peer {
        let https = loopback(self.cloud.ports().https.unwrap());
        let trust = Trust::authorities_from_pem(self.cloud.authority_pem().as_bytes()).unwrap();
        peer_with(|config| {
            config.http.trust = trust;
            config.http.names = [
                ((ORIGIN.to_owned(), 80), self.http()),
                ((ORIGIN.to_owned(), 443), https),
            ]
            .into();
            config.http.stall_timeout = Duration::from_secs(5);
            change(config);
        })
        .await
    }

    fn sources(&self, rules: Rules) -> Sources {
        Sources::url(format!("http://{ORIGIN}{}", self.path), rules)
    }

    fn cached(&self, rules: Rules) -> Sources {
        Sources {
            cache_hosts: vec![self.http().to_string()],
            ..self.sources(rules)
        }
    }

    fn fault(&self, fault: &str) {
        let fault = fault.parse().unwrap();
        self.cloud.faults().set(fault).unwrap();
    }
}

/// Without delays; HTTP never holds back.
fn freely() -> Rules {
    Rules {
        floor: None,
        ..Rules::new(Priority::Foreground)
    }
}

async fn fetch(peer: &Peer, made: &Made, sources: Sources) -> (Transfer, Arc<Memory>) {
    let memory = Memory::new(made);
    let mut download = made.download(memory.clone());
    download.sources = Some(sources);
    (peer.download(download).await.unwrap(), memory)
}

fn made(length: u64) -> Made {
    Made::new(7, length, MIB as u32)
}

#[tokio::test]
async fn all_of_it_comes_from_the_origin_where_nobody_else_is() {
    let site = Site::new(made(9 * MIB + 77)).await;
    let device = site.peer(|_| {}).await;
    let (transfer, memory) = fetch(&device, &site.made, site.sources(freely())).await;
    let report = within("the origin", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), site.made.bytes());
    assert_eq!(report.traffic.down.of(PeerType::Cdn), 9 * MIB + 77);
    assert_eq!(report.traffic.down.total(), report.bytes);
    assert_eq!(report.traffic.wasted.total(), 0);
    assert_eq!(report.senders.len(), 1);
    assert_eq!(
        (report.senders[0].addr, report.senders[0].kind),
        (site.http(), PeerType::Cdn)
    );
    let provenance = transfer.provenance();
    assert_eq!(provenance.pieces().count(), 10);
    assert!(
        provenance
            .pieces()
            .all(|piece| piece.sender.addr == site.http())
    );
    let snapshot = device.snapshot().await.unwrap();
    assert!(snapshot.http.0 > 9 * MIB, "{:?}", snapshot.http);
    until("the memory to come back", async || {
        device.snapshot().await.unwrap().memory == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_over_http_yields_in_the_background() {
    if !TcpInfo::is_known() {
        return;
    }
    let site = Site::new(made(6 * MIB + 77)).await;
    let secure = Sources::url(format!("https://{ORIGIN}{}", site.path), freely());
    for (sources, kind) in [
        (site.sources(freely()), PeerType::Cdn),
        (secure, PeerType::Cdn),
        (site.cached(freely()), PeerType::Doinc),
    ] {
        for priority in [Priority::Background, Priority::Foreground] {
            let device = site.peer(|_| {}).await;
            let memory = Memory::new(&site.made);
            let mut download = site.made.download(memory.clone());
            download.priority = priority;
            download.sources = Some(sources.clone());
            let transfer = device.download(download).await.unwrap();
            let mut seen = None;
            let report = within("the transfer", async {
                let mut finished = std::pin::pin!(transfer.finished());
                loop {
                    tokio::select! {
                        report = &mut finished => break report.unwrap(),
                        () = tokio::task::yield_now() => seen = device.background().or(seen),
                    }
                }
            })
            .await;
            assert_eq!(memory.bytes(), site.made.bytes());
            assert_eq!(report.traffic.down.of(kind), report.bytes);
            match priority {
                Priority::Foreground => assert_eq!(seen, None, "nothing holds it back"),
                Priority::Background => {
                    let seen = seen.expect("it is one of the background transfers");
                    assert!((1..=2).contains(&seen.connections), "{seen:?}");
                    assert!(seen.base.is_some(), "{seen:?}");
                    assert!(seen.received > MIB, "{seen:?}");
                }
            }
            device.stop().await;
        }
    }
}

#[tokio::test]
async fn a_cache_is_asked_before_the_origin() {
    let site = Site::new(made(5 * MIB)).await;
    let device = site.peer(|_| {}).await;
    let (transfer, memory) = fetch(&device, &site.made, site.cached(freely())).await;
    let report = within("the cache", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), site.made.bytes());
    assert_eq!(report.traffic.down.of(PeerType::Doinc), 5 * MIB);
}

#[tokio::test]
async fn a_cache_that_refuses_leaves_it_to_the_origin() {
    let site = Site::new(made(3 * MIB)).await;
    site.fault("status=404,host=127.0.0.1");
    let device = site.peer(|_| {}).await;
    let (transfer, memory) = fetch(&device, &site.made, site.cached(freely())).await;
    let report = within("the origin", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), site.made.bytes());
    assert_eq!(report.traffic.down.of(PeerType::Cdn), 3 * MIB);
}

#[tokio::test]
async fn with_a_delay_good_peers_bring_all_of_it() {
    let site = Site::new(made(20 * MIB)).await;
    let seed = peer().await;
    site.made.shared_by(&seed).await;
    let device = site.peer(|_| {}).await;
    let rules = Rules {
        delay_http: Duration::from_secs(3600),
        ..freely()
    };
    let (transfer, memory) = fetch(&device, &site.made, site.sources(rules)).await;
    device
        .offer(site.made.id(), addr(&seed), PeerType::Group)
        .await;
    let report = within("the peer", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), site.made.bytes());
    assert_eq!(report.traffic.down.of(PeerType::Group), 20 * MIB);
    assert_eq!(report.traffic.down.http(), 0);
    assert_eq!(report.candidates.len(), 1);
    assert!(report.candidates[0].connected);
    // The other side counts what it sent: by the address, to a LAN peer.
    until("the other side's account", async || {
        let contents = seed.contents().await;
        contents[0].traffic.up.of(PeerType::Lan) == 20 * MIB
    })
    .await;
}

#[tokio::test]
async fn peers_and_the_origin_share_the_work() {
    let site = Site::new(made(64 * MIB)).await;
    let seed = peer().await;
    site.made.shared_by(&seed).await;
    let device = site.peer(|_| {}).await;
    let (transfer, memory) = fetch(&device, &site.made, site.sources(freely())).await;
    device.candidate(site.made.id(), addr(&seed)).await;
    let report = within("both", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), site.made.bytes());
    let down = report.traffic.down;
    assert_eq!(down.of(PeerType::Lan) + down.of(PeerType::Cdn), 64 * MIB);
    assert!(down.of(PeerType::Cdn) > 0, "the first request goes to HTTP");
    assert_eq!(transfer.provenance().pieces().count(), 64);
    assert_eq!(transfer.progress().by_kind, down);
}

#[tokio::test]
async fn a_server_without_ranges_sends_the_whole() {
    let site = Site::new(made(6 * MIB + 5)).await;
    site.fault("no-ranges");
    let device = site.peer(|_| {}).await;
    let (transfer, memory) = fetch(&device, &site.made, site.sources(freely())).await;
    let report = within("the whole", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), site.made.bytes());
    assert_eq!(report.traffic.down.of(PeerType::Cdn), 6 * MIB + 5);
}

#[tokio::test]
async fn bodies_that_break_off_are_taken_up_again() {
    let site = Site::new(made(6 * MIB)).await;
    site.fault("cut=512k,times=2");
    let device = site
        .peer(|config| config.engine.source_retry_first = Duration::from_millis(20))
        .await;
    let mut events = device.subscribe();
    let (transfer, memory) = fetch(&device, &site.made, site.sources(freely())).await;
    let failed = |event: &Event| {
        matches!(
            event,
            Event::Exchange(dolab_engine::Event::OriginFailed {
                why: FetchFailure::Broken,
                ..
            })
        )
    };
    told("that it broke off", &mut events, failed).await;
    let report = within("the rest", transfer.finished()).await.unwrap();
    assert_eq!(memory.bytes(), site.made.bytes());
    assert_eq!(report.traffic.down.total(), 6 * MIB);
    assert!(report.traffic.wasted.of(PeerType::Cdn) <= MIB);
}

/// Why a download without peers ends, with a fault at the origin.
async fn refused(fault: &str, scheme: &str) -> GiveUp {
    let site = Site::new(made(2 * MIB)).await;
    site.fault(fault);
    let device = site
        .peer(|config| {
            config.engine.source_retry_first = Duration::from_millis(20);
            config.engine.progress_interval = Duration::from_millis(100);
            config.engine.progress_checks = 5;
        })
        .await;
    let url = format!("{scheme}://{ORIGIN}{}", site.path);
    let sources = Sources::url(url, freely().without_peers());
    let (transfer, _) = fetch(&device, &site.made, sources).await;
    match within("the end", transfer.finished()).await {
        Err(TransferError::GaveUp { why, missing }) => {
            assert_eq!(missing, 2);
            why
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_failure_of_the_origin_has_its_name_and_code() {
    let cases = [
        (
            "status=404",
            "http",
            GiveUp::Source(FetchFailure::Status(404)),
            None,
        ),
        (
            "status=203",
            "http",
            GiveUp::Source(FetchFailure::OddSuccess(203)),
            Some(DoCode::ODD_SUCCESS),
        ),
        (
            "wrong-size",
            "http",
            GiveUp::Source(FetchFailure::Size),
            Some(DoCode::SIZE_MISMATCH),
        ),
        (
            "certificate=authority",
            "https",
            GiveUp::Source(FetchFailure::Certificate),
            Some(DoCode::CERTIFICATE),
        ),
        // These may pass: it is over when nothing moves for long enough.
        (
            "html",
            "http",
            GiveUp::NoProgress,
            Some(DoCode::NO_PROGRESS),
        ),
        (
            "drop",
            "http",
            GiveUp::NoProgress,
            Some(DoCode::NO_PROGRESS),
        ),
        (
            "status=503",
            "http",
            GiveUp::NoProgress,
            Some(DoCode::NO_PROGRESS),
        ),
    ];
    for (fault, scheme, expected, code) in cases {
        let why = refused(fault, scheme).await;
        assert_eq!(why, expected, "{fault}");
        assert_eq!(why.do_code(), code, "{fault}");
    }
}

#[tokio::test]
async fn an_origin_with_other_bytes_is_found_out() {
    let site = Site::new(made(2 * MIB)).await;
    let other = Made::new(8, 2 * MIB, MIB as u32);
    let device = site.peer(|_| {}).await;
    let sources = site.sources(freely().without_peers());
    let (transfer, _) = fetch(&device, &other, sources).await;
    let end = within("the end", transfer.finished()).await.unwrap_err();
    assert_eq!(end.do_code(), Some(DoCode::BAD_HASH), "{end}");
}

#[tokio::test]
async fn public_addresses_are_not_asked() {
    let site = Site::new(made(MIB)).await;
    let device = site
        .peer(|config| {
            config.http.names = [((ORIGIN.into(), 80), "192.0.2.1:80".parse().unwrap())].into();
        })
        .await;
    let sources = site.sources(freely().without_peers());
    let (transfer, _) = fetch(&device, &site.made, sources).await;
    match within("the end", transfer.finished()).await {
        Err(TransferError::GaveUp { why, .. }) => {
            assert_eq!(why, GiveUp::Source(FetchFailure::Forbidden));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_is_offered_and_can_not_be_reached_is_told() {
    let site = Site::new(made(3 * MIB)).await;
    let device = site.peer(|_| {}).await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let rules = Rules {
        delay_http: Duration::from_millis(300),
        ..freely()
    };
    let (transfer, _) = fetch(&device, &site.made, site.sources(rules)).await;
    device
        .offer(site.made.id(), closed, PeerType::Internet)
        .await;
    let report = within("the origin", transfer.finished()).await.unwrap();
    assert_eq!(report.candidates.len(), 1);
    let told = &report.candidates[0];
    assert_eq!((told.addr, told.kind), (closed, PeerType::Internet));
    assert!(!told.connected && told.tries > 0 && told.failure.is_some());
    assert_eq!(device.contents().await[0].offered, 1);
}

#[tokio::test]
async fn what_is_removed_on_its_way_gives_everything_back() {
    let site = Site::new(made(32 * MIB)).await;
    site.fault("slow=256k");
    let device = site.peer(|_| {}).await;
    let (transfer, _) = fetch(&device, &site.made, site.sources(freely())).await;
    until("something to be on its way", async || {
        device.snapshot().await.unwrap().memory > 0
    })
    .await;
    device.remove(site.made.id()).await;
    let end = within("the end", transfer.finished()).await;
    assert!(matches!(end, Err(TransferError::Removed)), "{end:?}");
    until("the memory to come back", async || {
        device.snapshot().await.unwrap().memory == 0
    })
    .await;
    within("the stop", device.stop()).await;
}

/// A foreign origin, which knows nothing of us.
#[cfg(unix)]
mod nginx {
    use std::{
        fs,
        process::{Child, Command, Stdio},
    };

    use super::*;

    struct Nginx(Child);

    impl Drop for Nginx {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }

    fn start(folder: &std::path::Path, port: u16) -> Option<Nginx> {
        let folder = folder.display();
        let config = format!(
            "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
            events {{}}
            http {{
                access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi;
                scgi_temp_path {folder}/scgi;
                server {{
                    listen 127.0.0.1:{port};
                    location / {{ root {folder}/files; }}
                    location /whole/ {{ alias {folder}/files/; max_ranges 0; }}
                }}
            }}"
        );
        let file = format!("{folder}/nginx.conf");
        fs::write(&file, config).unwrap();
        let child = Command::new("nginx")
            .args(["-c", &file, "-p", &folder.to_string()])
            .args(["-e", &format!("{folder}/error.log")])
            .stdout(Stdio::null())
            .spawn();
        child.ok().map(Nginx)
    }

    #[tokio::test]
    async fn nginx_is_an_origin_like_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let made = made(10 * MIB + 3);
        fs::create_dir(folder.path().join("files")).unwrap();
        fs::write(folder.path().join("files/made.bin"), made.bytes()).unwrap();
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let Some(_nginx) = start(folder.path(), port) else {
            eprintln!("skipped: nginx is not installed");
            return;
        };
        until("nginx", async || {
            tokio::net::TcpStream::connect(loopback(port)).await.is_ok()
        })
        .await;
        for path in ["made.bin", "whole/made.bin"] {
            let device = peer().await;
            let url = format!("http://127.0.0.1:{port}/{path}");
            let sources = Sources::url(url, freely().without_peers());
            let (transfer, memory) = fetch(&device, &made, sources).await;
            let report = within(path, transfer.finished()).await.unwrap();
            assert_eq!(memory.bytes(), made.bytes());
            assert_eq!(report.traffic.down.of(PeerType::Cdn), 10 * MIB + 3);
        }
    }
}

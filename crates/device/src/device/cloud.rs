//! Registrations at the cloud: one for each content that is fetched from peers or shared with them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    sync::{Arc, PoisonError},
    time::Duration,
};

use dolab_content::ContentId;
use dolab_discovery::cloud::{CloudClient, CloudEvent, Endpoints, Membership};
use dolab_policy::{Os, Priority, Restriction};
use dolab_wire::{
    DownloadMode,
    cloud::{ContentPolicy, Join, MAX_PEERS, PeerSelection},
};
use if_addrs::IfAddr;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::Inner;
use crate::{
    report::{ByClass, Level, LogEntry, Status},
    state::{Registration, Trouble},
};

/// The registrations, by content.
pub(super) type Members = BTreeMap<ContentId, Member>;

/// A pause before a cloud that did not answer is asked again.
const PAUSE: Duration = Duration::from_secs(30);

/// One registration.
#[derive(Debug)]
pub(super) struct Member {
    told: watch::Sender<Told>,
    /// Whether the cloud knows that this device has all of it.
    whole: watch::Receiver<bool>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What a device says of itself in a join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) from: ByClass<u64>,
    pub(super) to: ByClass<u64>,
    pub(super) left: u64,
    pub(super) restricted_upload: bool,
}

impl Told {
    fn write(self, join: &mut Join) {
        join.uploaded = self.to.peers();
        join.downloaded = self.from.total();
        join.downloaded_cdn = self.from.cdn;
        join.downloaded_doinc = self.from.cache_host;
        join.left = self.left;
        join.restricted_upload = self.restricted_upload;
        // Who has all of it needs nobody.
        join.peers_wanted = if self.left > 0 { MAX_PEERS as u32 } else { 0 };
    }
}

impl Inner {
    /// Registers for a content, unless the policies want no peers from the cloud: with the
    /// restriction to local discovery it is not asked for any (reported).
    pub(super) fn register(
        self: &Arc<Self>,
        content: ContentId,
        file_id: &str,
        mode: DownloadMode,
        priority: Priority,
        endpoints: Option<Endpoints>,
    ) {
        let Some(client) = self.cloud.clone() else {
            return;
        };
        if !mode.peers() || self.policies.restriction() == Restriction::LocalDiscovery {
            return;
        }
        let told = self.told(file_id);
        let mut join = self.join(content, mode, priority);
        told.write(&mut join);
        let (told, changes) = watch::channel(told);
        let (known_whole, whole) = watch::channel(false);
        let stop = self.stop.child_token();
        let task = tokio::spawn(Arc::clone(self).keep_registered(
            client,
            endpoints,
            join,
            Place {
                content,
                file_id: file_id.to_owned(),
                whole: known_whole,
            },
            changes,
            stop.clone(),
        ));
        let member = Member {
            told,
            whole,
            stop,
            task,
        };
        self.members().insert(content, member);
    }

    /// Brings what is said of a content up to date. One that has just become whole is said at once.
    pub(super) fn tell_cloud(&self) {
        let members = self.members();
        for (content, member) in members.iter() {
            let told = self.told(&content.to_string());
            member.told.send_if_modified(|before| {
                let new = *before != told;
                *before = told;
                new
            });
        }
    }

    /// Waits until the cloud knows that this device has all of a content. `false` when nobody tells
    /// it so: it is not registered, or no longer.
    pub(super) async fn known_whole(&self, content: ContentId) -> bool {
        let member = self.members().get(&content).map(|it| it.whole.clone());
        match member {
            Some(mut whole) => whole.wait_for(|whole| *whole).await.is_ok(),
            None => false,
        }
    }

    /// Takes a registration back.
    pub(super) async fn unregister(&self, content: ContentId) {
        let member = self.members().remove(&content);
        if let Some(member) = member {
            member.stop.cancel();
            drop(member.task.await);
        }
    }

    /// Takes all of them back, side by side.
    pub(super) async fn leave_all(&self) {
        let members = std::mem::take(&mut *self.members());
        for member in members.values() {
            member.stop.cancel();
        }
        for member in members.into_values() {
            drop(member.task.await);
        }
    }

    fn members(&self) -> std::sync::MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self, file_id: &str) -> Told {
        let judgement = self.judge(None, &Default::default());
        let book = self.book();
        let status = book.file(file_id).map(|file| &file.status);
        let Some(status) = status else {
            return Told::default();
        };
        let missing = status.file_size.saturating_sub(status.file_size_in_cache);
        // Who has every byte and has not forced them to the disk yet is told of as whole only then.
        let left = match status.status {
            Status::Downloading => missing.max(1),
            Status::Complete | Status::Caching | Status::Paused => missing,
        };
        Told {
            from: status.from,
            to: status.to,
            left,
            restricted_upload: !judgement.allowed.to_peers,
        }
    }

    fn join(&self, content: ContentId, mode: DownloadMode, priority: Priority) -> Join {
        let id = ContentPolicy::content_id_of(&content.0);
        let place = Whereabouts::of(self.port.local_addrs(&self.peer).first().map(|it| it.ip()));
        let defaults = Join::new(&id, self.peer.id(), mode);
        Join {
            reported_ip: place.v4.map(|(ip, _)| ip),
            subnet_mask: place.v4.map(|(_, mask)| mask),
            ipv6: place.v6,
            is_background: priority == Priority::Background,
            group_id: self
                .group
                .id
                .clone()
                .filter(|_| mode == DownloadMode::Group),
            port: self.port.number(&self.peer).unwrap_or(defaults.port),
            restrict: match self.policies.restriction() {
                Restriction::None => PeerSelection::Any,
                Restriction::Subnet => PeerSelection::Subnet,
                Restriction::LocalDiscovery => PeerSelection::LocalDiscovery,
            },
            is_server: self.policies.basis().os == Os::Server,
            ..defaults
        }
    }

    async fn keep_registered(
        self: Arc<Self>,
        client: CloudClient,
        endpoints: Option<Endpoints>,
        join: Join,
        place: Place,
        mut changes: watch::Receiver<Told>,
        stop: CancellationToken,
    ) {
        let endpoints = match endpoints {
            Some(endpoints) => endpoints,
            None => tokio::select! {
                endpoints = self.learn(&client) => endpoints,
                () = stop.cancelled() => return,
            },
        };
        let mut membership = Membership::start(client, endpoints, join);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                changed = changes.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let told = *changes.borrow_and_update();
                    membership.update(|join| told.write(join));
                }
                event = membership.next() => match event {
                    Some(event) => self.on_cloud(&place, event).await,
                    None => break,
                },
            }
        }
        membership.leave().await;
    }

    fn on_registered(&self, file_id: &str, write: impl FnOnce(&mut Registration)) {
        self.book().account(file_id, |account| {
            write(account.registration.get_or_insert_default());
        });
    }

    /// Asks the cloud where it is until it says so.
    async fn learn(&self, client: &CloudClient) -> Endpoints {
        loop {
            match client.learn().await {
                Ok(endpoints) => {
                    self.cloud_answered(&endpoints);
                    return endpoints;
                }
                Err(error) => {
                    self.book().state.about.cloud_trouble = Some(Trouble::from(&error));
                    let entry =
                        LogEntry::new(Level::Warning, "CGeoInfoProvider::RefreshConfigs", &error);
                    self.write(&entry.coded(error.do_code()));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn on_cloud(&self, place: &Place, event: CloudEvent) {
        let Place {
            content, file_id, ..
        } = place;
        match event {
            CloudEvent::Joined {
                offered,
                again_in,
                left,
            } => {
                self.on_registered(file_id, |it| {
                    it.joined = true;
                    it.offered = it.offered.max(u32::try_from(offered).unwrap_or(u32::MAX));
                    it.trouble = None;
                });
                self.note(
                    Level::Info,
                    format_args!(
                        "{file_id}: registered, {offered} peers offered, again in {} s",
                        again_in.as_secs()
                    ),
                );
                place.whole.send_replace(left == 0);
            }
            CloudEvent::Peer(event) => {
                if let Some(candidate) = event.candidate() {
                    self.propose(*content, file_id, candidate).await;
                }
            }
            CloudEvent::Learned(endpoints) => {
                self.cloud_answered(&endpoints);
                let text = format_args!(
                    "GEO response: seen at {}, version {}",
                    endpoints.geo.external_ip_address, endpoints.geo.version
                );
                let function = "CGeoInfoProvider::RefreshConfigs";
                self.write(&LogEntry::new(Level::Info, function, text));
            }
            CloudEvent::Failed(error) => {
                let trouble = Trouble::from(&*error);
                self.on_registered(file_id, |it| it.trouble = Some(trouble));
                let text = format!("{file_id}: not registered: {error}");
                let entry = LogEntry::new(Level::Warning, "dolab", text);
                self.write(&entry.coded(error.do_code()));
            }
            // It may learn to tell more.
            _ => {}
        }
    }
}

/// What a registration is for.
#[derive(Debug)]
struct Place {
    content: ContentId,
    file_id: String,
    whole: watch::Sender<bool>,
}

/// Where this host is, as a join tells it.
#[derive(Clone, Copy, Debug, Default)]
struct Whereabouts {
    v4: Option<(Ipv4Addr, Ipv4Addr)>,
    v6: Option<Ipv6Addr>,
}

impl Whereabouts {
    /// The address that is listened on, where it is one; else the one that the default route
    /// leaves from; else the first that is no loopback's.
    fn of(listening: Option<IpAddr>) -> Self {
        let all = if_addrs::get_if_addrs().unwrap_or_default();
        let wanted = listening
            .filter(|ip| !ip.is_unspecified())
            .or_else(default_route);
        let v4 = |it: &if_addrs::Interface| match &it.addr {
            IfAddr::V4(addr) => Some((addr.ip, addr.netmask)),
            IfAddr::V6(_) => None,
        };
        let chosen = all
            .iter()
            .find(|it| Some(it.ip()) == wanted && it.ip().is_ipv4())
            .or_else(|| all.iter().find(|it| !it.is_loopback() && it.ip().is_ipv4()));
        let v6 = |it: &if_addrs::Interface| match it.ip() {
            IpAddr::V6(ip) => Some(ip),
            IpAddr::V4(_) => None,
        };
        let same = |it: &&if_addrs::Interface| chosen.is_none_or(|own| own.name == it.name);
        Self {
            v4: chosen.and_then(v4),
            v6: all
                .iter()
                .filter(|it| !it.is_loopback())
                .filter(same)
                .find_map(v6),
        }
    }
}

/// This host's addresses with the length of their prefix; loopback's where there are no others. Those
/// of the link alone are left out: every link has that network.
pub(super) fn own_networks() -> Vec<(IpAddr, u8)> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let lone = all.iter().all(if_addrs::Interface::is_loopback);
    let wanted = |it: &&if_addrs::Interface| lone || !it.is_loopback();
    let link_local =
        |it: &if_addrs::Interface| matches!(it.ip(), IpAddr::V6(ip) if ip.is_unicast_link_local());
    let network = |it: &if_addrs::Interface| match &it.addr {
        IfAddr::V4(addr) => (addr.ip.into(), addr.prefixlen),
        IfAddr::V6(addr) => (addr.ip.into(), addr.prefixlen),
    };
    all.iter()
        .filter(wanted)
        .filter(|it| !link_local(it))
        .map(network)
        .collect()
}

/// The address that packets to elsewhere leave from. Nothing is sent.
fn default_route() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // A documentation address: only the route is looked up.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket.local_addr().ok().map(|addr| addr.ip())
}

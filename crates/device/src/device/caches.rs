//! Which Connected Caches a device uses: named by a policy, by DHCP, by the cloud, or found on the
//! link.

use std::time::Duration;

use dolab_discovery::{
    Interfaces,
    cloud::Endpoints,
    dhcp::{self, DhcpAnswer},
};
use dolab_policy::{CacheHostSource, GroupIdSource, Policies, gates::Judgement};
use tokio::sync::OnceCell;

use super::Inner;
use crate::report::Level;

/// How long caches on the link have to answer, once (assumed): a responder takes up to 120 ms for
/// what others might answer too (RFC 6762, section 6).
const SEARCH: Duration = Duration::from_millis(500);

/// `CacheHostFlag` of the geo answer: look at DHCP option 235 (documented).
const LOOK_AT_DHCP: u32 = 1;

/// What the site tells beside the cloud. Asked once for as long as the device runs, and only where a
/// policy or the cloud says so.
#[derive(Debug)]
pub(super) struct Surroundings {
    on: Interfaces,
    /// What DHCP tells, or why it tells nothing.
    dhcp: OnceCell<Result<DhcpAnswer, String>>,
    link: OnceCell<Vec<String>>,
}

/// A cache, and how it was found: `DHCP:`, `Services:`, `DNS-SD:` (observed), or nothing for a policy.
type Named = (&'static str, String);

impl Surroundings {
    pub(super) fn new(on: Interfaces) -> Self {
        Self {
            on,
            dhcp: OnceCell::new(),
            link: OnceCell::new(),
        }
    }

    /// The group that DHCP names, where a policy wants it from there (documented: source 3).
    pub(super) async fn group(&self, policies: &Policies) -> Option<String> {
        if policies.group_id_source() != GroupIdSource::Dhcp {
            return None;
        }
        self.dhcp().await.as_ref().ok()?.group.clone()
    }

    /// Why DHCP tells nothing, once it was asked.
    pub(super) fn silence(&self) -> Option<&str> {
        Some(self.dhcp.get()?.as_ref().err()?)
    }

    async fn dhcp(&self) -> &Result<DhcpAnswer, String> {
        let ask = async || match dhcp::ask(&self.on).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err("no dhcp server tells option 234 or 235".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        self.dhcp.get_or_init(ask).await
    }
}

impl Inner {
    /// The Connected Caches to use, and how each was found.
    ///
    /// Documented: option 235 wins with source 2, hosts that are set win with source 1, and where
    /// neither is there, the cloud's assignment counts, which may send to DHCP. Assumed: caches on the
    /// link come last.
    pub(super) async fn caches(
        &self,
        judgement: &Judgement,
        endpoints: Option<&Endpoints>,
    ) -> Vec<Named> {
        if !judgement.allowed.from_cache_server {
            return Vec::new();
        }
        let source = self.policies.cache_host_source();
        if source == CacheHostSource::DhcpForce {
            let caches = self.caches_of_dhcp().await;
            if !caches.is_empty() {
                return caches;
            }
        }
        // Even an empty list is one (documented).
        if let Some(hosts) = self.policies.cache_hosts() {
            return hosts.iter().map(|host| ("", host.clone())).collect();
        }
        let flag = endpoints.and_then(|it| it.geo.cache_host_flag);
        if source == CacheHostSource::Dhcp || flag == Some(LOOK_AT_DHCP) {
            let caches = self.caches_of_dhcp().await;
            if !caches.is_empty() {
                return caches;
            }
        }
        let assigned = endpoints.and_then(|it| it.geo.cache_host.as_deref());
        let assigned = assigned.unwrap_or_default().split(',').map(str::trim);
        let assigned = assigned.filter(|host| !host.is_empty());
        let assigned: Vec<_> = assigned.map(|it| ("Services:", it.to_owned())).collect();
        if !assigned.is_empty() || source != CacheHostSource::DnsSd {
            return assigned;
        }
        self.caches_on_the_link().await
    }

    async fn caches_of_dhcp(&self) -> Vec<Named> {
        let first = self.surroundings.dhcp.get().is_none();
        match self.surroundings.dhcp().await {
            Ok(answer) => {
                let caches = answer.caches.iter();
                caches.map(|host| ("DHCP:", host.clone())).collect()
            }
            Err(why) => {
                if first {
                    self.note(Level::Warning, why);
                }
                Vec::new()
            }
        }
    }

    async fn caches_on_the_link(&self) -> Vec<Named> {
        let Some(discovery) = &self.discovery else {
            return Vec::new();
        };
        let search = async || discovery.caches(SEARCH).await.unwrap_or_default();
        let found = self.surroundings.link.get_or_init(search).await;
        found.iter().map(|host| ("DNS-SD:", host.clone())).collect()
    }
}

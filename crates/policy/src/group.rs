//! Which group a device belongs to in mode 2.

use serde::{Deserialize, Serialize};

use crate::{GroupIdSource, Guid, Policies, table::Page};

/// What a device can tell about where it belongs. `None`: there is none, or it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GroupFacts {
    /// The Active Directory site.
    pub ad_site: Option<String>,
    /// The SID of the domain that it authenticated to.
    pub domain_sid: Option<String>,
    /// What DHCP option 234 said.
    pub dhcp_234: Option<String>,
    /// The DNS suffix.
    pub dns_suffix: Option<String>,
    /// The Entra tenant's id.
    pub tenant: Option<String>,
}

/// Where a group came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupOrigin {
    /// The policy DOGroupId.
    Policy,
    /// The Active Directory site.
    AdSite,
    /// The domain's SID.
    DomainSid,
    /// DHCP option 234.
    Dhcp,
    /// The DNS suffix.
    DnsSuffix,
    /// The Entra tenant.
    Tenant,
}

impl GroupOrigin {
    /// As it stands in reports.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Policy => "DOGroupId",
            Self::AdSite => "AD site",
            Self::DomainSid => "domain SID",
            Self::Dhcp => "DHCP option 234",
            Self::DnsSuffix => "DNS suffix",
            Self::Tenant => "Entra tenant",
        }
    }
}

/// A group, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What devices must have in common: the same text is the same group.
    ///
    /// GUIDs are written in lower case without braces. What Windows makes of a site's or a suffix's
    /// name is not known; here it is the name in lower case behind its kind, such as
    /// `ad-site:berlin` (assumed).
    pub id: Option<String>,
    /// Where it came from.
    pub origin: Option<GroupOrigin>,
    /// What was looked at in vain before, in order, and why it yielded nothing.
    pub tried: Vec<Tried>,
}

/// Something that yielded no group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// What was looked at.
    pub origin: GroupOrigin,
    /// Why it yielded nothing.
    pub why: String,
}

/// The order when nothing is set, and when DHCP or the DNS suffix yield nothing (documented).
const IMPLICIT: [GroupOrigin; 3] = [
    GroupOrigin::AdSite,
    GroupOrigin::DomainSid,
    GroupOrigin::Tenant,
];

impl Policies {
    /// The group that a device belongs to. It counts in mode 2 only, and is told for every mode.
    ///
    /// With both a group id and a source set, the id wins (reference, newer CSP pages); by the older
    /// CSP pages, where [`Page::OldCsp`] is asked for, the source does. That a source which is set to
    /// the site, the domain or the tenant falls back to no other is assumed.
    pub fn group(&self, facts: &GroupFacts) -> Group {
        let source = self.group_id_source();
        let chosen: &[GroupOrigin] = match source {
            GroupIdSource::Unset => &IMPLICIT,
            GroupIdSource::AdSite => &[GroupOrigin::AdSite],
            GroupIdSource::DomainSid => &[GroupOrigin::DomainSid],
            GroupIdSource::Dhcp => &[
                GroupOrigin::Dhcp,
                GroupOrigin::AdSite,
                GroupOrigin::DomainSid,
                GroupOrigin::Tenant,
            ],
            GroupIdSource::DnsSuffix => &[
                GroupOrigin::DnsSuffix,
                GroupOrigin::AdSite,
                GroupOrigin::DomainSid,
                GroupOrigin::Tenant,
            ],
            GroupIdSource::Tenant => &[GroupOrigin::Tenant],
        };
        let source_wins = self.basis().page == Some(Page::OldCsp) && source != GroupIdSource::Unset;
        let policy = self.group_id().map(|_| GroupOrigin::Policy);
        let order: Vec<_> = if source_wins {
            chosen.iter().copied().chain(policy).collect()
        } else {
            policy.into_iter().chain(chosen.iter().copied()).collect()
        };
        let mut tried = Vec::new();
        for origin in order {
            match self.look(origin, facts) {
                Ok(id) => {
                    return Group {
                        id: Some(id),
                        origin: Some(origin),
                        tried,
                    };
                }
                Err(why) => tried.push(Tried { origin, why }),
            }
        }
        Group {
            id: None,
            origin: None,
            tried,
        }
    }

    fn look(&self, origin: GroupOrigin, facts: &GroupFacts) -> Result<String, String> {
        match origin {
            GroupOrigin::Policy => self
                .group_id()
                .map(|guid| guid.to_string())
                .ok_or_else(|| "not set".to_owned()),
            GroupOrigin::AdSite => name("ad-site", facts.ad_site.as_deref()),
            GroupOrigin::DomainSid => name("domain", facts.domain_sid.as_deref()),
            GroupOrigin::DnsSuffix => name("dns", facts.dns_suffix.as_deref()),
            GroupOrigin::Dhcp => guid(facts.dhcp_234.as_deref()),
            GroupOrigin::Tenant => guid(facts.tenant.as_deref()),
        }
    }
}

fn name(kind: &str, text: Option<&str>) -> Result<String, String> {
    let text = text.map(|text| text.trim().trim_end_matches('.'));
    match text.filter(|text| !text.is_empty()) {
        Some(text) => Ok(format!("{kind}:{}", text.to_lowercase())),
        None => Err("there is none".to_owned()),
    }
}

/// DHCP servers may end a text with a zero byte.
fn guid(text: Option<&str>) -> Result<String, String> {
    let text = text.ok_or("there is none")?;
    let guid: Guid = text
        .trim_end_matches('\0')
        .parse()
        .map_err(|error: crate::NoGuid| error.to_string())?;
    Ok(guid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Basis, Name, Os, Raw, Settings};

    const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
    const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";

    fn everything() -> GroupFacts {
        GroupFacts {
            ad_site: Some("Berlin".to_owned()),
            domain_sid: Some("S-1-5-21-1-2-3".to_owned()),
            dhcp_234: Some(format!("{{{}}}\0", A.to_uppercase())),
            dns_suffix: Some("Corp.Example.".to_owned()),
            tenant: Some(B.to_owned()),
        }
    }

    fn policies(id: Option<&str>, source: Option<i128>, page: Option<Page>) -> Policies {
        let mut settings = Settings::new();
        if let Some(id) = id {
            settings.set(Name::GroupId, Raw::Text(id.into())).unwrap();
        }
        if let Some(source) = source {
            settings
                .set(Name::GroupIdSource, Raw::Number(source))
                .unwrap();
        }
        let os = Os::Windows11;
        Policies::new(Basis { os, page }, &settings)
    }

    fn found(source: Option<i128>, facts: &GroupFacts) -> (Option<GroupOrigin>, Option<String>) {
        let group = policies(None, source, None).group(facts);
        (group.origin, group.id)
    }

    #[test]
    fn each_source_yields_its_own() {
        let facts = everything();
        for (source, origin, id) in [
            (0, GroupOrigin::AdSite, "ad-site:berlin"),
            (1, GroupOrigin::AdSite, "ad-site:berlin"),
            (2, GroupOrigin::DomainSid, "domain:s-1-5-21-1-2-3"),
            (3, GroupOrigin::Dhcp, A),
            (4, GroupOrigin::DnsSuffix, "dns:corp.example"),
            (5, GroupOrigin::Tenant, B),
        ] {
            let expected = (Some(origin), Some(id.to_owned()));
            assert_eq!(found(Some(source), &facts), expected, "{source}");
        }
    }

    #[test]
    fn the_order_is_site_domain_tenant() {
        let mut facts = everything();
        let origin = |facts: &GroupFacts| found(None, facts).0;
        assert_eq!(origin(&facts), Some(GroupOrigin::AdSite));
        facts.ad_site = Some("  ".to_owned());
        assert_eq!(origin(&facts), Some(GroupOrigin::DomainSid));
        facts.domain_sid = None;
        assert_eq!(origin(&facts), Some(GroupOrigin::Tenant));
        facts.tenant = None;
        assert_eq!(origin(&facts), None);
    }

    #[test]
    fn dhcp_and_dns_fall_back_and_say_why() {
        let mut facts = everything();
        facts.dhcp_234 = Some("berlin".to_owned());
        facts.dns_suffix = None;
        facts.ad_site = None;
        for (source, why) in [(3, "`berlin` is no GUID"), (4, "there is none")] {
            let group = policies(None, Some(source), None).group(&facts);
            assert_eq!(group.origin, Some(GroupOrigin::DomainSid));
            assert!(group.tried[0].why.starts_with(why), "{:?}", group.tried);
            assert_eq!(group.tried[1].origin, GroupOrigin::AdSite);
        }
        // What was chosen by name falls back to nothing.
        assert_eq!(found(Some(1), &facts), (None, None));
    }

    #[test]
    fn the_id_wins_unless_the_older_pages_are_asked_for() {
        let facts = everything();
        let group = policies(Some(B), Some(3), None).group(&facts);
        assert_eq!(group.origin, Some(GroupOrigin::Policy));
        let group = policies(Some(B), Some(3), Some(Page::OldCsp)).group(&facts);
        assert_eq!(
            (group.origin, group.id.as_deref()),
            (Some(GroupOrigin::Dhcp), Some(A))
        );
        let group = policies(Some(B), None, Some(Page::OldCsp)).group(&facts);
        assert_eq!(group.origin, Some(GroupOrigin::Policy));
    }
}

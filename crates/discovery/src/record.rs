//! The records that announce this host.

use mdns_sd::ServiceInfo;

use crate::{Announcement, CallRequest, DiscoveryError, LabPeer, config::SERVICE, txt};

/// The record set of an announcement, in the form that Windows hosts use: the instance is the
/// host's name, and SRV has priority and weight 0 (observed).
pub(crate) fn service_info(
    host: &str,
    announcement: &Announcement,
    calls: Vec<CallRequest>,
    revision: u32,
) -> Result<ServiceInfo, DiscoveryError> {
    let lab = LabPeer {
        peer: announcement.peer,
        version: env!("CARGO_PKG_VERSION").into(),
        contents: announcement
            .contents
            .iter()
            .take(txt::MAX_CONTENTS)
            .copied()
            .collect(),
        total: u32::try_from(announcement.contents.len()).unwrap_or(u32::MAX),
        group: announcement.group,
        calls,
    };
    let pairs = txt::encode(&lab, revision);
    let label = label(host);
    let server = format!("{label}.local.");
    let info = ServiceInfo::new(
        SERVICE,
        &label,
        &server,
        (),
        announcement.port,
        pairs.as_slice(),
    )
    .map_err(|error| DiscoveryError::Announcement(error.to_string()))?;
    Ok(info.enable_addr_auto())
}

pub(crate) fn fullname(host: &str) -> String {
    format!("{}.{SERVICE}", label(host))
}

/// One DNS label. In lower case, because the daemon finds a name with capitals no more when it has
/// to repeat the announcement.
pub(crate) fn label(host: &str) -> String {
    let clean: String = host
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(57)
        .collect();
    let clean = clean.trim_matches('-');
    if clean.is_empty() {
        "dolab".into()
    } else {
        clean.into()
    }
}

#[cfg(test)]
mod tests {
    use dolab_content::ContentId;
    use dolab_wire::swarm::PeerId;

    use super::*;
    use crate::GroupMark;

    #[test]
    fn any_host_name_makes_a_label() {
        for (host, expected) in [
            ("PC-17", "pc-17"),
            ("my host.example", "my-host-example"),
            ("-_-", "dolab"),
            ("", "dolab"),
        ] {
            assert_eq!(label(host), expected);
        }
        assert_eq!(label(&"x".repeat(100)).len(), 57);
    }

    #[test]
    fn many_contents_still_fit() {
        let contents = (0..100).map(|n| ContentId([n; 32])).collect();
        let announcement = Announcement {
            port: 7680,
            peer: PeerId([1; 20]),
            contents,
            group: Some(GroupMark::of("g")),
        };
        let info = service_info("host", &announcement, vec![], 1).expect("it is bounded");
        assert_eq!(info.get_property_val_str("n"), Some("100"));
        assert_eq!(info.get_fullname(), fullname("HOST"));
    }
}

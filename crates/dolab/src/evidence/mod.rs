//! What devices know of themselves, as evidence for a diagnosis.

mod cmdlets;
mod read;

use std::path::Path;

use dolab_check::site::{
    BadSource, Bytes, Cloud, Device, EVIDENCE_SCHEMA, Failure, FailureKind, File, Gone, Peer,
    Registration, Status,
};
use dolab_device::{
    Entry, Trouble, TroubleKind, View,
    report::{self, ByClass, PeerInfo},
};

pub(crate) use self::read::read;

/// What a device wrote down.
pub(crate) fn of(view: &View, folder: &Path) -> Device {
    let state = &view.state;
    let about = &state.about;
    let name = if about.host.is_empty() {
        folder.display().to_string()
    } else {
        about.host.clone()
    };
    Device {
        schema: EVIDENCE_SCHEMA.to_owned(),
        name,
        os: about.os,
        written: Some(state.written),
        running: view.running,
        policies: about.policies.clone(),
        restriction: about.restriction,
        group: about.group.clone(),
        conditions: about.conditions.clone(),
        proxy: about.proxy.clone(),
        gates: about.gates.clone(),
        addresses: about.addresses.clone(),
        cloud: about.has_cloud.then(|| Cloud {
            external_ip: about.external_ip,
            failure: about.cloud_trouble.as_ref().map(failure),
        }),
        // One that does not run has no port to be open.
        listening: view.running.then_some(about.listening),
        cache_limit: about.cache_limit,
        clock_ahead: about.clock_ahead,
        files: state.files.iter().map(file).collect(),
        gone: about
            .gone
            .iter()
            .map(|gone| Gone {
                id: gone.file_id.clone(),
                since: gone.since,
                when: gone.when,
                expired: gone.expired,
            })
            .collect(),
    }
}

/// Devices of one name are told apart by a number.
pub(crate) fn tell_apart(devices: &mut [Device]) {
    let names: Vec<_> = devices.iter().map(|device| device.name.clone()).collect();
    for (at, device) in devices.iter_mut().enumerate() {
        let same = |name: &&String| **name == names[at];
        if names.iter().filter(same).count() > 1 {
            let number = names[..=at].iter().filter(same).count();
            device.name = format!("{} #{number}", names[at]);
        }
    }
}

fn file(entry: &Entry) -> File {
    let (status, account) = (&entry.status, &entry.account);
    File {
        id: status.file_id.clone(),
        name: entry.name.clone(),
        size: status.file_size,
        status: match status.status {
            report::Status::Downloading => Status::Downloading,
            report::Status::Complete => Status::Complete,
            report::Status::Caching => Status::Caching,
            report::Status::Paused => Status::Paused,
        },
        caller: status.predefined_caller_application.clone(),
        foreground: status.foreground,
        asked: account.asked,
        whole: account.whole,
        mode: Some(status.download_mode),
        reason: account.reason,
        gates: account.gates.clone(),
        failure: account.lookup.as_ref().map(failure),
        ended: account.ended.as_ref().map(failure),
        http: account.http.as_ref().map(failure),
        registration: account.registration.as_ref().map(|it| Registration {
            joined: it.joined,
            offered: it.offered,
            failure: it.trouble.as_ref().map(failure),
        }),
        caches: account.caches.clone(),
        from: bytes(&status.from),
        to: bytes(&status.to),
        peers: entry.peers.iter().map(peer).collect(),
        bad: account
            .bad
            .iter()
            .map(|(source, pieces)| BadSource {
                source: source.clone(),
                pieces: *pieces,
            })
            .collect(),
    }
}

fn peer(info: &PeerInfo) -> Peer {
    let end = info.end.as_ref();
    Peer {
        ip: info.ip.to_canonical(),
        kind: info.peer_type,
        connected: info.connection_established,
        sent: info.bytes_sent,
        received: info.bytes_received,
        code: end.and_then(|end| end.code),
        end: end.map(|end| end.why.clone()).unwrap_or_default(),
    }
}

fn bytes(classes: &ByClass<u64>) -> Bytes {
    Bytes {
        cdn: classes.cdn,
        cache_host: classes.cache_host,
        lan: classes.lan,
        link_local: classes.link_local,
        group: classes.group,
        internet: classes.internet,
    }
}

fn failure(trouble: &Trouble) -> Failure {
    Failure {
        kind: match trouble.kind {
            TroubleKind::Other => FailureKind::Other,
            TroubleKind::Unreachable => FailureKind::Unreachable,
            TroubleKind::Certificate => FailureKind::Certificate,
            TroubleKind::CertificateDate => FailureKind::CertificateDate,
            TroubleKind::CaptivePortal => FailureKind::CaptivePortal,
            TroubleKind::UnknownContent => FailureKind::UnknownContent,
            TroubleKind::HashFileUnavailable => FailureKind::HashFileUnavailable,
            TroubleKind::HashFileWrong => FailureKind::HashFileWrong,
            TroubleKind::NoRanges => FailureKind::NoRanges,
        },
        code: trouble.code,
        text: trouble.text.clone(),
    }
}

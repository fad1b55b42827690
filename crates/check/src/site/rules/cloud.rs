//! What the cloud said, or did not.

use dolab_policy::gates::Gate;

use super::super::{
    Device, Failure, FailureKind, File, Status,
    found::{Found, each, each_file},
};

/// How a device's cloud failed: at its last download, or at a registration before any.
pub(super) fn failure(device: &Device, of: impl Fn(FailureKind) -> bool) -> Option<&Failure> {
    let cloud = device.cloud.as_ref()?;
    let of_files = device.files.iter().filter_map(|file| file.failure.as_ref());
    of_files
        .chain(&cloud.failure)
        .find(|failure| of(failure.kind))
}

/// One finding for each device whose cloud failed so, with the files that suffered.
fn failed(
    devices: &[Device],
    of: impl Fn(FailureKind) -> bool + Copy,
    title: impl Fn(&Device) -> String,
) -> Vec<Found> {
    each(devices, |device| {
        let failure = failure(device, of)?;
        let mut found = Found::new(0, title(device))
            .code(failure.code)
            .saw(failure.text.clone());
        let suffered = |file: &&File| file.failure.as_ref().is_some_and(|it| of(it.kind));
        for file in device.files.iter().filter(suffered) {
            let Some(mode) = file.mode else { continue };
            found = found.saw(format!(
                "{} ran in mode {mode} ({})",
                file.title(),
                mode.number()
            ));
        }
        Some(found)
    })
}

pub(super) fn intercepted(devices: &[Device]) -> Vec<Found> {
    failed(
        devices,
        |kind| kind == FailureKind::Certificate,
        |device| {
            format!(
                "TLS to the cloud is intercepted on the way from {}",
                device.name
            )
        },
    )
}

pub(super) fn portal(devices: &[Device]) -> Vec<Found> {
    failed(
        devices,
        |kind| kind == FailureKind::CaptivePortal,
        |device| {
            format!(
                "a captive portal or proxy answers {} in the cloud's place",
                device.name
            )
        },
    )
}

pub(super) fn unreachable(devices: &[Device]) -> Vec<Found> {
    failed(
        devices,
        |kind| matches!(kind, FailureKind::Unreachable | FailureKind::Other),
        |device| format!("{} gets no answer from the cloud service", device.name),
    )
}

pub(super) fn caller(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |_, file| {
        let told = file.shut(Gate::Caller)?;
        let title = format!("the caller `{}` may not use peers", file.caller);
        Some(
            Found::new(0, title)
                .code(told.code)
                .saw(format!("gate `{}`: {}", told.gate, told.reason)),
        )
    })
}

pub(super) fn content_policy(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |_, file| {
        let told = file.shut(Gate::ContentPolicy)?;
        let title = format!("the cloud forbids peers for {}", file.title());
        Some(
            Found::new(0, title)
                .code(told.code)
                .saw(format!("gate `{}`: {}", told.gate, told.reason)),
        )
    })
}

/// A file about which the cloud was asked, and something failed that is no fault of the cloud as a
/// whole.
fn about(
    devices: &[Device],
    kind: FailureKind,
    title: impl Fn(&Device, &File) -> String,
) -> Vec<Found> {
    each_file(devices, |device, file| {
        let failure = file.failure.as_ref().filter(|it| it.kind == kind)?;
        Some(
            Found::new(0, title(device, file))
                .code(failure.code)
                .saw(failure.text.clone()),
        )
    })
}

pub(super) fn unknown_content(devices: &[Device]) -> Vec<Found> {
    about(devices, FailureKind::UnknownContent, |_, file| {
        format!("the cloud does not know {}", file.title())
    })
}

pub(super) fn no_hashes(devices: &[Device]) -> Vec<Found> {
    about(devices, FailureKind::HashFileUnavailable, |device, file| {
        format!(
            "{} can not get the pieces hash file of {}",
            device.name,
            file.title()
        )
    })
}

pub(super) fn wrong_hashes(devices: &[Device]) -> Vec<Found> {
    about(devices, FailureKind::HashFileWrong, |device, file| {
        format!(
            "{} gets a pieces hash file of {} that is not the right one",
            device.name,
            file.title()
        )
    })
}

pub(super) fn registration(devices: &[Device]) -> Vec<Found> {
    each_file(devices, |device, file| {
        let failure = file.registration.as_ref()?.failure.as_ref()?;
        let matters =
            matches!(file.status, Status::Downloading | Status::Caching) || file.was_fetched();
        let asked = device.cloud.is_some() && file.failure.is_none() && matters;
        let title = format!("{} is not registered for {}", device.name, file.title());
        asked.then(|| {
            Found::new(0, title)
                .code(failure.code)
                .saw(failure.text.clone())
        })
    })
}

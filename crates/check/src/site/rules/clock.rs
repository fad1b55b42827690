//! What a wrong clock does.

use super::{
    super::{
        Device, FailureKind,
        found::{Found, each},
    },
    cloud::failure,
};

/// By more seconds than this a clock is wrong: the five minutes that Windows tolerates in a domain
/// (Kerberos; documented).
const TOLERATED: u64 = 300;

/// How wrong the clock of a device is, in words; `None` where it is right, or nobody said.
fn wrong(device: &Device) -> Option<String> {
    let ahead = device.clock_ahead?;
    let way = if ahead > 0 { "ahead" } else { "behind" };
    let seconds = ahead.unsigned_abs();
    let (unit, name) = match seconds {
        63_115_200.. => (31_557_600, "years"),
        172_800.. => (86_400, "days"),
        7_200.. => (3_600, "hours"),
        _ => (60, "minutes"),
    };
    (seconds > TOLERATED).then(|| format!("{} {name} {way}", seconds / unit))
}

pub(super) fn certificate(devices: &[Device]) -> Vec<Found> {
    each(devices, |device| {
        let failure = failure(device, |kind| kind == FailureKind::CertificateDate)?;
        let by = "the cloud's certificate does not hold";
        let title = match wrong(device) {
            Some(wrong) => format!("the clock of {} is {wrong}, and {by} by it", device.name),
            None => format!("{by} by the clock of {}", device.name),
        };
        let found = Found::new(0, title)
            .code(failure.code)
            .saw(failure.text.clone());
        Some(servers_say(found, device))
    })
}

pub(super) fn hours(devices: &[Device]) -> Vec<Found> {
    each(devices, |device| {
        let wrong = wrong(device)?;
        let set = |name: &str| name.starts_with("DOSetHoursToLimit");
        let held = device.policies.iter();
        let held = held.filter(|held| held.set && set(&held.name));
        let mut found = Found::new(
            0,
            format!(
                "the clock of {} is {wrong}, and its hours of bandwidth with it",
                device.name
            ),
        );
        let none = found.evidence.len();
        for held in held {
            found = found.saw(format!(
                "{} is {} ({})",
                held.name, held.value, held.provider
            ));
        }
        (found.evidence.len() > none).then(|| servers_say(found, device))
    })
}

fn servers_say(found: Found, device: &Device) -> Found {
    match wrong(device) {
        Some(wrong) => found.saw(format!(
            "by the dates that servers put into their answers, its clock is {wrong}"
        )),
        None => found,
    }
}

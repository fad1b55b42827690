//! Diagnosis from what devices know of themselves: one of them, or several of one site.
//!
//! [`Device`] is the evidence; [`diagnose`] goes through one rule for each failure of the
//! [catalogue](dolab_catalogue) that a device can show. Rules are pure, and say nothing where they lack
//! an observation.
//!
//! ```
//! use dolab_check::site::{Device, diagnose};
//!
//! assert!(diagnose(&[Device::default()]).findings.is_empty());
//! ```

mod evidence;
mod found;
mod rules;
#[cfg(test)]
mod tests;

use dolab_catalogue::Severity;
use serde::{Deserialize, Serialize};

pub use self::evidence::{
    BadSource, Bytes, Cloud, Device, Failure, FailureKind, File, Gone, Peer, Registration,
    SCHEMA as EVIDENCE_SCHEMA, Status,
};
use self::{found::Found, rules::RULES};
use crate::findings::failure;

/// Name and version of the report.
pub const SCHEMA: &str = "dolab.diagnosis/1";

/// What is wrong with devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Whether anything is wrong, in a word.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub summary: String,
    /// The devices that were looked at.
    pub devices: Vec<String>,
    /// What is wrong, what hides others first.
    pub findings: Vec<SiteFinding>,
}

/// The answer in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing is wrong.
    Healthy,
    /// Something is.
    Finding,
    /// No device has done anything yet that could tell.
    Inconclusive,
}

/// Something that is wrong with one device, or between several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteFinding {
    /// Stable code: see the [catalogue](dolab_catalogue).
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub title: String,
    /// The devices that it is about.
    pub devices: Vec<String>,
    /// The file that it is about, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whose fault it is.
    pub fault: String,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// Delivery Optimization's own code for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub do_error: Option<String>,
    /// The code of a finding of the same report that explains this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consequence_of: Option<String>,
    /// What to do about it, in a sentence.
    pub mend: String,
    /// Commands that mend it.
    #[serde(default)]
    pub fixes: Vec<dolab_catalogue::Fix>,
}

/// What is wrong with these devices. With several, they are taken for one site.
pub fn diagnose(devices: &[Device]) -> Diagnosis {
    let findings = findings(devices);
    let wrong = findings.iter().find(|it| it.severity > Severity::Info);
    let known = devices.iter().any(|device| !device.files.is_empty());
    let verdict = match wrong {
        Some(_) => Verdict::Finding,
        None if known || !findings.is_empty() => Verdict::Healthy,
        None => Verdict::Inconclusive,
    };
    let names: Vec<_> = devices.iter().map(|device| device.name.clone()).collect();
    let summary = match (wrong, findings.first()) {
        (Some(finding), _) => format!("{}: {}", finding.title, finding.mend),
        (None, Some(finding)) => format!("nothing is wrong; worth knowing: {}", finding.title),
        (None, None) if known => format!("nothing is wrong with {}", names.join(", ")),
        (None, None) => {
            "no device has downloaded anything yet: there is nothing to judge".to_owned()
        }
    };
    Diagnosis {
        schema: SCHEMA.to_owned(),
        verdict,
        summary: summary.trim_end_matches('.').to_owned(),
        devices: names,
        findings,
    }
}

fn findings(devices: &[Device]) -> Vec<SiteFinding> {
    let mut findings: Vec<SiteFinding> = Vec::new();
    for rule in RULES {
        let row = failure(rule.code);
        for found in (rule.find)(devices) {
            let explains = |before: &&SiteFinding| {
                rule.follows.contains(&before.code.as_str()) && concerns(before, &found, devices)
            };
            let cause = findings.iter().find(explains).map(|it| it.code.clone());
            let explained = |it: &SiteFinding| concerns(it, &found, devices);
            if rule.last && findings.iter().any(explained) {
                continue;
            }
            let Found {
                devices: about,
                file,
                title,
                severity,
                evidence,
                code,
            } = found;
            findings.push(SiteFinding {
                code: rule.code.to_owned(),
                severity: severity.unwrap_or(row.severity),
                title,
                devices: about.iter().map(|at| devices[*at].name.clone()).collect(),
                file,
                fault: row.fault.clone(),
                evidence,
                do_error: code.or_else(|| row.do_code()).map(|code| code.to_string()),
                consequence_of: cause,
                mend: row.mend.clone(),
                fixes: row.fix.clone(),
            });
        }
    }
    findings
}

/// Whether an earlier finding is about the same: a device in common, and no other file.
fn concerns(before: &SiteFinding, found: &Found, devices: &[Device]) -> bool {
    let same_file = match (&before.file, &found.file) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => true,
    };
    let in_common = |at: &usize| before.devices.contains(&devices[*at].name);
    same_file && found.devices.iter().any(in_common)
}

/// The codes that a diagnosis may find, in the order of reports.
pub fn codes() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.code)
}

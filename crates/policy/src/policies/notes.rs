//! What an administrator should know about the values that are set.

use dolab_wire::DownloadMode;
use serde::Serialize;

use super::{Origin, Policies};
use crate::{Name, Os, Priority, Provider, Value};

/// Something that is worth knowing about what is set. None of it is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The policies that it is about.
    pub policies: Vec<Name>,
    /// What there is to know, in one sentence.
    pub text: String,
}

/// Longer than this, a download that waits for peers is taken for one that is stuck.
const LONG_WAIT: u64 = 600;

impl Policies {
    /// What contradicts, has no effect, or does not do what it looks like.
    pub fn notes(&self) -> Vec<Note> {
        let mut notes = Notes(Vec::new());
        self.about_the_mode(&mut notes);
        self.about_the_group(&mut notes);
        self.about_the_restriction(&mut notes);
        self.about_sources(&mut notes);
        self.about_age(&mut notes);
        notes.0
    }

    fn about_the_mode(&self, notes: &mut Notes) {
        if self.download_mode() == DownloadMode::Bypass && self.basis().os != Os::Windows10 {
            notes.add(
                &[Name::DownloadMode],
                "Bypass (100) is deprecated here, and downloads can fail with 0x80D03002: use 0 or 99",
            );
        }
    }

    fn about_the_group(&self, notes: &mut Notes) {
        let (id, source) = (self.is_set(Name::GroupId), self.is_set(Name::GroupIdSource));
        if (id || source) && self.download_mode() != DownloadMode::Group {
            let name = if id {
                Name::GroupId
            } else {
                Name::GroupIdSource
            };
            notes.add(
                &[name, Name::DownloadMode],
                format!("{name} has no effect: the download mode is not Group (2)"),
            );
        }
        if id && source {
            notes.add(
                &[Name::GroupId, Name::GroupIdSource],
                "both are set: the group id wins by the reference and the newer CSP pages, the source by older CSP pages",
            );
        }
    }

    fn about_the_restriction(&self, notes: &mut Notes) {
        let name = Name::RestrictPeerSelectionBy;
        if !self.is_set(name) {
            return;
        }
        if !matches!(
            self.download_mode(),
            DownloadMode::Lan | DownloadMode::Group
        ) {
            notes.add(
                &[name, Name::DownloadMode],
                "DORestrictPeerSelectionBy has no effect: it counts in modes 1 and 2 only",
            );
        }
        let effective = self.effective(name);
        let by_mdm = effective.origin.provider() == Provider::Mdm;
        let local = effective.value == Some(Value::Number(2));
        if local && by_mdm && self.basis().os == Os::Windows10 {
            notes.add(
                &[name],
                "Windows 10 refuses 2 over MDM: the policy fails there, and only the registry can set it",
            );
        }
    }

    fn about_sources(&self, notes: &mut Notes) {
        for (priority, name) in [
            (Priority::Foreground, Name::DelayForegroundDownloadFromHttp),
            (Priority::Background, Name::DelayBackgroundDownloadFromHttp),
        ] {
            let delay = self.delay_from_http(priority).as_secs();
            if delay > LONG_WAIT {
                notes.add(
                    &[name],
                    format!("a download without peers does nothing for {delay} s, and looks stuck"),
                );
            }
        }
        if self.cache_hosts().is_some_and(<[_]>::is_empty) {
            notes.add(
                &[Name::CacheHost],
                "an empty DOCacheHost counts as set: no Connected Cache is used",
            );
        }
        if self.is_set(Name::AbsoluteMaxCacheSize) && self.is_set(Name::MaxCacheSize) {
            notes.add(
                &[Name::AbsoluteMaxCacheSize, Name::MaxCacheSize],
                "DOMaxCacheSize has no effect: DOAbsoluteMaxCacheSize overrides it",
            );
        }
    }

    fn about_age(&self, notes: &mut Notes) {
        for name in Name::all().filter(|name| self.is_set(*name)) {
            let policy = name.policy();
            if let Some(deprecated) = policy.deprecated {
                notes.add(&[name], format!("{name} was {deprecated}"));
            }
            if self.basis().os == Os::Windows10 && policy.since.starts_with("Windows 11") {
                notes.add(
                    &[name],
                    format!("{name} is not known before {}", policy.since),
                );
            }
        }
    }

    fn is_set(&self, name: Name) -> bool {
        matches!(self.effective(name).origin, Origin::Set { .. })
    }
}

struct Notes(Vec<Note>);

impl Notes {
    fn add(&mut self, policies: &[Name], text: impl Into<String>) {
        self.0.push(Note {
            policies: policies.to_vec(),
            text: text.into(),
        });
    }
}

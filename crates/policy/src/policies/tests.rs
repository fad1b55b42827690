use std::time::Duration;

use dolab_wire::DownloadMode;
use proptest::prelude::*;

use super::*;
use crate::{
    Place, Priority, Raw,
    table::{Kind, TABLE},
    value::arbitrary,
};

/// What these providers set, in this order.
fn set(settings: &[(Provider, Name, Raw)]) -> Settings {
    let mut all = Settings::new();
    for (provider, name, raw) in settings {
        all.push(Change::Set(Setting {
            name: *name,
            value: Value::new(name.policy(), raw.clone()).unwrap(),
            provider: *provider,
            place: Place::Code("test"),
        }));
    }
    all
}

fn mode(provider: Provider, number: i128) -> (Provider, Name, Raw) {
    (provider, Name::DownloadMode, Raw::Number(number))
}

/// The defaults of the reference, written down by hand from the facts.
#[test]
fn defaults_are_those_of_the_reference() {
    let policies = Policies::default();
    assert_eq!(policies.download_mode(), DownloadMode::Lan);
    assert_eq!(policies.group_id(), None);
    assert_eq!(policies.group_id_source(), GroupIdSource::Unset);
    assert_eq!(policies.restriction(), Restriction::Subnet);
    assert_eq!(policies.min_file_size(), 50 << 20);
    assert_eq!(policies.min_ram(), 4 << 30);
    assert_eq!(policies.min_disk(), 32 << 30);
    assert_eq!(policies.battery_to_upload(), None);
    assert!(!policies.vpn_peer_caching());
    assert!(policies.cache_server_on_vpn());
    assert_eq!(
        policies.vpn_keywords(),
        ["VPN", "Secure", "Virtual Private Network"]
    );
    assert_eq!(policies.monthly_upload_cap(), Some(20 << 30));
    assert_eq!(policies.max_cache_age(), Some(Duration::from_secs(259_200)));
    assert_eq!(policies.max_cache_size(1000), Some(200));
    assert_eq!(policies.max_cache_size(u64::MAX), Some(u64::MAX / 5));
    assert_eq!(policies.cache_drive(), "%SYSTEMDRIVE%");
    assert_eq!(policies.min_background_qos(), 2500 << 10);
    for priority in [Priority::Foreground, Priority::Background] {
        assert_eq!(policies.delay_from_http(priority), Duration::ZERO);
        assert_eq!(policies.delay_cache_fallback(priority), Duration::ZERO);
    }
    assert_eq!(policies.cache_hosts(), None);
    assert_eq!(policies.cache_host_source(), CacheHostSource::DnsSd);
    for effective in policies.all() {
        assert_eq!(effective.origin.provider(), Provider::Default);
        assert_eq!(effective.overridden, []);
    }
    assert_eq!(policies.notes(), []);
}

#[test]
fn defaults_depend_on_the_system_and_on_the_mode() {
    let nothing = Settings::new();
    let windows_10 = Policies::new(Os::Windows10, &nothing);
    assert_eq!(windows_10.restriction(), Restriction::None);
    assert_eq!(windows_10.download_mode(), DownloadMode::Lan);
    let server = Policies::new(Os::Server, &nothing);
    assert_eq!(server.download_mode(), DownloadMode::CdnOnly);
    let group = set(&[mode(Provider::Registry, 2)]);
    let group = Policies::new(Os::Windows11, &group);
    assert_eq!(group.restriction(), Restriction::None);
}

#[test]
fn another_page_gives_other_defaults_where_it_states_any() {
    let by = |page| {
        let basis = Basis {
            os: Os::Windows11,
            page: Some(page),
        };
        Policies::new(basis, &Settings::new())
    };
    let csp = by(Page::Csp);
    assert_eq!(csp.min_file_size(), 100 << 20);
    assert_eq!(csp.min_background_qos(), 20_480 << 10);
    assert_eq!(csp.max_cache_age(), Some(Duration::from_secs(604_800)));
    assert_eq!(csp.monthly_upload_cap(), Some(5120 << 30));
    assert_eq!(csp.restriction(), Restriction::LocalDiscovery);
    // It states no number, so that the reference's stays.
    assert_eq!(csp.min_disk(), 32 << 30);
    assert_eq!(csp.download_mode(), DownloadMode::Lan);
    assert_eq!(
        by(Page::CspFramework).download_mode(),
        DownloadMode::CdnOnly
    );
    assert_eq!(by(Page::OldReference).min_background_qos(), 500 << 10);
    assert_eq!(
        by(Page::OldReference).max_cache_size(1 << 40),
        Some(10 << 30)
    );
}

#[test]
fn the_stronger_provider_wins_whatever_the_order() {
    let both = [mode(Provider::Mdm, 2), mode(Provider::Registry, 3)];
    let turned = [both[1].clone(), both[0].clone()];
    for settings in [both, turned] {
        let policies = Policies::new(Os::Windows11, &set(&settings));
        let effective = policies.effective(Name::DownloadMode);
        assert_eq!(effective.value, Some(Value::Number(3)));
        assert_eq!(effective.origin.provider(), Provider::Registry);
        assert_eq!(effective.overridden.len(), 1);
        assert_eq!(effective.overridden[0].provider, Provider::Mdm);
    }
}

#[test]
fn what_is_taken_back_no_longer_counts() {
    let both = [mode(Provider::Mdm, 2), mode(Provider::Registry, 3)];
    let mut settings = set(&both);
    settings.push(Change::Unset {
        name: Name::DownloadMode,
        provider: Provider::Registry,
    });
    let policies = Policies::new(Os::Windows11, &settings);
    assert_eq!(policies.download_mode(), DownloadMode::Group);
    settings.push(Change::Clear(Provider::Mdm));
    let policies = Policies::new(Os::Windows11, &settings);
    assert_eq!(policies.download_mode(), DownloadMode::Lan);
    settings.extend(set(&[mode(Provider::Admin, 0)]));
    let policies = Policies::new(Os::Windows11, &settings);
    assert_eq!(policies.download_mode(), DownloadMode::CdnOnly);
}

#[test]
fn special_values_mean_what_they_say() {
    let number = |name, number| (Provider::Registry, name, Raw::Number(number));
    let hosts = |text: &str| {
        let raw = Raw::Text(text.to_owned());
        (Provider::Registry, Name::CacheHost, raw)
    };
    let policies = Policies::new(
        Os::Windows11,
        &set(&[
            number(Name::MaxCacheAge, 0),
            number(Name::MonthlyUploadDataCap, 0),
            number(Name::AbsoluteMaxCacheSize, 0),
            number(Name::MinBatteryPercentageAllowedToUpload, 0),
            hosts(""),
        ]),
    );
    assert_eq!(policies.max_cache_age(), None);
    assert_eq!(policies.monthly_upload_cap(), None);
    assert_eq!(policies.max_cache_size(1 << 40), None);
    assert_eq!(policies.battery_to_upload(), None);
    assert_eq!(policies.cache_hosts(), Some(&[][..]));
    let policies = Policies::new(
        Os::Windows11,
        &set(&[
            number(Name::AbsoluteMaxCacheSize, 7),
            hosts(" cache1.example , 10.0.0.2 "),
        ]),
    );
    assert_eq!(policies.max_cache_size(1 << 40), Some(7 << 30));
    assert_eq!(
        policies.cache_hosts().unwrap(),
        ["cache1.example", "10.0.0.2"]
    );
}

#[test]
fn disputed_defaults_are_told_and_set_values_are_not_in_dispute() {
    let policies = Policies::default();
    let pages = |policies: &Policies, name| {
        let rows = policies.disputed(name).into_iter();
        rows.map(|row| row.page).collect::<Vec<_>>()
    };
    assert_eq!(
        pages(&policies, Name::MinBackgroundQos),
        [Page::OldReference, Page::Csp]
    );
    assert_eq!(
        pages(&policies, Name::MinDiskSizeAllowedToPeer),
        [Page::Csp]
    );
    assert_eq!(pages(&policies, Name::MinRamAllowedToPeer), []);
    let number = Raw::Number(500);
    let set = set(&[(Provider::Registry, Name::MinBackgroundQos, number)]);
    let policies = Policies::new(Os::Windows11, &set);
    assert_eq!(pages(&policies, Name::MinBackgroundQos), []);
}

#[test]
fn what_has_no_effect_or_is_old_is_noted() {
    let number = |provider, name, number| (provider, name, Raw::Number(number));
    let guid = Raw::Text("01234567-89ab-cdef-0123-456789abcdef".to_owned());
    let notes = |os, settings: &[_]| {
        let notes = Policies::new(os, &set(settings)).notes();
        notes
            .into_iter()
            .map(|note| note.text)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let group = [
        mode(Provider::Registry, 1),
        (Provider::Registry, Name::GroupId, guid),
        number(Provider::Mdm, Name::GroupIdSource, 3),
    ];
    insta::assert_snapshot!(notes(Os::Windows11, &group), @"
    DOGroupId has no effect: the download mode is not Group (2)
    both are set: the group id wins by the reference and the newer CSP pages, the source by older CSP pages
    ");
    let many = [
        mode(Provider::Registry, 100),
        number(Provider::Mdm, Name::RestrictPeerSelectionBy, 2),
        number(
            Provider::Registry,
            Name::DelayBackgroundDownloadFromHttp,
            3600,
        ),
        number(Provider::Registry, Name::MaxUploadBandwidth, 5),
        number(Provider::Registry, Name::MaxCacheSize, 5),
        number(Provider::Registry, Name::AbsoluteMaxCacheSize, 5),
        (
            Provider::Registry,
            Name::CacheHost,
            Raw::Text(String::new()),
        ),
        (
            Provider::Registry,
            Name::VpnKeywords,
            Raw::Text("Corp".to_owned()),
        ),
    ];
    insta::assert_snapshot!(notes(Os::Windows11, &many), @"
    Bypass (100) is deprecated here, and downloads can fail with 0x80D03002: use 0 or 99
    DORestrictPeerSelectionBy has no effect: it counts in modes 1 and 2 only
    a download without peers does nothing for 3600 s, and looks stuck
    an empty DOCacheHost counts as set: no Connected Cache is used
    DOMaxCacheSize has no effect: DOAbsoluteMaxCacheSize overrides it
    DOMaxUploadBandwidth was removed from Windows 10 2004: newer systems do not know it
    ");
    insta::assert_snapshot!(notes(Os::Windows10, &many[1..2]), @"Windows 10 refuses 2 over MDM: the policy fails there, and only the registry can set it");
    insta::assert_snapshot!(notes(Os::Windows10, &many[7..]), @"DOVpnKeywords is not known before Windows 11 22H2 (September 2022)");
}

/// The table itself.
#[test]
fn every_policy_has_a_default_for_every_system_and_its_defaults_are_in_range() {
    for policy in TABLE {
        for os in Os::ALL {
            for mode in DownloadMode::ALL {
                let fits = |row: &&Default| row.value != Preset::Cloud && row.when.holds(os, mode);
                assert!(
                    policy.defaults.iter().any(|row| fits(&row)),
                    "{}",
                    policy.mdm
                );
            }
        }
        for row in policy.defaults {
            let raw = match row.value {
                Preset::Number(number) => Raw::Number(number.into()),
                Preset::Text(text) => Raw::Text(text.to_owned()),
                Preset::List(texts) => Raw::List(texts.iter().map(|it| (*it).to_owned()).collect()),
                Preset::Unset(_) | Preset::Cloud => continue,
            };
            let value = Value::new(policy, raw);
            assert_eq!(value.ok(), Value::preset(row.value), "{}", policy.mdm);
        }
        assert!(!policy.decides.is_empty() && !policy.since.is_empty());
        if let Kind::Number { min, max, zero } = policy.kind {
            assert!(min < max);
            assert!(zero.is_none() || min == 0, "{}", policy.mdm);
        }
    }
}

fn provider() -> impl Strategy<Value = Provider> {
    prop::sample::select(&Provider::ALL[..4])
}

fn setting() -> impl Strategy<Value = Setting> {
    let name = prop::sample::select(Name::all().collect::<Vec<_>>());
    (name, provider()).prop_flat_map(|(name, provider)| {
        arbitrary(name.policy()).prop_map(move |value| Setting {
            name,
            value,
            provider,
            place: Place::Code("test"),
        })
    })
}

proptest! {
    /// Whatever is set by whomever: every value that holds is one that its policy may have, and it is
    /// the last of the strongest who set it.
    #[test]
    fn what_holds_is_in_range_and_the_last_of_the_strongest(
        settings in prop::collection::vec(setting(), 0..80),
        os in prop::sample::select(&Os::ALL[..]),
        page in prop::option::of(prop::sample::select(&Page::ALL[..])),
    ) {
        let mut all = Settings::new();
        for setting in &settings {
            all.push(Change::Set(setting.clone()));
        }
        let policies = Policies::new(Basis { os, page }, &all);
        for effective in policies.all() {
            if let Some(value) = &effective.value {
                let again = Value::new(effective.name.policy(), value.clone().into_raw());
                prop_assert_eq!(again.as_ref(), Ok(value));
            }
            let of_name = || settings.iter().filter(|it| it.name == effective.name);
            match of_name().map(|it| it.provider).min() {
                None => prop_assert_eq!(effective.origin.provider(), Provider::Default),
                Some(strongest) => {
                    prop_assert_eq!(effective.origin.provider(), strongest);
                    let last = of_name().rfind(|it| it.provider == strongest).unwrap();
                    prop_assert_eq!(effective.value.as_ref(), Some(&last.value));
                }
            }
        }
        // Nothing that can be set makes a getter fail.
        let _ = (policies.notes(), policies.max_cache_size(u64::MAX), policies.vpn_keywords());
        prop_assert!(policies.max_cache_size(1000).is_none_or(|size| size <= 1000 || size >> 30 > 0));
        for priority in [Priority::Foreground, Priority::Background] {
            for hour in [None, Some(0), Some(23)] {
                let percent = policies.download_limits(priority, hour).percent;
                prop_assert!((1..=100).contains(&percent));
            }
        }
    }
}

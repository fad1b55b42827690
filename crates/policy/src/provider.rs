//! Who sets policies, and whose word counts.

use std::fmt;

use serde::Serialize;

/// Who set a value, by the numbers that Get-DOConfig shows (documented: the PowerShell module). That
/// the lower number wins, and which place in the registry belongs to which provider, is assumed
/// unless a place says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// 5, RegistryProvider: group policy, and whoever writes to its place in the registry.
    Registry,
    /// 7, MdmProvider: Intune and other device management.
    Mdm,
    /// 8, SettingsProvider: the user, in the Settings app.
    Settings,
    /// 9, AdminProvider: an administrator, on this device.
    Admin,
    /// 99, DefaultProvider: nobody.
    Default,
}

impl Provider {
    /// Everyone, the strongest first.
    pub const ALL: [Self; 5] = [
        Self::Registry,
        Self::Mdm,
        Self::Settings,
        Self::Admin,
        Self::Default,
    ];

    /// The number in Get-DOConfig.
    pub const fn number(self) -> u32 {
        match self {
            Self::Registry => 5,
            Self::Mdm => 7,
            Self::Settings => 8,
            Self::Admin => 9,
            Self::Default => 99,
        }
    }

    /// The name in Get-DOConfig.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registry => "RegistryProvider",
            Self::Mdm => "MdmProvider",
            Self::Settings => "SettingsProvider",
            Self::Admin => "AdminProvider",
            Self::Default => "DefaultProvider",
        }
    }

    /// The table of our own files that holds what it sets, or `None` for [`Provider::Default`].
    pub const fn table(self) -> Option<&'static str> {
        match self {
            Self::Registry => Some("registry"),
            Self::Mdm => Some("mdm"),
            Self::Settings => Some("settings"),
            Self::Admin => Some("admin"),
            Self::Default => None,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A key of the registry that holds policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its root, in full: `HKEY_LOCAL_MACHINE` or `HKEY_USERS`.
    pub root: &'static str,
    /// Its path below the root.
    pub path: &'static str,
    /// Whose it is.
    pub provider: Provider,
    /// Whether nothing but policies stands there, so that a name that is none is a mistake.
    pub only_policies: bool,
    /// Whether names stand there without `DO`.
    pub bare_names: bool,
}

/// Every key that is read.
pub const KEYS: [Key; 4] = [
    // Documented.
    Key {
        root: "HKEY_LOCAL_MACHINE",
        path: r"SOFTWARE\Policies\Microsoft\Windows\DeliveryOptimization",
        provider: Provider::Registry,
        only_policies: true,
        bare_names: false,
    },
    // Observed: public samples read their MDM policies there.
    Key {
        root: "HKEY_LOCAL_MACHINE",
        path: r"SOFTWARE\Microsoft\PolicyManager\current\device\DeliveryOptimization",
        provider: Provider::Mdm,
        only_policies: true,
        bare_names: false,
    },
    // Observed: DownloadMode beside a DownloadModeProvider of 8.
    Key {
        root: "HKEY_USERS",
        path: r"S-1-5-20\SOFTWARE\Microsoft\Windows\CurrentVersion\DeliveryOptimization\Settings",
        provider: Provider::Settings,
        only_policies: false,
        bare_names: true,
    },
    // Observed as a place where administrators set DODownloadMode; that it is this provider's is assumed.
    Key {
        root: "HKEY_LOCAL_MACHINE",
        path: r"SOFTWARE\Microsoft\Windows\CurrentVersion\DeliveryOptimization\Config",
        provider: Provider::Admin,
        only_policies: false,
        bare_names: false,
    },
];

impl Key {
    /// The key of this full path, as .reg files write it, in any case; the roots' short names too.
    pub fn find(path: &str) -> Option<&'static Self> {
        let (root, below) = path.split_once('\\')?;
        let root = match root.to_ascii_uppercase().as_str() {
            "HKLM" | "HKEY_LOCAL_MACHINE" => "HKEY_LOCAL_MACHINE",
            "HKU" | "HKEY_USERS" => "HKEY_USERS",
            _ => return None,
        };
        let below = below.trim_end_matches('\\');
        KEYS.iter()
            .find(|key| key.root == root && key.path.eq_ignore_ascii_case(below))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r"{}\{}", self.root, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stronger_provider_has_the_lower_number() {
        let numbers = Provider::ALL.map(Provider::number);
        assert_eq!(numbers, [5, 7, 8, 9, 99]);
        assert!(Provider::ALL.is_sorted());
    }

    #[test]
    fn keys_are_found_as_people_write_them() {
        for key in &KEYS {
            assert_eq!(Key::find(&key.to_string()), Some(key));
            assert_eq!(Key::find(&key.to_string().to_lowercase()), Some(key));
        }
        let short = r"hklm\Software\Policies\Microsoft\Windows\DeliveryOptimization\";
        assert_eq!(Key::find(short), Some(&KEYS[0]));
        for other in [
            "",
            "HKLM",
            r"HKEY_CURRENT_USER\SOFTWARE\Policies\Microsoft\Windows\DeliveryOptimization",
            r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeliveryOptimization\Sub",
        ] {
            assert_eq!(Key::find(other), None, "{other}");
        }
    }
}

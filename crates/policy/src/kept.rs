//! Policies and decisions in a plain form, which is written down on one machine and read on another.

use dolab_wire::DoCode;
use serde::{Deserialize, Serialize};

use crate::{
    Effective, Origin, Policies,
    gates::{Decision, Gate, Use, Verdict},
};

/// A policy that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its name, such as `DODownloadMode`.
    pub name: String,
    /// Its value as people read it, with the unit.
    pub value: String,
    /// Its value as it is set, where that is a number, in the policy's own unit.
    #[serde(default)]
    pub number: Option<u32>,
    /// Whether somebody set it.
    pub set: bool,
    /// Who did, by the name in Get-DOConfig.
    pub provider: String,
    /// What weaker providers set to something else.
    #[serde(default)]
    pub overruled: Vec<Overruled>,
}

/// A value that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overruled {
    /// Who set it.
    pub provider: String,
    /// The value as people read it.
    pub value: String,
}

/// A gate's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Which gate.
    pub gate: Gate,
    /// How it stands.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// What it shuts.
    #[serde(default)]
    pub blocks: Vec<Use>,
    /// Delivery Optimization's code for it.
    #[serde(default)]
    pub code: Option<DoCode>,
}

impl From<&Decision> for Told {
    fn from(decision: &Decision) -> Self {
        Self {
            gate: decision.gate,
            verdict: decision.verdict,
            reason: decision.reason.clone(),
            blocks: decision.blocks.clone(),
            code: decision.code,
        }
    }
}

impl Policies {
    /// All that holds, in the plain form.
    pub fn held(&self) -> Vec<Held> {
        self.all()
            .map(|effective| self.held_of(effective))
            .collect()
    }

    fn held_of(&self, effective: &Effective) -> Held {
        let number = match effective.value {
            Some(crate::Value::Number(number)) => Some(number),
            _ => None,
        };
        let differs = |it: &&crate::Setting| Some(&it.value) != effective.value.as_ref();
        Held {
            name: effective.name.to_string(),
            value: self.show(effective.name),
            number,
            set: matches!(effective.origin, Origin::Set { .. }),
            provider: effective.origin.provider().name().to_owned(),
            overruled: effective
                .overridden
                .iter()
                .filter(differs)
                .map(|it| Overruled {
                    provider: it.provider.name().to_owned(),
                    value: it.value.show(effective.name.policy()),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Os, Settings,
        gates::{Conditions, Transfer, judge},
    };

    #[test]
    fn what_is_kept_is_read_again() {
        let text = b"DODownloadMode = 1\n[mdm]\nDODownloadMode = 2\nDOMaxCacheAge = 60\n";
        let policies = Policies::new(Os::Windows11, &Settings::read("p.toml", text).unwrap());
        let held = policies.held();
        let mode = &held[0];
        assert_eq!(
            (mode.name.as_str(), mode.number),
            ("DODownloadMode", Some(1))
        );
        assert_eq!(mode.overruled[0].provider, "MdmProvider");
        assert!(held.iter().filter(|it| it.set).count() == 2);
        let text = serde_json::to_string(&held).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Held>>(&text).unwrap(), held);

        let judgement = judge(&policies, &Conditions::usual(), &Transfer::default());
        let told: Vec<_> = judgement.decisions.iter().map(Told::from).collect();
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Told>>(&text).unwrap(), told);
    }
}

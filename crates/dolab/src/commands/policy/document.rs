//! Policies as they stand in the JSON.

use dolab_policy::{
    Group, Name, Note, Origin, Os, Policies, Setting, Value,
    table::{Default, GPO_PATH, Kind, Page, Policy, Unit},
};
use serde::Serialize;

/// What the table says about a policy.
#[derive(Debug, Serialize)]
pub(super) struct PolicyDocument {
    name: Name,
    decides: &'static str,
    allowed: String,
    unit: Unit,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<ChoiceDocument>,
    since: &'static str,
    mdm_path: String,
    group_policy: Option<String>,
    registry_values: Vec<String>,
    storage: &'static str,
    defaults: Vec<DefaultDocument>,
    advice: Vec<AdviceDocument>,
    notes: &'static [&'static str],
    deprecated: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct ChoiceDocument {
    number: u32,
    word: &'static str,
    meaning: &'static str,
}

#[derive(Debug, Serialize)]
struct DefaultDocument {
    value: String,
    page: Page,
    when: String,
}

#[derive(Debug, Serialize)]
struct AdviceDocument {
    text: &'static str,
    page: Page,
}

impl From<&Policy> for PolicyDocument {
    fn from(policy: &Policy) -> Self {
        let choices = match policy.kind {
            Kind::Choice(choices) => choices,
            Kind::Number { .. } | Kind::Guid | Kind::Path | Kind::List(_) | Kind::Hours => &[],
        };
        Self {
            name: policy.name,
            decides: policy.decides,
            allowed: policy.kind.describe(policy.unit),
            unit: policy.unit,
            choices: choices
                .iter()
                .map(|choice| ChoiceDocument {
                    number: choice.number,
                    word: choice.word,
                    meaning: choice.meaning,
                })
                .collect(),
            since: policy.since,
            mdm_path: policy.mdm_path(),
            group_policy: policy.gpo.map(|gpo| format!("{GPO_PATH} > {gpo}")),
            registry_values: policy.registry_values(),
            storage: policy.kind.storage(),
            defaults: defaults(policy, policy.defaults.iter()),
            advice: policy
                .advice
                .iter()
                .map(|advice| AdviceDocument {
                    text: advice.text,
                    page: advice.page,
                })
                .collect(),
            notes: policy.notes,
            deprecated: policy.deprecated,
        }
    }
}

fn defaults<'a>(policy: &Policy, rows: impl Iterator<Item = &'a Default>) -> Vec<DefaultDocument> {
    rows.map(|row| DefaultDocument {
        value: row.value.show(policy),
        page: row.page,
        when: row.when.to_string(),
    })
    .collect()
}

/// What holds on a device.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    schema: &'static str,
    os: Os,
    defaults: Option<Page>,
    policies: Vec<EffectiveDocument<'a>>,
    notes: Vec<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a Group>,
}

#[derive(Debug, Serialize)]
struct EffectiveDocument<'a> {
    name: Name,
    value: &'a Option<Value>,
    shown: String,
    provider: &'static str,
    provider_id: u32,
    origin: &'a Origin,
    overridden: &'a [Setting],
    disputed: Vec<DefaultDocument>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(policies: &'a Policies, group: Option<&'a Group>) -> Self {
        let basis = policies.basis();
        Self {
            schema: "dolab.policies/1",
            os: basis.os,
            defaults: basis.page,
            policies: policies
                .all()
                .map(|it| EffectiveDocument {
                    name: it.name,
                    value: &it.value,
                    shown: policies.show(it.name),
                    provider: it.origin.provider().name(),
                    provider_id: it.origin.provider().number(),
                    origin: &it.origin,
                    overridden: &it.overridden,
                    disputed: defaults(it.name.policy(), policies.disputed(it.name).into_iter()),
                })
                .collect(),
            notes: policies.notes(),
            group,
        }
    }
}

//! Policies, what holds, and the gates.

use comfy_table::{Cell, Color, ColumnConstraint, Table};
use dolab_policy::{
    Effective, Group, KEYS, Origin, Policies,
    gates::{Judgement, Verdict},
    table::{GPO_PATH, Kind, Policy, TABLE},
};

use super::{Style, labelled::labelled, table};
use crate::escape::escape;

/// A line for each policy.
pub fn policy_list(style: Style) -> String {
    let mut table = table::table(style, ["policy", "allowed", "default"]);
    let defaults = Policies::default();
    for policy in TABLE {
        let default = match defaults.effective(policy.name).value {
            Some(_) => defaults.show(policy.name),
            None => "not set".to_owned(),
        };
        let old = policy.deprecated.map_or("", |_| ", deprecated");
        let allowed = if matches!(policy.kind, Kind::Hours) {
            // In full, it would take two lines.
            "hours and percentages".to_owned()
        } else {
            policy.kind.describe(policy.unit)
        };
        table.add_row([policy.mdm.to_owned(), allowed, format!("{default}{old}")]);
    }
    keep_whole(&mut table, &[0]);
    let more = "dolab policy explain NAME tells what a policy decides, where it stands, and whose default it is";
    format!("{}\n{more}\n", table::text(&table))
}

/// Everything that is known of one policy.
pub fn policy(style: Style, policy: &Policy) -> String {
    let mut rows = vec![
        ("decides", policy.decides.to_owned()),
        ("allowed", policy.kind.describe(policy.unit)),
    ];
    match policy.kind {
        Kind::Choice(choices) => rows.extend(choices.iter().map(|choice| {
            let text = format!("{}, {}: {}", choice.number, choice.word, choice.meaning);
            ("", text)
        })),
        Kind::Number {
            zero: Some(zero), ..
        } => rows.push(("", format!("0: {zero}"))),
        Kind::Number { zero: None, .. } | Kind::Guid | Kind::Path | Kind::List(_) | Kind::Hours => {
        }
    }
    rows.push(("since", policy.since.to_owned()));
    if let Some(deprecated) = policy.deprecated {
        rows.push(("deprecated", deprecated.to_owned()));
    }
    rows.extend(policy.defaults.iter().enumerate().map(|(n, row)| {
        let label = if n == 0 { "default" } else { "" };
        (label, row.show(policy))
    }));
    rows.extend(policy.advice.iter().enumerate().map(|(n, advice)| {
        let label = if n == 0 { "advice" } else { "" };
        (label, format!("{} [{}]", advice.text, advice.page.title()))
    }));
    rows.extend(policy.notes.iter().enumerate().map(|(n, note)| {
        let label = if n == 0 { "notes" } else { "" };
        (label, (*note).to_owned())
    }));
    rows.push(("mdm", policy.mdm_path()));
    rows.push(("registry", KEYS[0].to_string()));
    let values = policy.registry_values().join(", ");
    rows.push(("", format!("{values}: {}", policy.kind.storage())));
    if let Some(gpo) = policy.gpo {
        rows.push(("group policy", format!("{GPO_PATH} > {gpo}")));
    }
    format!("{}\n{}", style.bold(policy.mdm), labelled(style, &rows))
}

/// What holds for each policy, what Microsoft's pages say otherwise, and what to know.
pub fn policies(style: Style, policies: &Policies) -> String {
    let set = |it: &&Effective| matches!(it.origin, Origin::Set { .. });
    let count = match policies.all().filter(set).count() {
        0 => "nothing is set".to_owned(),
        1 => "1 policy is set".to_owned(),
        count => format!("{count} policies are set"),
    };
    let os = policies.basis().os;
    let mut values = table::table(style, ["policy", "value", "from"]);
    for it in policies.all() {
        let from = match &it.origin {
            Origin::Set { provider, place } => format!("{provider}, {place}"),
            Origin::Default(page) => format!("default, {}", page.title()),
        };
        let mut from = escape(&from).into_owned();
        for weaker in &it.overridden {
            let value = weaker.value.show(it.name.policy());
            let text = format!("; not {value} ({}, {})", weaker.provider, weaker.place);
            from.push_str(&escape(&text));
        }
        values.add_row([
            it.name.to_string(),
            escape(&policies.show(it.name)).into_owned(),
            from,
        ]);
    }
    keep_whole(&mut values, &[0]);
    let mut text = format!("on {os}: {count}\n\n{}", table::text(&values));
    text.push_str(&disputed(style, policies));
    let notes = policies.notes();
    if !notes.is_empty() {
        text.push_str(&format!("\n{}\n", style.bold("worth knowing")));
        for note in notes {
            text.push_str(&format!("  {}\n", escape(&note.text)));
        }
    }
    text
}

/// The defaults that hold here and about which the pages disagree.
fn disputed(style: Style, policies: &Policies) -> String {
    let mut table = table::table(style, ["policy", "taken", "others say"]);
    let mut any = false;
    for it in policies.all() {
        let rows = policies.disputed(it.name);
        if rows.is_empty() {
            continue;
        }
        any = true;
        let others: Vec<_> = rows.iter().map(|row| row.show(it.name.policy())).collect();
        table.add_row([
            it.name.to_string(),
            policies.show(it.name),
            others.join("; "),
        ]);
    }
    if !any {
        return String::new();
    }
    keep_whole(&mut table, &[0]);
    let head = style.bold("defaults about which Microsoft's pages disagree (--defaults PAGE)");
    format!("\n{head}\n{}", table::text(&table))
}

/// The group of a device in mode 2, and where it comes from.
pub fn group(group: &Group) -> String {
    let tried: Vec<_> = group
        .tried
        .iter()
        .map(|it| format!(", not {}: {}", it.origin.title(), escape(&it.why)))
        .collect();
    match (&group.id, group.origin) {
        (Some(id), Some(origin)) => {
            format!(
                "group: {}, from {}{}",
                escape(id),
                origin.title(),
                tried.concat()
            )
        }
        _ => format!("group: none{}", tried.concat()),
    }
}

/// How each gate stands, and what is allowed.
pub fn gates(style: Style, judgement: &Judgement) -> String {
    let mut table = table::table(style, ["gate", "stands", "why", "policy", "code"]);
    for it in &judgement.decisions {
        let color = match it.verdict {
            Verdict::Open => Color::Green,
            Verdict::Closed => Color::Red,
            Verdict::Limited | Verdict::Unknown => Color::Yellow,
        };
        let stands = Cell::new(table::word(&it.verdict));
        let policy = it.decided_by.as_ref().map_or("-", |by| by.policy.mdm());
        table.add_row([
            Cell::new(it.gate),
            if style.colored {
                stands.fg(color)
            } else {
                stands
            },
            Cell::new(escape(&it.reason)),
            Cell::new(policy),
            Cell::new(
                it.code
                    .map_or_else(|| "-".to_owned(), |code| code.to_string()),
            ),
        ]);
    }
    keep_whole(&mut table, &[0, 1, 3, 4]);
    let allowed = judgement.allowed;
    let may = |may, what| if may { what } else { "" };
    let words: Vec<_> = [
        may(allowed.download, "download"),
        may(allowed.from_peers, "take from peers"),
        may(allowed.from_cache_server, "take from a Connected Cache"),
        may(allowed.to_peers, "serve peers"),
        may(allowed.to_internet_peers, "serve Internet peers"),
    ]
    .into_iter()
    .filter(|word| !word.is_empty())
    .collect();
    let allowed = if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(", ")
    };
    let reason = judgement
        .mode_reason
        .map_or_else(String::new, |code| format!(", because of {code}"));
    let mode = judgement.mode;
    format!(
        "allowed: {allowed}\nmode: {mode} ({}){reason}\n\n{}",
        mode.number(),
        table::text(&table)
    )
}

/// What people look for stays on one line.
fn keep_whole(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
}

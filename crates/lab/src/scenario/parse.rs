//! Reads a file, and holds every name in it against what is there.

use std::{collections::BTreeSet, ops::Range};

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer, Error, ValueDeserializer},
};

use super::{
    Action, Broken, Cloud, CloudFaults, Damage, Device, Expectation, FileError, Moment, Scenario,
    TimedFault, Twin, Variant, Verb, names,
    settings::{self, Refused},
};
use crate::{
    fault::Fault,
    topology::{self, Topology},
};

/// A file as it stands there, less its faults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    title: String,
    codes: Vec<String>,
    about: String,
    #[serde(default)]
    peers: Vec<String>,
    #[serde(default)]
    policies: toml::Table,
    #[serde(default)]
    device: std::collections::BTreeMap<String, Device>,
    cloud: Option<Cloud>,
    action: Vec<Action>,
    #[serde(default)]
    healthy: Twin,
    broken: FileBroken,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileBroken {
    peers: Option<Vec<String>>,
    #[serde(default)]
    without: Vec<String>,
    damage: Option<Damage>,
    #[serde(default)]
    device: std::collections::BTreeMap<String, Device>,
    cloud: Option<CloudFaults>,
    #[serde(default)]
    expect: std::collections::BTreeMap<String, Expectation>,
}

/// A step on the way to a place in a document.
#[derive(Clone, Copy)]
enum Step<'a> {
    /// The value of a key.
    Key(&'a str),
    /// An item of an array.
    Item(usize),
    /// A key itself.
    Name(&'a str),
}
use Step::{Item, Key, Name};

/// What is wrong with a part of a document.
struct Wrong {
    message: String,
    span: Option<Range<usize>>,
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self {
            message: error.message().to_owned(),
            span: error.span(),
        }
    }
}

pub(super) fn scenario(name: &str, place: &str, text: &str) -> Result<Scenario, FileError> {
    let at = |Wrong { message, span }: Wrong| {
        let hint = names::hint(&message);
        FileError::new(place, text, span, message, hint)
    };
    let document = DeTable::parse(text).map_err(|error| at(error.into()))?;
    let mut rest = document.clone();
    let faults = take_faults(rest.get_mut()).map_err(at)?;
    settings::check(text, document.get_ref()).map_err(|Refused { message, span }| {
        let hint = names::hint(&message);
        FileError::new(place, text, span, message, hint)
    })?;
    let (topology, broken_topology) = topologies(rest.get_mut()).map_err(at)?;
    let file = File::deserialize(Deserializer::from(rest)).map_err(|error| at(error.into()))?;
    let scenario = Scenario {
        name: name.to_owned(),
        title: file.title,
        codes: file.codes,
        about: file.about.trim().to_owned(),
        topology,
        peers: file.peers,
        policies: file.policies,
        devices: file.device,
        cloud: file.cloud,
        actions: named(file.action),
        healthy: file.healthy,
        broken: Broken {
            topology: broken_topology,
            faults,
            peers: file.broken.peers,
            without: file.broken.without,
            damage: file.broken.damage,
            devices: file.broken.device,
            cloud: file.broken.cloud,
            expect: file.broken.expect,
        },
    };
    let check = Check {
        scenario: &scenario,
        place,
        text,
        document: document.get_ref(),
    };
    check.all()?;
    Ok(scenario)
}

/// The network as it should be, and as it is where it is built wrong.
fn topologies(document: &mut DeTable<'_>) -> Result<(Topology, Option<Topology>), Wrong> {
    let mut said = table_of(document.remove("topology"))?.unwrap_or_default();
    let like = said.remove("like");
    let mut right = match &like {
        Some(like) => template(like)?,
        None => DeTable::new(),
    };
    lay_over(&mut right, said);
    let changed = match document.get_mut("broken").map(Spanned::get_mut) {
        Some(DeValue::Table(broken)) => table_of(broken.remove("topology"))?,
        _ => None, // What it is instead is an error of the file.
    };
    let wrong = match changed {
        Some(changed) => {
            let mut wrong = right.clone();
            lay_over(&mut wrong, changed);
            Some(read(wrong)?)
        }
        None => None,
    };
    Ok((read(right)?, wrong))
}

/// A value that has to be a table, where there is one.
fn table_of(value: Option<Spanned<DeValue<'_>>>) -> Result<Option<DeTable<'_>>, Wrong> {
    let Some(value) = value else { return Ok(None) };
    let (span, value) = (value.span(), value.into_inner());
    if let DeValue::Table(table) = value {
        return Ok(Some(table));
    }
    Err(Wrong {
        message: format!("a topology is a table, and not {}", value.type_str()),
        span: Some(span),
    })
}

fn read(topology: DeTable<'_>) -> Result<Topology, Wrong> {
    let topology = Spanned::new(0..0, topology);
    Ok(Topology::deserialize(Deserializer::from(topology))?)
}

/// One of the networks that several scenarios share.
fn template(like: &Spanned<DeValue<'_>>) -> Result<DeTable<'static>, Wrong> {
    let name = like.get_ref().as_str().unwrap_or_default();
    let known = super::TEMPLATES.iter().find(|(known, _)| *known == name);
    let Some((_, text)) = known else {
        let names: Vec<_> = super::TEMPLATES.iter().map(|(name, _)| *name).collect();
        let message = format!(
            "unknown topology `{name}`, expected one of `{}`",
            names.join("`, `")
        );
        return Err(Wrong {
            message,
            span: Some(like.span()),
        });
    };
    let mut template = DeTable::parse(text)?.into_inner();
    template.make_owned();
    Ok(template)
}

/// Replaces key by key what the other one has, in its tables too.
fn lay_over<'a>(below: &mut DeTable<'a>, above: DeTable<'a>) {
    for (key, value) in above {
        let span = value.span();
        let value = match (
            below.get_mut(&**key.get_ref()).map(Spanned::get_mut),
            value.into_inner(),
        ) {
            (Some(DeValue::Table(below)), DeValue::Table(above)) => {
                lay_over(below, above);
                continue;
            }
            (_, value) => value,
        };
        below.insert(key, Spanned::new(span, value));
    }
}

/// The faults, which are the world's but for their times.
fn take_faults(document: &mut DeTable<'_>) -> Result<Vec<TimedFault>, Wrong> {
    let Some(broken) = document.get_mut("broken") else {
        return Ok(Vec::new());
    };
    let DeValue::Table(broken) = broken.get_mut() else {
        return Ok(Vec::new()); // What it is instead is an error of the file.
    };
    let Some(faults) = broken.remove("fault") else {
        return Ok(Vec::new());
    };
    let (span, faults) = (faults.span(), faults.into_inner());
    if let DeValue::Array(faults) = faults {
        return faults.into_iter().map(timed).collect();
    }
    Err(Wrong {
        message: format!(
            "faults are a list, each written as [[broken.fault]], and not {}",
            faults.type_str()
        ),
        span: Some(span),
    })
}

fn timed(mut fault: Spanned<DeValue<'_>>) -> Result<TimedFault, Wrong> {
    let mut moment = |key: &str| {
        let taken = if let DeValue::Table(table) = fault.get_mut() {
            table.remove(key)
        } else {
            None
        };
        taken
            .map(|moment| Moment::deserialize(ValueDeserializer::from(moment)))
            .transpose()
    };
    let (from, until) = (moment("from")?, moment("until")?);
    Ok(TimedFault {
        fault: Fault::deserialize(ValueDeserializer::from(fault))?,
        from,
        until,
    })
}

/// Gives names to the actions that have none.
fn named(mut actions: Vec<Action>) -> Vec<Action> {
    for action in &mut actions {
        if action.name.is_empty() {
            action.name = action.verb.name().to_owned();
        }
    }
    actions
}

/// What a file says, against what is there.
struct Check<'a> {
    scenario: &'a Scenario,
    place: &'a str,
    text: &'a str,
    document: &'a DeTable<'a>,
}

impl Check<'_> {
    fn all(&self) -> Result<(), FileError> {
        let scenario = self.scenario;
        if scenario.codes.is_empty() {
            return Err(self.error(
                &[Key("codes")],
                "a scenario shows at least one failure",
                None,
            ));
        }
        self.network(&scenario.topology, &[Key("topology")])?;
        if let Some(topology) = &scenario.broken.topology {
            self.network(topology, &[Key("broken"), Key("topology")])?;
        }
        self.hosts()?;
        self.actions()?;
        self.faults()?;
        self.broken_actions()?;
        self.expectations()
    }

    fn network(&self, topology: &Topology, at: &[Step<'_>]) -> Result<(), FileError> {
        topology.check().map_err(|error| {
            let at = [at, &steps(&error.path)].concat();
            self.error(&at, &error.to_string(), known(&error.wrong, topology))
        })
    }

    fn hosts(&self) -> Result<(), FileError> {
        let scenario = self.scenario;
        for (n, peer) in scenario.peers.iter().enumerate() {
            self.host(peer, &[Key("peers"), Item(n)])?;
        }
        for (n, peer) in scenario.broken.peers.iter().flatten().enumerate() {
            self.host(peer, &[Key("broken"), Key("peers"), Item(n)])?;
        }
        for host in scenario.devices.keys() {
            self.host(host, &[Key("device"), Name(host)])?;
        }
        for host in scenario.broken.devices.keys() {
            self.host(host, &[Key("broken"), Key("device"), Name(host)])?;
        }
        match (&scenario.cloud, &scenario.broken.cloud) {
            (Some(cloud), _) => self.host(&cloud.on, &[Key("cloud"), Key("on")]),
            (None, Some(_)) => Err(self.error(
                &[Key("broken"), Name("cloud")],
                "nothing can be wrong with a cloud that is not there",
                Some("add a [cloud] with the host where it runs".to_owned()),
            )),
            (None, None) => Ok(()),
        }
    }

    fn host(&self, host: &str, at: &[Step<'_>]) -> Result<(), FileError> {
        let hosts: Vec<&str> = self
            .scenario
            .topology
            .hosts
            .keys()
            .map(String::as_str)
            .collect();
        self.one_of("host", host, &hosts, at)
    }

    fn actions(&self) -> Result<(), FileError> {
        let mut taken = BTreeSet::new();
        for (n, action) in self.scenario.actions.iter().enumerate() {
            let at = |key| [Key("action"), Item(n), Key(key)];
            if !taken.insert(action.name.as_str()) {
                let message = format!("there is another action `{}`", action.name);
                let hint = Some("give each a `name` of its own".to_owned());
                return Err(self.error(&[Key("action"), Item(n)], &message, hint));
            }
            self.host(&action.on, &at("on"))?;
            self.keys_of(n, action)?;
            if let Some(host) = &action.host {
                self.host(host, &at("host"))?;
            }
            for (m, device) in action.devices.iter().enumerate() {
                let at = [&at("devices")[..], &[Item(m)]].concat();
                self.host(device, &at)?;
            }
            if let Some(content) = &action.content {
                let contents: Vec<_> = self.contents().collect();
                self.one_of("content of the cloud", content, &contents, &at("content"))?;
            }
        }
        Ok(())
    }

    fn contents(&self) -> impl Iterator<Item = &str> {
        let cloud = self.scenario.cloud.iter();
        cloud.flat_map(|cloud| cloud.contents.iter().map(|content| content.name.as_str()))
    }

    /// Only the keys that a verb has, and those that it needs.
    fn keys_of(&self, n: usize, action: &Action) -> Result<(), FileError> {
        let given = [
            ("host", action.host.is_some()),
            ("size", action.size.is_some()),
            ("content", action.content.is_some()),
            ("share", action.share),
            ("devices", !action.devices.is_empty()),
        ];
        let verb = action.verb;
        for (key, given) in given {
            if given && !verb.keys().contains(&key) {
                let message = format!("a {} has no `{key}`", verb.name());
                return Err(self.error(&[Key("action"), Item(n), Name(key)], &message, None));
            }
        }
        let missing = match verb {
            Verb::Check if action.host.is_none() => "a check needs a `host` to check",
            Verb::Diagnose if action.devices.is_empty() => "a diagnosis needs `devices`",
            Verb::Fetch if action.content.is_none() => "a fetch needs a `content`",
            Verb::Check | Verb::Diagnose | Verb::Fetch | Verb::Discover => return Ok(()),
        };
        Err(self.error(&[Key("action"), Item(n)], missing, None))
    }

    fn faults(&self) -> Result<(), FileError> {
        for (n, fault) in self.scenario.broken.faults.iter().enumerate() {
            let place = [Key("broken"), Key("fault"), Item(n)];
            let topology = self.scenario.topology(Variant::Broken);
            fault.fault.check(topology).map_err(|error| {
                let at = [&place[..], &steps(&error.path)].concat();
                self.error(&at, &error.to_string(), known(&error.wrong, topology))
            })?;
            for (key, moment) in [("from", &fault.from), ("until", &fault.until)] {
                if let Some(moment) = moment {
                    let at = [&place[..], &[Key(key), Key("action")]].concat();
                    self.action(&moment.action, &at)?;
                }
            }
        }
        Ok(())
    }

    fn broken_actions(&self) -> Result<(), FileError> {
        let broken = &self.scenario.broken;
        for (n, action) in broken.without.iter().enumerate() {
            self.action(action, &[Key("broken"), Key("without"), Item(n)])?;
        }
        let Some(damage) = &broken.damage else {
            return Ok(());
        };
        let at = |key| [Key("broken"), Key("damage"), Key(key)];
        self.host(&damage.device, &at("device"))?;
        self.action(&damage.after, &at("after"))
    }

    fn action(&self, action: &str, at: &[Step<'_>]) -> Result<(), FileError> {
        let actions = self.scenario.actions.iter();
        let actions: Vec<&str> = actions.map(|action| action.name.as_str()).collect();
        self.one_of("action", action, &actions, at)
    }

    fn expectations(&self) -> Result<(), FileError> {
        let scenario = self.scenario;
        for (twin, expect) in [
            ("healthy", &scenario.healthy.expect),
            ("broken", &scenario.broken.expect),
        ] {
            for (action, expectation) in expect {
                let at = [Key(twin), Key("expect"), Name(action)];
                self.action(action, &at)?;
                if expectation.is_empty() {
                    return Err(self.error(&at, "this expects nothing", None));
                }
            }
        }
        for (n, code) in scenario.codes.iter().enumerate() {
            if dolab_catalogue::failure(code).is_none() {
                let message = format!("`{code}` is no failure of the catalogue");
                let hint =
                    Some("docs/failures lists them; `dolab explain WORD` finds one".to_owned());
                return Err(self.error(&[Key("codes"), Item(n)], &message, hint));
            }
        }
        let found = |code: &String| {
            let mut expected = scenario.broken.expect.values();
            expected.any(|expectation| {
                let mut findings = expectation.findings.iter().flatten();
                findings.any(|finding| finding.code == *code && !finding.may)
            })
        };
        match scenario.codes.iter().position(|code| !found(code)) {
            None => Ok(()),
            Some(n) => {
                let message = format!(
                    "no action is expected to find `{}` in what is broken",
                    scenario.codes[n]
                );
                Err(self.error(&[Key("codes"), Item(n)], &message, None))
            }
        }
    }

    fn one_of(
        &self,
        what: &str,
        name: &str,
        of: &[&str],
        at: &[Step<'_>],
    ) -> Result<(), FileError> {
        if of.contains(&name) {
            return Ok(());
        }
        let message = format!("there is no {what} `{name}`");
        Err(self.error(at, &message, names::of_these(name, of)))
    }

    fn error(&self, at: &[Step<'_>], message: &str, hint: Option<String>) -> FileError {
        FileError::new(self.place, self.text, self.find(at), message, hint)
    }

    /// Where a place stands in the text; of one that is not there, what is around it.
    fn find(&self, steps: &[Step<'_>]) -> Option<Range<usize>> {
        let (first, mut span, mut value) = match steps.split_first()? {
            (Key(key) | Name(key), rest) => {
                let (name, value) = self.document.get_key_value(*key)?;
                (rest, name.span(), value)
            }
            (Item(_), _) => return None,
        };
        let scalar = |value: &Spanned<DeValue<'_>>| {
            !matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_))
        };
        if matches!(steps[0], Key(_)) && scalar(value) {
            span = value.span();
        }
        for step in first {
            match (step, value.get_ref()) {
                (Key(key) | Name(key), DeValue::Table(table)) => {
                    let Some((name, below)) = table.get_key_value(*key) else {
                        break;
                    };
                    let by_name = matches!(step, Name(_)) || !scalar(below);
                    span = if by_name { name.span() } else { below.span() };
                    value = below;
                }
                (Item(n), DeValue::Array(array)) => {
                    let Some(below) = array.get(*n) else { break };
                    span = below.span();
                    value = below;
                }
                _ => break,
            }
        }
        Some(span)
    }
}

/// What there is in the place of a name of nothing.
fn known(wrong: &topology::Wrong, topology: &Topology) -> Option<String> {
    let nodes = || topology.nodes().map(|(name, _)| name);
    let (name, of): (_, Vec<&str>) = match wrong {
        topology::Wrong::NoSwitch(name) => {
            (name, topology.switches.keys().map(String::as_str).collect())
        }
        topology::Wrong::NoHost(name) => {
            (name, topology.hosts.keys().map(String::as_str).collect())
        }
        topology::Wrong::NoRouter(name) => {
            (name, topology.routers.keys().map(String::as_str).collect())
        }
        topology::Wrong::NoNode(name) => (name, nodes().collect()),
        topology::Wrong::Name(_)
        | topology::Wrong::AdapterName(_)
        | topology::Wrong::Twice(_)
        | topology::Wrong::NoAdapter(_)
        | topology::Wrong::NotPlugged(_)
        | topology::Wrong::NotIn { .. }
        | topology::Wrong::Taken { .. }
        | topology::Wrong::WholeSubnet(_)
        | topology::Wrong::NotAttached(_)
        | topology::Wrong::Family(_)
        | topology::Wrong::Range { .. }
        | topology::Wrong::Conflict(_) => return None,
    };
    names::of_these(name, &of)
}

/// The way to a field that the world names, as in `host.b.route[0].via`.
fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (key, items) = part.split_once('[').unwrap_or((part, ""));
        steps.push(Key(key));
        let items = items
            .split('[')
            .filter_map(|item| item.trim_end_matches(']').parse().ok());
        steps.extend(items.map(Item));
    }
    steps
}

//! The programs of a scenario: the service, peers that wait, devices, and what does the actions.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use dolab_host::ClockSetting;
use serde_json::Value;

use super::{
    PATIENCE, Trouble,
    program::{Bell, Deadline, Program},
};
use crate::{
    scenario::{Action, Cloud, Content, Scenario, Variant, Verb},
    world::World,
};

/// What programs are started with.
pub(super) struct Start<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) variant: Variant,
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) bell: Arc<Bell>,
    /// The clocks of the hosts that have one of their own, for all of their programs alike.
    pub(super) clocks: BTreeMap<String, ClockSetting>,
}

/// What runs beside the actions. Dropped, all of it is killed.
#[derive(Default)]
pub(super) struct Actors {
    cloud: Option<RunningCloud>,
    peers: Vec<Program>,
    sharing: Vec<(String, Program)>,
}

struct RunningCloud {
    _program: Option<Program>,
    /// By the content's name, the URL of it.
    contents: BTreeMap<String, String>,
}

impl Actors {
    /// A device goes on sharing what its action has downloaded.
    pub(super) fn shares(&mut self, action: &Action, program: Program) {
        self.sharing.push((action.name.clone(), program));
    }
}

impl Start<'_> {
    /// Starts the service and the peers, and waits until they are ready.
    pub(super) fn actors(&self, world: &World) -> Result<Actors, Trouble> {
        let mut actors = Actors::default();
        if let Some(healthy) = &self.scenario.cloud {
            actors.cloud = Some(match self.scenario.cloud(self.variant) {
                Some(cloud) => self.cloud(&cloud, world)?,
                None => RunningCloud {
                    _program: None,
                    // It has to be asked for all the same, where it should be.
                    contents: healthy
                        .contents
                        .iter()
                        .map(|it| {
                            (
                                it.name.clone(),
                                format!("{}/{}", self.origin(healthy), it.name),
                            )
                        })
                        .collect(),
                },
            });
        }
        for host in self.scenario.peers(self.variant) {
            let mut peer = self.dolab("peer");
            self.site(host, &mut peer);
            peer.args(self.scenario.device(host, self.variant).options);
            let peer = self.spawn(host, peer, world)?;
            self.ready(&format!("dolab peer on {host}"), &peer, |peer| {
                peer.event("ready").is_some()
            })?;
            actors.peers.push(peer);
        }
        Ok(actors)
    }

    fn cloud(&self, cloud: &Cloud, world: &World) -> Result<RunningCloud, Trouble> {
        let mut command = self.dolab("cloud");
        command.args(["--listen", &self.address(&cloud.on)]);
        command.arg("--ca-out").arg(self.ca());
        for content in &cloud.contents {
            let option = if content.peers {
                "--share"
            } else {
                "--share-without-peers"
            };
            command.arg(option).arg(self.content(content)?);
        }
        for fault in &cloud.faults {
            command.args(["--fault", fault]);
        }
        command.args(&cloud.options);
        let program = self.spawn(&cloud.on, command, world)?;
        self.ready(&format!("dolab cloud on {}", cloud.on), &program, |cloud| {
            cloud.event("ready").is_some()
        })?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let serving = program.events("serving").into_iter();
        Ok(RunningCloud {
            contents: serving
                .map(|it| (text(&it["name"]), text(&it["url"])))
                .collect(),
            _program: Some(program),
        })
    }

    /// Writes a content that is the same in every run.
    fn content(&self, content: &Content) -> Result<PathBuf, Trouble> {
        let path = self.folder.join("contents").join(&content.name);
        let seed = content
            .name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |seed, byte| {
                (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let written = fs::create_dir_all(self.folder.join("contents"))
            .and_then(|()| fs::write(&path, noise(seed, content.size.0)));
        written.map_err(|error| Trouble::File {
            what: path.display().to_string(),
            error,
        })?;
        Ok(path)
    }

    /// Starts the program that does an action.
    pub(super) fn action(
        &self,
        action: &Action,
        actors: &Actors,
        world: &World,
    ) -> Result<Program, Trouble> {
        let mut command = self.dolab(action.verb.name());
        match action.verb {
            Verb::Check => {
                let host = action.host.as_deref().unwrap_or_default();
                command.arg(self.address(host));
                command.args(["--size", action.size.as_deref().unwrap_or("4MiB")]);
                self.site(&action.on, &mut command);
                command.args(self.scenario.device(&action.on, self.variant).options);
            }
            Verb::Fetch => self.fetch(&mut command, action, actors)?,
            Verb::Discover => {}
            Verb::Diagnose => {
                for device in &action.devices {
                    command.arg("--state").arg(self.state(device));
                }
            }
        }
        command.args(&action.options);
        self.spawn(&action.on, command, world)
    }

    fn fetch(
        &self,
        command: &mut Command,
        action: &Action,
        actors: &Actors,
    ) -> Result<(), Trouble> {
        let content = action.content.as_deref().unwrap_or_default();
        let contents = actors.cloud.as_ref().map(|cloud| &cloud.contents);
        let url = contents.and_then(|contents| contents.get(content));
        command.arg(url.map_or(content, String::as_str));
        self.site(&action.on, command);
        let device = self.scenario.device(&action.on, self.variant);
        for (option, table) in [
            ("--policy", &device.policies),
            ("--conditions", &device.conditions),
        ] {
            // Without conditions a device would have those of the machine that the lab runs on.
            if !table.is_empty() || option == "--conditions" {
                let file = self.folder.join(format!("{}{option}.toml", action.on));
                fs::write(&file, table.to_string()).map_err(|error| Trouble::File {
                    what: file.display().to_string(),
                    error,
                })?;
                command.arg(option).arg(file);
            }
        }
        if let Some(system) = &device.system {
            command.args(["--os", system]);
        }
        command.arg("--state").arg(self.state(&action.on));
        let output = self.folder.join(format!("{}-{}", action.on, action.name));
        command.arg("--output").arg(output).arg("--force");
        if action.share {
            command.args(["--share-for", "1h"]);
        }
        command.args(&device.options);
        Ok(())
    }

    /// Whether an action that shares has come so far: all is there, and the cloud offers it, or will
    /// not.
    pub(super) fn is_shared(&self, action: &Action, program: &Program) -> bool {
        let said = |event| program.event(event).is_some();
        action.share && (said("offered") || said("not-offered"))
    }

    /// Damages what is to be damaged after these actions: a byte in every piece.
    pub(super) fn damage(&self, actions: &[Action]) -> Result<(), Trouble> {
        let damage = match self.variant {
            Variant::Broken => self.scenario.broken.damage.as_ref(),
            Variant::Healthy => None,
        };
        let Some(damage) = damage.filter(|it| actions.iter().any(|action| action.name == it.after))
        else {
            return Ok(());
        };
        let folder = self.state(&damage.device).join("cache");
        let failed = |error| Trouble::File {
            what: folder.display().to_string(),
            error,
        };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // What has an ending is not the content, but of it.
            if path.is_file() && path.extension().is_none() {
                flip(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn state(&self, host: &str) -> PathBuf {
        self.folder.join(format!("{host}-state"))
    }

    fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The address of a host's first adapter.
    fn address(&self, host: &str) -> String {
        let topology = self.scenario.topology(self.variant);
        let adapters = topology.adapters(host).into_iter().flatten();
        let mut addresses = adapters.map(|(_, adapter)| adapter.address.to_string());
        addresses.next().unwrap_or_default()
    }

    fn origin(&self, cloud: &Cloud) -> String {
        format!("http://{}", self.address(&cloud.on))
    }

    /// Says where the cloud is, where there is one, and what the host's clock shows.
    fn site(&self, host: &str, command: &mut Command) {
        if let Some(cloud) = &self.scenario.cloud {
            let url = format!("https://{}", self.address(&cloud.on));
            command.args(["--cloud", &url]).arg("--ca").arg(self.ca());
        }
        if let Some(clock) = self.clocks.get(host) {
            command.args(["--clock", &clock.to_string()]);
        }
    }

    /// The program, with nothing of this host's own settings.
    fn dolab(&self, verb: &str) -> Command {
        let mut command = Command::new(self.program);
        command.arg(verb).arg("--json");
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with("DOLAB_")) {
            command.env_remove(name);
        }
        command
            .env_remove("RUST_LOG")
            .env("NO_COLOR", "1")
            .env("HOME", self.folder)
            .env("TMPDIR", self.folder)
            .current_dir(self.folder);
        command
    }

    fn spawn(&self, host: &str, mut command: Command, world: &World) -> Result<Program, Trouble> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let verb = command.get_args().next().unwrap_or_default();
        let what = format!("dolab {} on {host}", verb.to_string_lossy());
        let child = world
            .spawn(host, command)
            .map_err(|error| Trouble::Program {
                what,
                why: error.to_string(),
                said: String::new(),
            })?;
        Ok(Program::new(child, &self.bell))
    }

    /// Waits until a program is ready.
    fn ready(
        &self,
        what: &str,
        program: &Program,
        is_ready: impl Fn(&Program) -> bool,
    ) -> Result<(), Trouble> {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let count = self.bell.count();
            if is_ready(program) {
                return Ok(());
            }
            let why = if program.is_over() {
                "it ended before it was ready"
            } else if deadline.is_over() {
                "it did not get ready in time"
            } else {
                self.bell.wait(count, deadline.left());
                continue;
            };
            return Err(Trouble::Program {
                what: what.to_owned(),
                why: why.to_owned(),
                said: program
                    .errors()
                    .iter()
                    .map(|line| format!("\n  {line}"))
                    .collect(),
            });
        }
    }
}

/// Changes a byte in every 64 KiB of a file.
fn flip(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt;
    let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    for at in (0..length).step_by(64 << 10) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at)?;
        file.write_all_at(&[!byte[0]], at)?;
    }
    Ok(())
}

/// Bytes that do not repeat: xorshift, from a seed.
fn noise(mut seed: u64, length: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length as usize + 8);
    while (bytes.len() as u64) < length {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    bytes.truncate(length as usize);
    bytes
}

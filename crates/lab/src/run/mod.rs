//! Runs a scenario: builds its network, starts the real program in its hosts, applies the faults at
//! their times, and holds what the program says against what it must say.
//!
//! Nothing waits for time: what is waited for is an event, the end of a program, or bytes on the wire.
//! Deadlines only turn a run that would hang into one that failed.

mod actors;
mod compare;
mod pool;
mod program;
mod timing;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub use self::pool::{Told, run_all, what};
use self::{
    actors::{Actors, Start},
    program::{Bell, Deadline, Program},
    timing::Timing,
};
use crate::{
    enclosure::Folder,
    fault::Fault,
    report::{ActionOutcome, Found, Outcome},
    scenario::{Action, Scenario, Variant},
    world::World,
};

/// How long anything may take that is waited for. Far longer than it can.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at what changes without an event: bytes on the wire.
const LOOK: Duration = Duration::from_millis(20);

/// How to run scenarios.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The program that runs in the hosts.
    pub program: PathBuf,
    /// Where captures go, one pcapng for each host; `None`: nothing is captured.
    pub capture: Option<PathBuf>,
    /// Where state folders and such are made; the system's folder for temporary files, usually.
    pub temporary: PathBuf,
}

/// What a run tells while it goes on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step<'a> {
    /// The network stands.
    Built,
    /// Something goes wrong from now on.
    Begun(&'a Fault),
    /// It does no longer.
    Lifted(&'a Fault),
    /// An action begins.
    Begins(&'a Action),
    /// An action has ended.
    Ended(&'a ActionOutcome),
}

/// Something that keeps a scenario from running at all, which is no finding of it.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The network or a change of it.
    #[error(transparent)]
    World(#[from] crate::world::WorldError),
    /// A file or a folder.
    #[error("{what}: {error}")]
    File {
        /// Which.
        what: String,
        /// Why not.
        error: std::io::Error,
    },
    /// A program did not start, or not get ready.
    #[error("{what}: {why}{said}")]
    Program {
        /// Which, and where.
        what: String,
        /// What is wrong.
        why: String,
        /// What it said, each line behind a line end.
        said: String,
    },
}

/// Runs one of the two twins. `keep` is called with the world while all of it still stands.
///
/// This thread is used for it, and others that end with it.
pub fn run(
    scenario: &Scenario,
    variant: Variant,
    options: &RunOptions,
    tell: &mut dyn FnMut(Step<'_>),
    keep: Option<&dyn Fn(&World)>,
) -> Outcome {
    let began = Instant::now();
    let mut outcome = Outcome::new(scenario, variant);
    let stage = Stage {
        scenario,
        variant,
        options,
    };
    if let Err(trouble) = stage.play(&mut outcome, tell, keep) {
        outcome.trouble = Some(trouble.to_string());
    }
    outcome.seconds = began.elapsed().as_secs_f64();
    outcome
}

/// A scenario that is being played.
struct Stage<'a> {
    scenario: &'a Scenario,
    variant: Variant,
    options: &'a RunOptions,
}

/// A program that does an action.
struct Running<'a> {
    action: &'a Action,
    program: Program,
    began: Instant,
    /// The user has lost his patience.
    given_up: bool,
}

impl Stage<'_> {
    fn play(
        &self,
        outcome: &mut Outcome,
        tell: &mut dyn FnMut(Step<'_>),
        keep: Option<&dyn Fn(&World)>,
    ) -> Result<(), Trouble> {
        let folder = Folder::new(&self.options.temporary).map_err(|error| Trouble::File {
            what: self.options.temporary.display().to_string(),
            error,
        })?;
        let timed = self.scenario.faults(self.variant);
        let faults: Vec<_> = timed.iter().map(|it| it.fault.clone()).collect();
        let world = World::build(self.scenario.topology(self.variant), &faults)?;
        if let Some(folder) = &self.options.capture {
            let name = format!("{}-{}", self.scenario.name, self.variant.name());
            let folder = folder.join(name);
            std::fs::create_dir_all(&folder).map_err(|error| Trouble::File {
                what: folder.display().to_string(),
                error,
            })?;
            world.capture(&folder)?;
        }
        tell(Step::Built);
        let mut timing = Timing::new(timed);
        timing.look(&world, tell)?;
        let start = Start {
            scenario: self.scenario,
            variant: self.variant,
            program: &self.options.program,
            folder: folder.path(),
            bell: Arc::new(Bell::default()),
            clocks: self.scenario.clocks(self.variant),
        };
        let mut actors = start.actors(&world)?;
        let actions = self.scenario.actions(self.variant);
        for group in groups(&actions) {
            self.act(
                group,
                &start,
                &mut actors,
                &world,
                &mut timing,
                outcome,
                tell,
            )?;
            start.damage(group)?;
        }
        if let Some(keep) = keep {
            keep(&world);
        }
        drop(actors);
        drop(world);
        Ok(())
    }

    /// Does actions that begin at once, and waits until all of them have ended.
    #[expect(clippy::too_many_arguments, reason = "all that a run consists of")]
    fn act<'a>(
        &self,
        group: &'a [Action],
        start: &Start<'_>,
        actors: &mut Actors,
        world: &World,
        timing: &mut Timing,
        outcome: &mut Outcome,
        tell: &mut dyn FnMut(Step<'_>),
    ) -> Result<(), Trouble> {
        let mut running = Vec::new();
        for action in group {
            tell(Step::Begins(action));
            world.note(&action.words());
            timing.action_begins(&action.name, world)?;
            timing.look(world, tell)?;
            let program = start.action(action, actors, world)?;
            running.push(Running {
                action,
                program,
                began: Instant::now(),
                given_up: false,
            });
        }
        let deadline = Deadline::after(PATIENCE);
        while !running.is_empty() {
            let count = start.bell.count();
            timing.look(world, tell)?;
            let (done, still): (Vec<_>, Vec<_>) = running
                .into_iter()
                .partition(|it| it.program.is_over() || start.is_shared(it.action, &it.program));
            running = still;
            for it in done {
                let ended = self.ended(it, actors);
                world.note(&ended.words());
                tell(Step::Ended(&ended));
                outcome.actions.push(ended);
            }
            if running.is_empty() {
                break;
            }
            if deadline.is_over() {
                for it in running.drain(..) {
                    let mut ended = self.ended(it, actors);
                    let seconds = PATIENCE.as_secs();
                    ended
                        .differences
                        .insert(0, format!("it did not end within {seconds} s"));
                    tell(Step::Ended(&ended));
                    outcome.actions.push(ended);
                }
                break;
            }
            let mut longest = if timing.is_waiting() {
                LOOK
            } else {
                deadline.left()
            };
            for it in running.iter_mut().filter(|it| !it.given_up) {
                let Some(patience) = it.action.give_up else {
                    continue;
                };
                let left = patience.saturating_sub(it.began.elapsed());
                if left.is_zero() {
                    it.program.interrupt();
                    it.given_up = true;
                } else {
                    longest = longest.min(left);
                }
            }
            start.bell.wait(count, longest);
        }
        Ok(())
    }

    /// What an action has shown. A program that goes on sharing joins the actors.
    fn ended(&self, running: Running<'_>, actors: &mut Actors) -> ActionOutcome {
        let Running {
            action,
            program,
            began,
            given_up: _,
        } = running;
        let seconds = began.elapsed().as_secs_f64();
        let expected = self.scenario.expectation(action, self.variant);
        if action.share && !program.is_over() {
            let mut ended = ActionOutcome::new(action, seconds);
            // It has not ended, and so has no document yet: it shares, which is what was asked of it.
            if !expected.exit.is_empty() && !expected.exit.contains(&0) {
                ended
                    .differences
                    .push("it goes on sharing and should have failed".to_owned());
            }
            actors.shares(action, program);
            return ended;
        }
        let mut ended = program.end();
        let document = compare::document(&ended.stdout);
        let mut outcome = ActionOutcome::new(action, seconds);
        outcome.exit = ended.exit;
        outcome.findings = Found::of(&document);
        outcome.unexpected = compare::unexpected(&expected, &document);
        outcome.differences = compare::differences(&expected, action.verb, &ended, &document);
        outcome.document = document;
        outcome.stderr = std::mem::take(&mut ended.stderr);
        outcome
    }
}

/// The actions that begin together.
fn groups(actions: &[Action]) -> impl Iterator<Item = &[Action]> {
    actions.chunk_by(|_, next| next.at_once)
}

//! Several runs at a time.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use super::{RunOptions, Step, run};
use crate::{
    report::{Outcome, words},
    scenario::{Scenario, Variant},
};

/// What many runs tell while they go on.
#[derive(Clone, Debug)]
pub enum Told {
    /// A run begins: its number in the order given.
    Begins(usize),
    /// Something happens in it, in a few words.
    Step {
        /// The run.
        run: usize,
        /// What.
        what: String,
    },
    /// It has ended.
    Ended {
        /// The run.
        run: usize,
        /// How.
        outcome: Box<Outcome>,
    },
}

/// Runs all of them, `jobs` at a time, each in threads of its own. What they tell comes in the order in
/// which it happens; the outcomes too.
pub fn run_all(
    runs: &[(&Scenario, Variant)],
    jobs: usize,
    options: &RunOptions,
    mut tell: impl FnMut(Told),
) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let (send, told) = mpsc::channel();
    let mut outcomes = Vec::new();
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, runs.len().max(1)) {
            let (send, next) = (send.clone(), &next);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((scenario, variant)) = runs.get(number) else {
                        break;
                    };
                    // Who listens outlives this thread.
                    let tell = |told| drop(send.send(told));
                    tell(Told::Begins(number));
                    let mut step = |step: Step<'_>| {
                        let what = what(&step);
                        tell(Told::Step { run: number, what });
                    };
                    let outcome = run(scenario, *variant, options, &mut step, None);
                    let outcome = Box::new(outcome);
                    tell(Told::Ended {
                        run: number,
                        outcome,
                    });
                }
            });
        }
        drop(send);
        for told in told {
            if let Told::Ended { outcome, .. } = &told {
                outcomes.push((**outcome).clone());
            }
            tell(told);
        }
    });
    outcomes
}

/// A step in a few words.
pub fn what(step: &Step<'_>) -> String {
    match step {
        Step::Built => "the network stands".to_owned(),
        Step::Begun(fault) => format!("begins: {}", words(fault)),
        Step::Lifted(fault) => format!("ends: {}", words(fault)),
        Step::Begins(action) => action.words(),
        Step::Ended(ended) => format!("{}: done", ended.action),
    }
}

//! Faults that come and go at their times.

use std::{collections::BTreeMap, time::Instant};

use super::{Step, Trouble};
use crate::{
    scenario::{Moment, Span, TimedFault},
    world::{Applied, World},
};

/// The faults of a run.
pub(super) struct Timing {
    faults: Vec<Waiting>,
    begun: BTreeMap<String, Begun>,
}

struct Waiting {
    timed: TimedFault,
    applied: Option<Applied>,
    over: bool,
}

/// When an action began.
struct Begun {
    at: Instant,
    sent: u64,
}

impl Timing {
    pub(super) fn new(faults: &[TimedFault]) -> Self {
        let waiting = |timed: &TimedFault| Waiting {
            timed: timed.clone(),
            applied: None,
            over: false,
        };
        Self {
            faults: faults.iter().map(waiting).collect(),
            begun: BTreeMap::new(),
        }
    }

    pub(super) fn action_begins(&mut self, action: &str, world: &World) -> Result<(), Trouble> {
        let begun = Begun {
            at: Instant::now(),
            sent: sent(world)?,
        };
        self.begun.insert(action.to_owned(), begun);
        Ok(())
    }

    /// Whether there is anything to look for.
    pub(super) fn is_waiting(&self) -> bool {
        self.faults
            .iter()
            .any(|it| !it.over && (it.applied.is_none() || it.timed.until.is_some()))
    }

    /// Applies and lifts what is due.
    pub(super) fn look(
        &mut self,
        world: &World,
        tell: &mut dyn FnMut(Step<'_>),
    ) -> Result<(), Trouble> {
        let begun = &self.begun;
        for it in self.faults.iter_mut().filter(|it| !it.over) {
            let due = |moment: &Option<Moment>, without: bool| match moment {
                Some(moment) => is_due(begun, moment, world),
                None => Ok(without),
            };
            let fault = &it.timed.fault;
            if it.applied.is_none() && due(&it.timed.from, true)? {
                it.applied = Some(world.apply(fault)?);
                tell(Step::Begun(fault));
            }
            if it.applied.is_some()
                && due(&it.timed.until, false)?
                && let Some(applied) = it.applied.take()
            {
                world.lift(applied)?;
                it.over = true;
                tell(Step::Lifted(fault));
            }
        }
        Ok(())
    }
}

fn is_due(
    begun: &BTreeMap<String, Begun>,
    moment: &Moment,
    world: &World,
) -> Result<bool, Trouble> {
    let Some(begun) = begun.get(&moment.action) else {
        return Ok(false);
    };
    Ok(match moment.after {
        Span::None => true,
        Span::Bytes(bytes) => sent(world)? >= begun.sent + bytes,
        Span::Time(time) => begun.at.elapsed() >= time,
    })
}

/// What all hosts have sent so far.
fn sent(world: &World) -> Result<u64, Trouble> {
    let hosts = world.topology().hosts.keys();
    let mut sum = 0;
    for host in hosts {
        sum += world.bytes_sent(host)?;
    }
    Ok(sum)
}

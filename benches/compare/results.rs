//! What was measured.

use serde::Serialize;

use crate::options::Scenario;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) schema: &'static str,
    pub(crate) machine: Machine,
    pub(crate) transfers: Vec<Transfers>,
    pub(crate) start_up: Vec<Row<Start>>,
    /// What did not run, and why: a name and a reason each.
    pub(crate) not_run: Vec<(String, String)>,
}

/// Where it was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
}

/// One scenario of transfers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Transfers {
    pub(crate) scenario: Scenario,
    pub(crate) name: &'static str,
    /// Bytes of the file.
    pub(crate) size: u64,
    pub(crate) receivers: usize,
    /// The competitor that the others are compared with.
    pub(crate) mark: &'static str,
    pub(crate) rows: Vec<Row<Transfer>>,
}

/// One competitor in one scenario.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row<T> {
    pub(crate) name: &'static str,
    /// What the receiver compares the bytes with.
    pub(crate) verifies: &'static str,
    pub(crate) runs: Vec<T>,
}

/// One transfer.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Transfer {
    /// Bytes of the file in a second, of all receivers together, from the start of the first to
    /// the end of the last.
    pub(crate) goodput: f64,
    /// Processor seconds of the sender for each GiB that it sent.
    pub(crate) sender_cpu: f64,
    /// The same of the receivers.
    pub(crate) receiver_cpu: f64,
    /// The most resident memory of the sender, in MiB.
    pub(crate) sender_mib: f64,
    /// The same of the largest receiver.
    pub(crate) receiver_mib: f64,
}

/// One start.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Start {
    pub(crate) milliseconds: f64,
    pub(crate) idle_mib: f64,
}

/// The middle of some figures, and how far they lie apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Results {
    /// The transfers of a scenario.
    pub(crate) fn of(&self, scenario: Scenario) -> Option<&Transfers> {
        self.transfers.iter().find(|one| one.scenario == scenario)
    }
}

impl<T> Row<T> {
    /// Of one figure of all runs; `None` where there is none.
    pub(crate) fn spread(&self, figure: impl Fn(&T) -> f64) -> Option<Spread> {
        let mut values: Vec<_> = self.runs.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            _ if values.is_empty() => return None,
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Spread {
            median,
            least: values[0],
            most: *values.last()?,
        })
    }
}

impl Transfers {
    /// The row of a competitor.
    pub(crate) fn row(&self, name: &str) -> Option<&Row<Transfer>> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The median goodput of a competitor.
    pub(crate) fn goodput(&self, name: &str) -> Option<f64> {
        let spread = self.row(name)?.spread(|run| run.goodput)?;
        Some(spread.median)
    }
}

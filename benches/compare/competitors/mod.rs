//! Everything that moves a file from one host to another. One file each.

mod dolab;
mod limit;

use std::{path::Path, process::Command};

use dolab_tests::{Namespace, Process};

use crate::{options::Options, stage::Stage};

/// One way to move a file.
pub(crate) trait Competitor {
    /// As in the table and on the command line.
    fn name(&self) -> &'static str;

    /// What the receiver compares what it got with; `nothing` where it does not.
    fn verifies(&self) -> &'static str;

    /// Starts what offers the file, and waits until it does.
    fn send(&self, stage: &Stage, from: &Namespace) -> Sending;
}

/// A sender that is ready.
pub(crate) struct Sending {
    /// Keeps it running.
    pub(crate) process: Process,
    /// The command, given to the receiver's host and ending by itself, that fetches the file
    /// and has it under the path when it succeeds.
    pub(crate) receive: Box<dyn Fn(&Path) -> Command>,
}

/// All of them, in the order of the table.
pub(crate) fn all(options: &Options) -> Vec<Box<dyn Competitor>> {
    let mut all: Vec<Box<dyn Competitor>> = Vec::new();
    for work in limit::WORKS {
        all.push(Box::new(work));
    }
    all.push(Box::new(dolab::Dolab::new(options.dolab.clone())));
    all
}

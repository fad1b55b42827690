//! What is going on while a check runs: a spinner, a bar for each way that content moves, events.

use dolab_check::{
    Progress,
    report::{Direction, ExchangeDirection},
};
use indicatif::ProgressBar;

use crate::{escape::escape, output::Output, render};

pub(super) struct Steps<'a> {
    output: &'a Output,
    spinner: ProgressBar,
    /// The way that content moves now: the two ways take turns.
    moving: Option<(ExchangeDirection, ProgressBar)>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(host: &str, output: &'a Output) -> Self {
        let spinner = output.spinner(format!("checking {}", escape(host)));
        Self {
            output,
            spinner,
            moving: None,
        }
    }

    pub(super) fn show(&mut self, step: &Progress) {
        self.output.event("progress", step);
        match step {
            Progress::Probing { path, direction } => {
                let what = match direction {
                    Direction::Outbound => format!("trying {path}"),
                    Direction::Inbound => format!("letting {path} be tried"),
                };
                self.spinner.set_message(what);
            }
            Progress::Probed { path, state, .. } => {
                self.spinner
                    .set_message(format!("{path}: {}", render::word(state)));
            }
            Progress::Session { via } => {
                self.spinner
                    .set_message(format!("talking over {}", render::word(via)));
            }
            Progress::Preparing { .. } => self.spinner.set_message("making up content"),
            Progress::Moving { direction, total } => {
                self.move_on(*direction, 0, *total);
            }
            Progress::Moved {
                direction,
                bytes,
                total,
            } => self.move_on(*direction, *bytes, *total),
            Progress::MovedAll { .. } => self.stop_moving(),
            _ => {}
        }
    }

    fn move_on(&mut self, direction: ExchangeDirection, bytes: u64, total: u64) {
        if self
            .moving
            .as_ref()
            .is_none_or(|(way, _)| *way != direction)
        {
            self.stop_moving();
            let what = match direction {
                ExchangeDirection::Receive => "receiving",
                ExchangeDirection::Send => "sending  ",
            };
            self.moving = Some((direction, self.output.transfer(what, total)));
        }
        if let Some((_, bar)) = &self.moving {
            bar.set_position(bytes);
        }
    }

    fn stop_moving(&mut self) {
        if let Some((_, bar)) = self.moving.take() {
            bar.finish_and_clear();
        }
    }

    pub(super) fn end(mut self) {
        self.stop_moving();
        self.spinner.finish_and_clear();
    }
}

//! Progress bars. They show on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::{
    output::Output,
    units::{Rate, Size},
};

impl Output {
    /// Something without a known end.
    pub(crate) fn spinner(&self, text: impl Into<String>) -> ProgressBar {
        let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is good");
        let bar = ProgressBar::new_spinner()
            .with_style(style)
            .with_message(text.into());
        let bar = self.bars().add(bar);
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    /// Things to do, one after the other or several at once.
    #[cfg(target_os = "linux")]
    pub(crate) fn runs(&self, text: impl Into<String>, count: u64) -> ProgressBar {
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos} of {len}, {elapsed}")
            .expect("the template is good")
            .progress_chars("=> ");
        let bar = ProgressBar::new(count)
            .with_style(style)
            .with_message(text.into());
        self.bars().add(bar)
    }

    /// Bytes on their way, with rate and time to go.
    pub(crate) fn transfer(&self, text: impl Into<String>, bytes: u64) -> ProgressBar {
        let template = "{msg} [{bar:30}] {percent}% of {size}, {rate}, {eta} to go";
        let style = ProgressStyle::with_template(template)
            .expect("the template is good")
            .with_key(
                "size",
                |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{}", Size(state.len().unwrap_or(0)));
                },
            )
            .with_key(
                "rate",
                |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(
                        out,
                        "{}",
                        Rate {
                            bits_per_second: state.per_sec() * 8.0
                        }
                    );
                },
            )
            .progress_chars("=> ");
        let bar = ProgressBar::new(bytes)
            .with_style(style)
            .with_message(text.into());
        self.bars().add(bar)
    }
}

//! Memory that is warm.

use std::{ffi::OsString, hint::black_box, io, process::ExitCode};

pub(super) fn run(words: &[OsString]) -> io::Result<ExitCode> {
    let bytes = super::text(words, 0)?.parse().map_err(io::Error::other)?;
    let mut memory = vec![0_u8; bytes];
    for page in memory.iter_mut().step_by(4096) {
        *page = 1;
    }
    black_box(&memory);
    Ok(ExitCode::SUCCESS)
}

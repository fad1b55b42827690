//! The program `dolab`. Everything is in the library, so that tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    dolab::run(std::env::args_os())
}

//! How fast this machine can move a file between two processes and prove it: the mark that the
//! comparison (`--bench compare`) holds everything else against.
//!
//! ```text
//! limit hashes FILE                        prints the SHA-256 of each MiB, in hex, one a line
//! limit send FILE ADDRESS                  serves the file to all who connect, by sendfile
//! limit receive WORK ADDRESS [HASHES [FILE]]
//! ```
//!
//! What a receiver does with the bytes is one of `raw` (drop them), `hash`, `store`, `serial`
//! (hash and store on one thread) and `pipe` (receive and store on one thread, hash on another).
//! Those that hash compare with the file `HASHES`, and fail when a piece is not what it should be.
//!
//! There is no protocol, no resumption, no second file: nothing is left out that a transfer needs
//! physically, and nothing is in it that it does not.

#[cfg(target_os = "linux")]
mod receive;
#[cfg(target_os = "linux")]
mod send;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["hashes", file] => receive::print_hashes(file),
        ["send", file, address] => send::serve(file, address),
        ["receive", work, address, ref files @ ..] => receive::receive(work, address, files),
        _ => Err(std::io::Error::other(
            "wrong use: see the head of benches/limit/main.rs",
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(&format!("limit: {error}")),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    say("limit: sends by sendfile, which is there on Linux only")
}

fn say(what: &str) -> ExitCode {
    use std::io::Write as _;
    // A closed standard error changes nothing: the exit code says it too.
    let _ = writeln!(std::io::stderr(), "{what}");
    ExitCode::FAILURE
}

//! How long things take that a person waits for: `dolab peer` until it can be reached, with the
//! memory that it then has, and `dolab check` in each outcome.
//!
//! ```text
//! cargo bench -p dolab-benches --bench durations              all
//! cargo bench -p dolab-benches --bench durations -- filtered  checks whose name has this in it
//! ```

#[cfg(target_os = "linux")]
mod checks;
#[cfg(target_os = "linux")]
mod start;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    #[cfg(target_os = "linux")]
    if let [word, program, more @ ..] = &arguments[..]
        && word == start::INSIDE
    {
        return start::inside(program, more);
    }
    // `cargo test --benches` calls this too, and wants no measurement.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return dolab_tests::note("durations: measures under `cargo bench` only");
    }
    #[cfg(target_os = "linux")]
    {
        // Built now, not when the clock runs.
        dolab_tests::dolab();
        let wanted: Vec<_> = arguments
            .iter()
            .filter(|argument| !argument.starts_with("--"))
            .collect();
        if wanted.is_empty() || wanted.iter().any(|name| *name == "start") {
            start::run();
        }
        checks::run(|name| wanted.is_empty() || wanted.iter().any(|part| name.contains(*part)));
    }
    #[cfg(not(target_os = "linux"))]
    dolab_tests::note("NOT RUN: network namespaces are there on Linux only");
}

/// The middle one, the smallest and the largest.
#[cfg(target_os = "linux")]
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [
        values[values.len() / 2],
        values[0],
        values[values.len() - 1],
    ]
}

//! What a background download leaves to others, and what it takes when nobody else is there, on a
//! shaped link between hosts made of network namespaces.
//!
//! ```text
//! cargo bench -p dolab-benches --bench polite              every link, five rounds each
//! cargo bench -p dolab-benches --bench polite -- 2         two rounds each
//! cargo bench -p dolab-benches --bench polite -- 2 200     of the links with that in their name
//! ```

#[cfg(target_os = "linux")]
mod round;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` calls this too, and wants no measurement.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return dolab_tests::note("polite: measures under `cargo bench` only");
    }
    #[cfg(target_os = "linux")]
    {
        let mut wishes = arguments.iter().filter(|it| !it.starts_with('-'));
        let rounds = wishes.next().and_then(|it| it.parse().ok()).unwrap_or(5);
        round::run(rounds, wishes.next().map_or("", |it| it));
    }
    #[cfg(not(target_os = "linux"))]
    dolab_tests::note("NOT RUN: network namespaces are there on Linux only");
}

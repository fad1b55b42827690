//! One seeder and eight devices on a switch, whose links are bounded each way: when the last device
//! has everything, beside the least time that any way of sharing would take.
//!
//! ```text
//! cargo bench -p dolab-benches --bench swarm                  all settings
//! cargo bench -p dolab-benches --bench swarm -- slow-seeder   those whose name has this in it
//! ```
//!
//! The program is the one that a user has: `dolab peer` shares, `dolab fetch --share-for` fetches,
//! and shares meanwhile and afterwards. Verified and stored, in memory.
//!
//! With F bytes, N devices, and rates `u_s` up from the seeder, `u_i` up and `d_i` down of each
//! device, nobody can be done before `F / u_s`, for the seeder has to send each byte once; nor
//! before `F / d_min`; nor before `N F / (u_s + sum u_i)`, for that many bytes have to leave
//! somewhere. The rates are those of the link less the headers of full TCP segments.

#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod setting;

fn main() {
    // `cargo test --benches` calls this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return dolab_tests::note("swarm: measures under `cargo bench` only");
    }
    #[cfg(target_os = "linux")]
    run::run();
    #[cfg(not(target_os = "linux"))]
    dolab_tests::note("NOT RUN: network namespaces are there on Linux only");
}

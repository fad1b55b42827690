//! One peer to one peer through a switch, verified and stored to memory, beside iperf3 in the same
//! run: `cargo bench -p dolab-benches --bench veth`.
//!
//! Only the ratio travels to other machines. Two effects spoil such a figure in a virtual machine
//! and are dealt with: memory that was handed back to the host is slow at first touch, so as much
//! as a run will use is touched and freed before each; and bbr, where it is the default, costs
//! more than half of a stream on such a link, so the namespaces use cubic. The two take turns.

#[cfg(target_os = "linux")]
mod figure;

fn main() {
    // `cargo test --benches` calls this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return dolab_tests::note("veth: measures under `cargo bench` only");
    }
    #[cfg(target_os = "linux")]
    figure::run();
    #[cfg(not(target_os = "linux"))]
    dolab_tests::note("NOT RUN: network namespaces are there on Linux only");
}

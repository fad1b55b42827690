use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{exit, units};

/// Explain a capture of TCP 7680: what was said, and what is wrong with it
///
/// Reads pcap and pcapng, as tcpdump, Wireshark and `pktmon etl2pcap` write them, whole, cut off or
/// damaged. Puts the TCP streams together, decodes the Swarm protocol, and tells refused handshakes,
/// unknown swarms, stalls, resets, connections without an answer, bytes by host, what was sent
/// again and what was asked for twice. DNS-SD of Delivery Optimization (UDP 5353) and Teredo (UDP
/// 3544) in the same file are decoded too. Nothing is sent.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct DissectArgs {
    /// The capture; - for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// TCP port that peers listen on; repeat for more.
    #[arg(long, value_name = "PORT", default_value = "7680")]
    pub port: Vec<u16>,

    /// From how long on a pause in which requests wait is told.
    #[arg(long, default_value = "2s", value_name = "TIME", value_parser = units::duration)]
    pub stall: Duration,

    /// Print the conversation of this connection only, by its number; repeat for more.
    #[arg(long, value_name = "NUMBER")]
    pub connection: Vec<u32>,
}

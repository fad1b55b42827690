//! From what was typed to what is measured.

use std::time::Duration;

use dolab_bench::{
    Plan,
    report::{Direction, Layer, Options, Sink, Source},
};

use crate::{
    args::{BenchArgs, LayerName, SinkName, SourceName, Way},
    failure::Failure,
    units::Size,
};

/// Bytes in a piece.
const PIECE: u64 = 1 << 20;

/// Bytes that are asked for and not there yet, on a connection, unless the depth was said.
const IN_FLIGHT: u64 = 32 << 20;

/// Requests that a peer takes at a time.
const MOST_REQUESTS: u64 = 512;

pub(super) fn plan(args: &BenchArgs) -> Result<Plan, Failure> {
    let tuning = &args.tuning;
    let block = within("--block-size", tuning.block_size, 1024..=PIECE)?;
    let buffer = tuning
        .buffer
        .map(|buffer| within("--buffer", buffer, 4096..=64 << 20))
        .transpose()?;
    let size = args
        .size
        .map(|size| within("--size", size, 1..=1 << 40))
        .transpose()?;
    let interval = span("--interval", args.interval, 10, 60_000)?;
    let (duration, warm_up) = match size {
        Some(_) => (None, 0),
        None => (
            Some(span("--duration", args.duration, 100, 300_000)?),
            span("--warm-up", args.warm_up, 0, 60_000)?,
        ),
    };
    let usual = (IN_FLIGHT / block).clamp(1, MOST_REQUESTS) as u32;
    let depth = tuning.depth.unwrap_or(usual);
    let mut layers: Vec<Layer> = args.layers.iter().map(|&layer| layer.into()).collect();
    layers.sort();
    layers.dedup();
    let options = Options {
        layers,
        directions: match args.direction {
            Way::Receive => vec![Direction::Receive],
            Way::Send => vec![Direction::Send],
            Way::Both => vec![Direction::Receive, Direction::Send],
        },
        both_at_once: args.direction == Way::Both,
        streams: args.streams,
        duration_ms: duration,
        size_bytes: size,
        warm_up_ms: warm_up,
        interval_ms: interval,
        source: match tuning.source {
            SourceName::Synthetic => Source::Synthetic,
            SourceName::Zero => Source::Zero,
        },
        sink: match tuning.sink {
            SinkName::Layer => Sink::Layer,
            SinkName::Null => Sink::Null,
        },
        piece_bytes: PIECE,
        block_bytes: block,
        request_depth: depth,
        congestion_control: tuning.congestion_control.clone(),
        send_buffer_bytes: buffer,
        receive_buffer_bytes: buffer,
        rate_limit_bits_per_second: tuning.rate_limit.map(|rate| rate.bits_per_second),
    };
    Ok(Plan {
        options,
        key: args.access.key()?,
        store: tuning.store.clone().unwrap_or_else(std::env::temp_dir),
    })
}

fn within(name: &str, size: Size, range: std::ops::RangeInclusive<u64>) -> Result<u64, Failure> {
    if range.contains(&size.0) {
        return Ok(size.0);
    }
    let (least, most) = (Size(*range.start()), Size(*range.end()));
    Err(Failure::wrong_use(format!(
        "{name} {size}: {least} to {most} are possible"
    )))
}

/// Milliseconds.
fn span(name: &str, time: Duration, least: u64, most: u64) -> Result<u64, Failure> {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if (least..=most).contains(&ms) {
        return Ok(ms);
    }
    Err(Failure::wrong_use(format!(
        "{name}: {least} ms to {} s are possible",
        most / 1000
    )))
}

impl From<LayerName> for Layer {
    fn from(name: LayerName) -> Self {
        match name {
            LayerName::Raw => Self::Raw,
            LayerName::Exchange => Self::Exchange,
            LayerName::Verified => Self::Verified,
            LayerName::Stored => Self::Stored,
        }
    }
}

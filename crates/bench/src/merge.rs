//! From what both sides recorded of a flow to what the report says of it. Pure.

use crate::{
    proto::{Slice, Totals},
    report::{BothEnds, Direction, Figures, Interval, RoundTrip, Spread},
};

/// What both sides recorded of a flow.
#[derive(Debug)]
pub(crate) struct Recorded<'a> {
    /// Which way, seen from this host.
    pub(crate) direction: Direction,
    pub(crate) receiver: &'a [Slice],
    pub(crate) sender: &'a [Slice],
    /// Round trips while it ran: milliseconds since its first byte, and how long they took.
    pub(crate) echoes: &'a [(f64, f64)],
}

impl Recorded<'_> {
    /// The slice of this number as the report has it. What is counted where bytes leave is the
    /// sender's: it saw its own slice of the same length, a little earlier.
    pub(crate) fn interval(&self, n: usize) -> Option<Interval> {
        let came = self.receiver.get(n)?;
        let left = self.sender.get(n);
        let end = came.start_ms + came.ms;
        let during: Vec<f64> = self
            .echoes
            .iter()
            .filter(|(at, _)| (came.start_ms..end).contains(at))
            .map(|&(_, took)| took)
            .collect();
        let echo = Spread::of(&during).map(|spread| spread.p50);
        let cores = |slice: &Slice| (slice.ms > 0.0).then(|| slice.cpu_seconds * 1e3 / slice.ms);
        Some(Interval {
            warm_up: came.warm_up,
            retransmits: left.and_then(|left| left.retransmits),
            rtt_ms: echo.or_else(|| left.and_then(|left| left.rtt_ms)),
            cwnd_bytes: left
                .and_then(|left| left.cwnd_bytes)
                .map(|bytes| bytes as f64),
            cpu_cores: self.ends(cores(came), left.and_then(cores)),
            ..Interval::new(came.start_ms, came.ms, came.bytes)
        })
    }

    /// What the receiver and the sender have, as this host and the remote.
    fn ends<T>(&self, receiver: Option<T>, sender: Option<T>) -> BothEnds
    where
        T: Into<f64>,
    {
        let (receiver, sender) = (receiver.map(Into::into), sender.map(Into::into));
        let (local, remote) = match self.direction {
            Direction::Receive => (receiver, sender),
            Direction::Send => (sender, receiver),
        };
        BothEnds { local, remote }
    }

    /// Processor time of both ends, in seconds, without the warm-up. It is that of whole processes.
    pub(crate) fn cpu_seconds(&self) -> BothEnds {
        let measured = self.receiver.iter().filter(|slice| !slice.warm_up);
        let receiver = measured.map(|slice| slice.cpu_seconds).sum::<f64>();
        let warm = self.receiver.iter().map(|slice| slice.warm_up);
        let sender = self
            .sender
            .iter()
            .zip(warm)
            .filter(|(_, warm)| !warm)
            .map(|(slice, _)| slice.cpu_seconds)
            .sum::<f64>();
        let sender = (!self.sender.is_empty()).then_some(sender);
        self.ends(Some(receiver), sender)
    }

    /// Everything that is measured. Processor time is left out: it has to be shared out among all
    /// that ran at the same time.
    pub(crate) fn figures(&self, idle_ms: &[f64], receiver: &Totals, sender: &Totals) -> Figures {
        let intervals: Vec<Interval> = (0..self.receiver.len())
            .filter_map(|n| self.interval(n))
            .collect();
        let measured = || intervals.iter().filter(|interval| !interval.warm_up);
        let bytes = measured().map(|interval| interval.bytes).sum();
        let ms: f64 = measured().map(|interval| interval.ms).sum();
        let whole = Interval::new(0.0, ms, bytes);
        let began = measured().next().map_or(0.0, |interval| interval.start_ms);
        let loaded: Vec<f64> = self
            .echoes
            .iter()
            .filter(|(at, _)| (began..began + ms).contains(at))
            .map(|&(_, took)| took)
            .collect();
        let windows: Vec<f64> = measured()
            .filter_map(|interval| interval.cwnd_bytes)
            .collect();
        let retransmits = measured().map(|interval| interval.retransmits);
        let retransmits: Vec<u64> = retransmits.flatten().collect();
        Figures {
            bytes,
            seconds: ms / 1e3,
            bits_per_second: whole.bits_per_second,
            retransmits: (!retransmits.is_empty()).then(|| retransmits.iter().sum()),
            round_trip: RoundTrip::new(Spread::of(idle_ms), Spread::of(&loaded)),
            congestion_control: sender.congestion_control.clone(),
            cwnd_bytes: Spread::of(&windows),
            cpu_seconds_per_gib: BothEnds::default(),
            stalls: receiver.stalls.clone(),
            piece_latency_ms: receiver.latency_ms,
            intervals,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(n: u32, warm_up: bool, bytes: u64, cpu_seconds: f64) -> Slice {
        Slice {
            start_ms: f64::from(n) * 100.0,
            ms: 100.0,
            warm_up,
            bytes,
            cpu_seconds,
            retransmits: Some(u64::from(n)),
            cwnd_bytes: Some(1000 * u64::from(n)),
            rtt_ms: Some(7.0),
        }
    }

    #[test]
    fn the_receivers_bytes_and_the_senders_window_make_an_interval() {
        let receiver = [
            slice(0, true, 10, 9.0),
            slice(1, false, 20, 0.1),
            slice(2, false, 30, 0.1),
        ];
        let sender = [
            slice(0, true, 15, 9.0),
            slice(1, false, 25, 0.05),
            slice(2, true, 35, 0.05),
            slice(3, false, 1, 9.0),
        ];
        let echoes = [
            (50.0, 1.0),
            (150.0, 2.0),
            (160.0, 4.0),
            (299.0, 5.0),
            (300.0, 99.0),
        ];
        let recorded = Recorded {
            direction: Direction::Receive,
            receiver: &receiver,
            sender: &sender,
            echoes: &echoes,
        };
        let second = recorded.interval(1).unwrap();
        assert_eq!((second.bytes, second.retransmits), (20, Some(1)));
        assert_eq!(second.bits_per_second, 1600.0);
        assert_eq!(second.rtt_ms, Some(2.0));
        assert_eq!(second.cpu_cores.local, Some(1.0));
        assert_eq!(second.cpu_cores.remote, Some(0.5));
        assert!(recorded.interval(3).is_none());

        let cpu = recorded.cpu_seconds();
        assert!((cpu.local.unwrap() - 0.2).abs() < 1e-9);
        assert!((cpu.remote.unwrap() - 0.1).abs() < 1e-9);

        let totals = Totals::default();
        let figures = recorded.figures(&[0.5], &totals, &totals);
        assert_eq!((figures.bytes, figures.seconds), (50, 0.2));
        assert_eq!(figures.retransmits, Some(3));
        assert_eq!(
            figures.round_trip.loaded_ms.map(|spread| spread.max),
            Some(5.0)
        );
        let sum: u64 = figures
            .intervals
            .iter()
            .map(|interval| interval.bytes)
            .sum();
        assert_eq!(sum, 60, "with the warm-up");

        // The other way round, the remote is the receiver.
        let sending = Recorded {
            direction: Direction::Send,
            ..recorded
        };
        assert!((sending.cpu_seconds().remote.unwrap() - 0.2).abs() < 1e-9);
    }

    #[test]
    fn what_nobody_tells_is_unknown() {
        let silent = Slice {
            retransmits: None,
            cwnd_bytes: None,
            rtt_ms: None,
            ..slice(0, false, 10, 0.0)
        };
        let recorded = Recorded {
            direction: Direction::Send,
            receiver: &[silent],
            sender: &[],
            echoes: &[],
        };
        let figures = recorded.figures(&[], &Totals::default(), &Totals::default());
        assert_eq!((figures.retransmits, figures.cwnd_bytes), (None, None));
        assert_eq!(figures.round_trip, RoundTrip::default());
        assert_eq!(recorded.cpu_seconds().local, None);
    }
}

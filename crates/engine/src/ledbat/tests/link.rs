//! A link with a queue that drops what does not fit, and flows that share it.

use std::{collections::VecDeque, time::Duration};

use crate::{
    Instant,
    ledbat::{Ledbat, LedbatConfig},
};

/// Bytes of a packet.
const PACKET: u64 = 1448;

/// Length of one step.
const STEP: Duration = Duration::from_micros(500);

/// A link of one direction. What it carried arrives after the way of its flow.
pub(super) struct Link {
    now: Instant,
    capacity: u64,
    /// Packets that fit the queue.
    limit: usize,
    queue: VecDeque<Packet>,
    /// Bytes that the link may still carry.
    credit: f64,
    flows: Vec<State>,
    longest: usize,
    turn: usize,
}

struct Packet {
    flow: usize,
    sent: Instant,
}

/// A flow, for a test to ask about.
#[derive(Clone, Copy)]
pub(super) struct Flow(usize);

struct State {
    /// Round trip without a queue.
    base: Duration,
    pace: Pace,
    in_flight: u64,
    delivered: u64,
    /// When packets arrive or are found lost, with when they left.
    arrivals: VecDeque<(Instant, Fate)>,
}

#[derive(Clone, Copy)]
enum Fate {
    Arrived { sent: Instant },
    Lost,
}

enum Pace {
    /// Takes what the rule allows, of a sender that has so many bytes a second.
    Polite {
        rule: Ledbat,
        sender: f64,
        credit: f64,
        sampled: Instant,
    },
    /// As cubic does: takes three tenths back when something is lost, and grows by the cube of the
    /// time since then.
    Greedy {
        window: f64,
        slow_start: bool,
        cut: Instant,
        before_cut: f64,
    },
    Gone,
}

impl Link {
    /// A link of so many bytes a second, with a queue of so much time.
    pub(super) fn new(capacity: u64, queue: Duration) -> Self {
        Self {
            now: Instant(0),
            capacity,
            limit: (capacity as f64 * queue.as_secs_f64()) as usize / PACKET as usize,
            queue: VecDeque::new(),
            credit: 0.0,
            flows: Vec::new(),
            longest: 0,
            turn: 0,
        }
    }

    pub(super) fn polite(&mut self, base: Duration) -> Flow {
        self.slow_sender(base, u64::MAX)
    }

    pub(super) fn slow_sender(&mut self, base: Duration, sender: u64) -> Flow {
        self.add(
            base,
            Pace::Polite {
                rule: Ledbat::new(LedbatConfig::default()),
                sender: sender as f64,
                credit: 0.0,
                sampled: self.now,
            },
        )
    }

    pub(super) fn greedy(&mut self, base: Duration) -> Flow {
        self.add(
            base,
            Pace::Greedy {
                window: (10 * PACKET) as f64,
                slow_start: true,
                cut: self.now,
                before_cut: 0.0,
            },
        )
    }

    fn add(&mut self, base: Duration, pace: Pace) -> Flow {
        self.flows.push(State {
            base,
            pace,
            in_flight: 0,
            delivered: 0,
            arrivals: VecDeque::new(),
        });
        Flow(self.flows.len() - 1)
    }

    pub(super) fn stop(&mut self, flow: Flow) {
        self.flows[flow.0].pace = Pace::Gone;
    }

    /// From now on the way takes so long.
    pub(super) fn reroute(&mut self, flow: Flow, base: Duration) {
        self.flows[flow.0].base = base;
    }

    /// Bytes that arrived.
    pub(super) fn delivered(&self, flow: Flow) -> u64 {
        self.flows[flow.0].delivered
    }

    pub(super) fn rule(&self, flow: Flow) -> &Ledbat {
        match &self.flows[flow.0].pace {
            Pace::Polite { rule, .. } => rule,
            Pace::Greedy { .. } | Pace::Gone => panic!("no polite flow"),
        }
    }

    /// The longest the queue has been since this was asked last.
    pub(super) fn longest_queue(&mut self) -> Duration {
        let bytes = std::mem::take(&mut self.longest) as u64 * PACKET;
        Duration::from_secs_f64(bytes as f64 / self.capacity as f64)
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + STEP;
            let flows = self.flows.len();
            // In turns, or the first would always find room in a queue that is almost full.
            self.turn += 1;
            for index in 0..flows {
                let index = (index + self.turn) % flows;
                self.flows[index].arrive(self.now);
                self.send(index);
            }
            self.carry();
        }
    }

    fn send(&mut self, index: usize) {
        let flow = &mut self.flows[index];
        for _ in 0..flow.allowance() {
            flow.in_flight += PACKET;
            if self.queue.len() < self.limit {
                self.queue.push_back(Packet {
                    flow: index,
                    sent: self.now,
                });
            } else {
                // Found out once the packets before it, which wait in the queue, have arrived.
                let queue = self.queue.len() as u64 * PACKET;
                let wait = Duration::from_secs_f64(queue as f64 / self.capacity as f64);
                let found = self.now + wait + flow.base;
                flow.arrivals.push_back((found, Fate::Lost));
            }
        }
        self.longest = self.longest.max(self.queue.len());
    }

    fn carry(&mut self) {
        self.credit += self.capacity as f64 * STEP.as_secs_f64();
        while self.credit >= PACKET as f64 {
            let Some(packet) = self.queue.pop_front() else {
                self.credit = 0.0;
                return;
            };
            self.credit -= PACKET as f64;
            let flow = &mut self.flows[packet.flow];
            let fate = Fate::Arrived { sent: packet.sent };
            flow.arrivals.push_back((self.now + flow.base, fate));
        }
    }
}

impl State {
    /// Takes what has arrived by now.
    fn arrive(&mut self, now: Instant) {
        while let Some(&(at, fate)) = self.arrivals.front()
            && at <= now
        {
            self.arrivals.pop_front();
            self.in_flight -= PACKET;
            if let Fate::Arrived { .. } = fate {
                self.delivered += PACKET;
            }
            match (&mut self.pace, fate) {
                (Pace::Polite { rule, .. }, Fate::Lost) => rule.lost(0),
                (Pace::Polite { rule, sampled, .. }, Fate::Arrived { sent }) => {
                    rule.received(now, PACKET);
                    // As often as the driver looks.
                    if now.since(*sampled) >= Duration::from_millis(10) {
                        *sampled = now;
                        rule.sample(now, 0, now.since(sent));
                    }
                }
                (
                    Pace::Greedy {
                        window,
                        slow_start,
                        cut,
                        before_cut,
                    },
                    fate,
                ) => match fate {
                    Fate::Lost => {
                        *slow_start = false;
                        if now.since(*cut) >= self.base + Duration::from_millis(100) {
                            (*cut, *before_cut) = (now, *window);
                            *window = (*window * 0.7).max((2 * PACKET) as f64);
                        }
                    }
                    Fate::Arrived { .. } if *slow_start => *window += PACKET as f64,
                    Fate::Arrived { .. } => {
                        // RFC 9438: 0.4 packets for each cubed second away from the old window.
                        let packet = PACKET as f64;
                        let back = (*before_cut * 0.3 / packet / 0.4).cbrt();
                        let away = now.since(*cut).as_secs_f64() - back;
                        *window = window.max(*before_cut + 0.4 * away.powi(3) * packet);
                    }
                },
                (Pace::Gone, _) => {}
            }
        }
    }

    /// Packets that may leave in this step.
    fn allowance(&mut self) -> u64 {
        let room = |window: u64, in_flight: u64| window.saturating_sub(in_flight) / PACKET;
        match &mut self.pace {
            Pace::Polite {
                rule,
                sender,
                credit,
                ..
            } => {
                let packet = PACKET as f64;
                // What is read opens the window, and that is paced.
                let pace = sender.min(rule.rate() as f64 * 1.25);
                let step = pace * STEP.as_secs_f64();
                *credit = (*credit + step).min(step.max(packet));
                let allowed = room(rule.window(), self.in_flight).min((*credit / packet) as u64);
                *credit -= allowed as f64 * packet;
                allowed
            }
            Pace::Greedy { window, .. } => room(*window as u64, self.in_flight),
            Pace::Gone => 0,
        }
    }
}

//! Subscribers behind one link.

mod flow;
mod link;

pub(crate) use flow::{Feedback, Flow};
pub(crate) use link::Link;

use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(1);

/// One moment of a simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    pub(crate) estimate_kbps: u64,
    pub(crate) queue: Duration,
    pub(crate) layer: Option<usize>,
}

pub(crate) struct Sim {
    pub(crate) start: Instant,
    pub(crate) at: Duration,
    pub(crate) link: Link,
    pub(crate) flows: Vec<Flow>,
    /// The first flow, every 25 ms.
    pub(crate) samples: Vec<Sample>,
}

impl Sim {
    /// So many subscribers, each of which gets a picture with these layers.
    pub(crate) fn new(link: Link, subscribers: usize, layers_kbps: &[u64]) -> Self {
        let start = beginning();
        Self {
            start,
            at: Duration::ZERO,
            link,
            flows: (0..subscribers)
                .map(|index| Flow::new(index, start, layers_kbps))
                .collect(),
            samples: Vec::new(),
        }
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.at + time;
        while self.at < end {
            self.at += STEP;
            for flow in &mut self.flows {
                flow.send(self.start, self.at, &mut self.link);
            }
            for (arrived_at, packet) in self.link.leave(self.at) {
                self.flows[packet.flow].arrive(arrived_at, packet.number);
            }
            for flow in &mut self.flows {
                flow.tell(self.at, self.link.one_way);
            }
            if self.at.as_millis().is_multiple_of(25) {
                self.samples.push(Sample {
                    at: self.at,
                    estimate_kbps: self.flows[0].estimate_kbps(),
                    queue: self.link.queue_delay(),
                    layer: self.flows[0].current,
                });
            }
        }
    }

    /// The samples since a moment.
    pub(crate) fn since(&self, at: Duration) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.at > at)
    }
}

/// Any instant will do: simulations only add to it.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can only be made by asking for one"
)]
pub(crate) fn beginning() -> Instant {
    Instant::now()
}

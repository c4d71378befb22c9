//! A bottleneck: packets queue for a link of some capacity, take their time, and some are lost.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::VecDeque;
use std::time::Duration;

/// One packet on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InFlight {
    pub(crate) flow: usize,
    pub(crate) number: u16,
    pub(crate) size: usize,
    entered_at: Duration,
}

/// A queue with a link behind it. Times count from the beginning.
pub(crate) struct Link {
    /// Bits per second.
    pub(crate) capacity: u64,
    /// Packets of the queue are dropped at its end beyond this.
    pub(crate) queue_max: Duration,
    /// One in so many thousand is lost, whatever the queue.
    pub(crate) loss_permille: u32,
    pub(crate) one_way: Duration,
    /// Arrivals are late by up to this much.
    pub(crate) jitter: Duration,
    pub(crate) dropped: u64,
    pub(crate) entered: u64,
    queue: VecDeque<InFlight>,
    queued_bytes: u64,
    free_at: Duration,
    random: StdRng,
}

impl Link {
    pub(crate) fn new(kbps: u64, seed: u64) -> Self {
        Self {
            capacity: kbps * 1000,
            queue_max: Duration::from_millis(400),
            loss_permille: 0,
            one_way: Duration::from_millis(25),
            jitter: Duration::ZERO,
            dropped: 0,
            entered: 0,
            queue: VecDeque::new(),
            queued_bytes: 0,
            free_at: Duration::ZERO,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// How long a packet that enters would wait.
    pub(crate) fn queue_delay(&self) -> Duration {
        Duration::from_micros(self.queued_bytes * 8_000_000 / self.capacity)
    }

    pub(crate) fn enter(&mut self, now: Duration, flow: usize, number: u16, size: usize) {
        self.entered += 1;
        let unlucky = self.random.random_range(0..1000) < self.loss_permille;
        if unlucky || self.queue_delay() > self.queue_max {
            self.dropped += 1;
            return;
        }
        self.queued_bytes += u64::try_from(size).unwrap();
        self.queue.push_back(InFlight {
            flow,
            number,
            size,
            entered_at: now,
        });
    }

    /// What has come through by now, with the time of its arrival.
    pub(crate) fn leave(&mut self, now: Duration) -> Vec<(Duration, InFlight)> {
        let mut left = Vec::new();
        while let Some(head) = self.queue.front() {
            let bits = u64::try_from(head.size).unwrap() * 8;
            let sending = Duration::from_nanos(bits * 1_000_000_000 / self.capacity);
            let sent_at = self.free_at.max(head.entered_at) + sending;
            if sent_at > now {
                break;
            }
            self.free_at = sent_at;
            self.queued_bytes -= bits / 8;
            let head = self.queue.pop_front().unwrap();
            let late = if self.jitter.is_zero() {
                Duration::ZERO
            } else {
                Duration::from_micros(
                    self.random
                        .random_range(0..u64::try_from(self.jitter.as_micros()).unwrap()),
                )
            };
            left.push((sent_at + self.one_way + late, head));
        }
        left
    }
}

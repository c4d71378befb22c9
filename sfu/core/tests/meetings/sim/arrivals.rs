//! When each numbered packet arrived at a client, told every 100 ms as browsers do. Shared with
//! the simulation in `signaling/tests`.

use sfu_core::rtp::rtcp::{TransportFeedbackFields, write_transport_feedback};
use sfu_core::rtp::{Extender, SequenceNumber, Ssrc};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    numbers: Extender,
    started_at: Option<Instant>,
    arrived: BTreeMap<u64, Duration>,
    next: Option<u64>,
    told_at: Option<Instant>,
    count: u8,
}

impl Arrivals {
    /// Takes note of a packet by its number over all streams.
    pub(crate) fn note(&mut self, now: Instant, number: SequenceNumber) {
        let number = self.numbers.extend(number);
        self.next.get_or_insert(number);
        let started_at = *self.started_at.get_or_insert(now);
        self.arrived.insert(number, now - started_at);
    }

    /// The feedback that is due.
    pub(crate) fn tell(&mut self, now: Instant) -> Option<Vec<u8>> {
        let due = self.told_at.is_none_or(|at| now - at >= INTERVAL);
        let (next, (&last, _)) = (self.next?, self.arrived.last_key_value()?);
        if !due || last < next {
            return None;
        }
        self.told_at = Some(now);
        let arrivals: Vec<_> = (next..=last)
            .map(|number| self.arrived.get(&number).copied())
            .collect();
        let fields = TransportFeedbackFields {
            sender: Ssrc(7),
            media: Ssrc(1),
            base: SequenceNumber::of_extended(next),
            feedback_count: self.count,
        };
        self.count = self.count.wrapping_add(1);
        self.next = Some(last + 1);
        self.arrived = self.arrived.split_off(&(last + 1));
        let mut compound = Vec::new();
        write_transport_feedback(&mut compound, &fields, &arrivals);
        Some(compound)
    }
}

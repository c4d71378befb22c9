//! What a client notes of what it receives: which packets are missing and when it asks for them,
//! and when each numbered packet arrived.

use sfu_core::rtp::rtcp::{TransportFeedbackFields, write_transport_feedback};
use sfu_core::rtp::{Extender, SequenceNumber, Ssrc};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);
/// As libwebrtc: soon, after a round trip, ten times and for a second.
const FIRST_ASK: Duration = Duration::from_millis(20);
const NEXT_ASK: Duration = Duration::from_millis(100);
const ASKS_MAX: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(1);

/// A stream that the client receives.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    sequence: Extender,
    newest: Option<u64>,
    oldest: u64,
    missing: BTreeMap<u64, Missing>,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    asked_at: Option<Instant>,
    asks: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    numbers: Extender,
    started_at: Option<Instant>,
    arrived: BTreeMap<u64, Duration>,
    next: Option<u64>,
    told_at: Option<Instant>,
    count: u8,
}

impl Stream {
    pub(crate) fn note(&mut self, now: Instant, number: SequenceNumber) {
        let number = self.sequence.extend(number);
        let Some(newest) = self.newest else {
            (self.newest, self.oldest) = (Some(number), number);
            return;
        };
        self.missing.remove(&number);
        for lost in (newest + 1..number).chain(number + 1..self.oldest) {
            let missing = Missing {
                since: now,
                asked_at: None,
                asks: 0,
            };
            self.missing.insert(lost, missing);
        }
        self.newest = Some(newest.max(number));
        self.oldest = self.oldest.min(number);
    }

    /// What to ask for now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<SequenceNumber> {
        self.missing
            .retain(|_, lost| lost.asks < ASKS_MAX && now - lost.since <= PATIENCE);
        let mut due = Vec::new();
        for (number, lost) in &mut self.missing {
            let next_at = lost
                .asked_at
                .map_or(lost.since + FIRST_ASK, |at| at + NEXT_ASK);
            if next_at <= now {
                lost.asked_at = Some(now);
                lost.asks += 1;
                due.push(SequenceNumber::of_extended(*number));
            }
        }
        due
    }
}

impl Arrivals {
    pub(crate) fn note(&mut self, now: Instant, number: SequenceNumber) {
        let number = self.numbers.extend(number);
        self.next.get_or_insert(number);
        let started_at = *self.started_at.get_or_insert(now);
        self.arrived.insert(number, now - started_at);
    }

    /// The feedback that is due.
    pub(crate) fn tell(&mut self, now: Instant) -> Option<Vec<u8>> {
        let due = self.told_at.is_none_or(|at| now >= at + FEEDBACK_INTERVAL);
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

//! What a client notes of what it receives: which packets are missing, and when it asks for
//! them.

use sfu_core::rtp::{Extender, SequenceNumber};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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

//! Which packets of one encoding are missing, and when to ask for each (RFC 4585, section 6.2.1).
//! Knows extended sequence numbers and the time; not who needs the packets, nor how they are asked
//! for.

use crate::rtp::SequenceNumber;
use std::time::{Duration, Instant};

/// A packet that is overtaken comes within this time on the networks people meet over; a later one
/// is lost. Short against the 50 ms of a round trip that asking costs.
const REORDER_TIME: Duration = Duration::from_millis(10);
/// Or when so many later packets came (TCP's threshold for the same question, RFC 5681).
const REORDER_PACKETS: u64 = 3;
/// After so many requests the packet will not come. libwebrtc gives up after as many.
const TRIES_MAX: u8 = 10;
/// Older packets are of no use in a conversation: a key frame is there sooner.
const AGE_MAX: Duration = Duration::from_secs(1);
/// Packets missing at a time: what fits into one feedback below 1,200 bytes even if no two of them
/// share an item. Whoever misses more needs a key frame.
pub(crate) const MISSING_MAX: usize = 256;
/// Before anything was measured.
const ROUND_TRIP_DEFAULT: Duration = Duration::from_millis(80);
/// Requests for a packet are never closer than this: the answer's own jitter.
const REPEAT_MIN: Duration = Duration::from_millis(25);
/// Nor further apart than this, so that a wrong measurement leaves several tries in a packet's life.
const REPEAT_MAX: Duration = Duration::from_millis(250);

/// What one encoding lacks.
#[derive(Debug, Default)]
pub(crate) struct NackGenerator {
    newest: Option<u64>,
    /// Sorted by number.
    missing: Vec<Missing>,
    next_at: Option<Instant>,
    round_trip: Option<Duration>,
    way: Way,
}

/// What is known of the way to the publisher and back, but by the answers to requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Way {
    /// A round trip, as other packets showed it.
    pub(crate) round_trip: Option<Duration>,
    /// Whether sound comes on it.
    pub(crate) is_sound: bool,
}

#[derive(Debug)]
struct Missing {
    sequence: u64,
    since: Instant,
    asked_at: Option<Instant>,
    tries: u8,
}

/// Whether a stream can be repaired packet by packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// It is whole, or will be.
    Repairable,
    /// Too much is missing: only a key frame helps.
    TooLarge,
}

impl NackGenerator {
    /// Takes note of a packet that was not seen before. `repaired` says that it came as a
    /// retransmission (RFC 4588).
    pub(crate) fn received(&mut self, now: Instant, sequence: u64, repaired: bool) -> Gap {
        let newest = *self.newest.get_or_insert(sequence);
        if sequence <= newest {
            self.found(now, sequence, repaired);
            return Gap::Repairable;
        }
        self.newest = Some(sequence);
        let lost = usize::try_from(sequence - newest - 1).unwrap_or(usize::MAX);
        if lost > MISSING_MAX.saturating_sub(self.missing.len()) {
            self.forget();
            return Gap::TooLarge;
        }
        if lost > 0 {
            self.missing
                .extend((newest + 1..sequence).map(|sequence| Missing {
                    sequence,
                    since: now,
                    asked_at: None,
                    tries: 0,
                }));
            self.wake_at(now + REORDER_TIME);
        }
        if self.missing.iter().any(|lost| lost.is_overtaken(sequence)) {
            self.wake_at(now);
        }
        Gap::Repairable
    }

    /// Learns what is known of the way.
    pub(crate) fn know(&mut self, way: Way) {
        self.way = way;
    }

    /// Whether [`NackGenerator::take_due`] has something to do.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next_at.is_some_and(|at| at <= now)
    }

    /// Appends the packets to ask for now, from old to new. They count as asked for.
    pub(crate) fn take_due(&mut self, now: Instant, due: &mut Vec<SequenceNumber>) {
        let repeat = self.repeat_interval();
        let newest = self.newest.unwrap_or(0);
        self.missing
            .retain(|lost| lost.tries < TRIES_MAX && now.duration_since(lost.since) <= AGE_MAX);
        for lost in &mut self.missing {
            let is_due = lost.is_overtaken(newest) || lost.next_at(repeat) <= now;
            if is_due {
                lost.asked_at = Some(now);
                lost.tries += 1;
                due.push(SequenceNumber::of_extended(lost.sequence));
            }
        }
        self.plan();
    }

    /// Gives up what is missing, because nobody needs it or a key frame comes.
    pub(crate) fn forget(&mut self) {
        self.missing.clear();
        self.next_at = None;
    }

    fn found(&mut self, now: Instant, sequence: u64, repaired: bool) {
        let Ok(index) = self
            .missing
            .binary_search_by_key(&sequence, |lost| lost.sequence)
        else {
            return;
        };
        let found = self.missing.remove(index);
        // After a second request nobody knows which of them was answered (Karn's rule, RFC 6298).
        if let (true, 1, Some(asked_at)) = (repaired, found.tries, found.asked_at) {
            let sample = now.duration_since(asked_at);
            self.round_trip = Some(match self.round_trip {
                Some(smoothed) => (smoothed * 7 + sample) / 8,
                None => sample,
            });
        }
        self.plan();
    }

    fn plan(&mut self) {
        let repeat = self.repeat_interval();
        self.next_at = self.missing.iter().map(|lost| lost.next_at(repeat)).min();
    }

    /// A round trip and a quarter: an answer that comes later than that was lost. Sound is played
    /// before that would be known, and small: it is asked for twice in a round trip, so that one
    /// request that was lost costs no more than half of it.
    fn repeat_interval(&self) -> Duration {
        let measured = self.round_trip.or(self.way.round_trip);
        let round_trip = measured.unwrap_or(ROUND_TRIP_DEFAULT);
        let interval = if self.way.is_sound {
            round_trip / 2
        } else {
            round_trip * 5 / 4
        };
        interval.clamp(REPEAT_MIN, REPEAT_MAX)
    }

    fn wake_at(&mut self, at: Instant) {
        self.next_at = Some(self.next_at.map_or(at, |next| next.min(at)));
    }
}

impl Missing {
    fn next_at(&self, repeat: Duration) -> Instant {
        self.asked_at
            .map_or(self.since + REORDER_TIME, |at| at + repeat)
    }

    /// Not asked for yet although it must be lost.
    fn is_overtaken(&self, newest: u64) -> bool {
        self.tries == 0 && newest >= self.sequence + REORDER_PACKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_packet_that_is_merely_overtaken_is_not_asked_for() {
        let (mut nacks, now) = (NackGenerator::default(), start());
        receive(&mut nacks, now, &[10, 12]);
        assert!(!nacks.is_due(now + 9 * MS));
        receive(&mut nacks, now + 9 * MS, &[11]);
        assert_eq!(due(&mut nacks, now + 500 * MS), []);
    }

    #[test]
    fn sound_is_asked_for_twice_in_a_round_trip() {
        let (mut nacks, now) = (NackGenerator::default(), start());
        nacks.know(Way {
            round_trip: Some(80 * MS),
            is_sound: true,
        });
        receive(&mut nacks, now, &[10, 12]);
        assert_eq!(due(&mut nacks, now + 10 * MS), [11]);
        assert_eq!(due(&mut nacks, now + 49 * MS), []);
        assert_eq!(due(&mut nacks, now + 50 * MS), [11]);
    }

    #[test]
    fn a_missing_packet_is_asked_for_after_ten_milliseconds_or_three_packets() {
        let (mut nacks, now) = (NackGenerator::default(), start());
        receive(&mut nacks, now, &[10, 12]);
        assert_eq!(due(&mut nacks, now + 10 * MS), [11]);
        receive(&mut nacks, now + 11 * MS, &[14, 15]);
        assert_eq!(due(&mut nacks, now + 11 * MS), []);
        receive(&mut nacks, now + 11 * MS, &[16]);
        assert_eq!(due(&mut nacks, now + 11 * MS), [13]);
    }

    #[test]
    fn a_request_is_repeated_after_the_round_trip_that_was_measured() {
        let (mut nacks, now) = (NackGenerator::default(), start());
        receive(&mut nacks, now, &[1, 3, 5]);
        assert_eq!(due(&mut nacks, now + 10 * MS), [2, 4]);
        nacks.received(now + 50 * MS, 2, true);
        assert_eq!(due(&mut nacks, now + 59 * MS), [], "40 ms and a quarter");
        assert_eq!(due(&mut nacks, now + 60 * MS), [4]);
    }

    #[test]
    fn a_packet_that_never_comes_is_asked_for_ten_times_at_most_and_for_a_second() {
        let (mut nacks, now) = (NackGenerator::default(), start());
        receive(&mut nacks, now, &[1, 3]);
        nacks.round_trip = Some(20 * MS);
        let tries = |nacks: &mut NackGenerator, from: u32, to: u32| {
            (from..to)
                .filter(|&ms| !due(nacks, now + MS * ms).is_empty())
                .count()
        };
        assert_eq!(tries(&mut nacks, 0, 5000), 10);
        receive(&mut nacks, now + 6000 * MS, &[5]);
        nacks.round_trip = Some(1000 * MS);
        assert_eq!(tries(&mut nacks, 6000, 12_000), 4, "250 ms apart");
        assert!(!nacks.is_due(now + 60_000 * MS));
    }

    #[test]
    fn a_gap_too_large_to_repair_is_given_up() {
        let (mut nacks, now) = (NackGenerator::default(), start());
        receive(&mut nacks, now, &[1, 3]);
        let most = u64::try_from(MISSING_MAX).unwrap();
        assert_eq!(nacks.received(now, 4 + most, false), Gap::TooLarge);
        assert_eq!(due(&mut nacks, now + 20 * MS), []);
        assert_eq!(
            nacks.received(now, 5 + 2 * most, false),
            Gap::Repairable,
            "the next one counts from there"
        );
        assert_eq!(due(&mut nacks, now + 20 * MS).len(), MISSING_MAX);
    }

    #[test]
    fn numbers_are_asked_for_as_they_are_on_the_wire() {
        let (mut nacks, now) = (NackGenerator::default(), start());
        receive(&mut nacks, now, &[65_534, 65_537]);
        assert_eq!(due(&mut nacks, now + 10 * MS), [65_535, 0]);
    }

    fn receive(nacks: &mut NackGenerator, now: Instant, sequences: &[u64]) {
        for &sequence in sequences {
            assert_eq!(nacks.received(now, sequence, false), Gap::Repairable);
        }
    }

    fn due(nacks: &mut NackGenerator, now: Instant) -> Vec<u16> {
        let mut due = Vec::new();
        if nacks.is_due(now) {
            nacks.take_due(now, &mut due);
        }
        due.into_iter().map(|number| number.0).collect()
    }
}

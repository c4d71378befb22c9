//! When each packet of a publisher arrived, for its own bandwidth estimation
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01). Knows no streams: the numbers count over
//! all of them.

use crate::rtp::rtcp::{TransportFeedbackFields, write_transport_feedback};
use crate::rtp::{Extender, SequenceNumber, Ssrc};
use std::time::{Duration, Instant};

/// Feedback every 50 to 100 ms is what senders expect (`media.md`, 6).
const INTERVAL: Duration = Duration::from_millis(50);
/// Packets one feedback tells of at most: 100 ms at 40 Mbit/s. What is older is left untold, which
/// the sender takes for lost.
const ARRIVALS_MAX: usize = 400;

/// The arrivals since the last feedback.
#[derive(Debug, Default)]
pub(crate) struct TwccFeedback {
    sequence: Extender,
    /// The number of the first entry of `arrivals`.
    base: u64,
    arrivals: Vec<Option<Duration>>,
    media: Option<Ssrc>,
    feedback_count: u8,
    started_at: Option<Instant>,
    sent_at: Option<Instant>,
}

impl TwccFeedback {
    /// Takes note of a packet.
    pub(crate) fn record(&mut self, now: Instant, number: SequenceNumber, media: Ssrc) {
        let started_at = *self.started_at.get_or_insert(now);
        let number = self.sequence.extend(number);
        if self.media.is_none() {
            self.base = number;
        }
        self.media = Some(media);
        // What was told as lost already cannot be taken back.
        let Some(ahead) = number.checked_sub(self.base) else {
            return;
        };
        let Ok(mut index) = usize::try_from(ahead) else {
            return;
        };
        if index >= ARRIVALS_MAX {
            self.base = number;
            self.arrivals.clear();
            index = 0;
        }
        if index >= self.arrivals.len() {
            self.arrivals.resize(index + 1, None);
        }
        self.arrivals[index].get_or_insert(now.duration_since(started_at));
    }

    /// Whether [`TwccFeedback::write_due`] has something to tell.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let waited = self
            .sent_at
            .is_none_or(|at| now.duration_since(at) >= INTERVAL);
        waited && !self.arrivals.is_empty()
    }

    /// Appends a feedback packet if one is due; whether it did.
    pub(crate) fn write_due(&mut self, now: Instant, sender: Ssrc, out: &mut Vec<u8>) -> bool {
        let Some(media) = self.media.filter(|_| self.is_due(now)) else {
            return false;
        };
        self.sent_at = Some(now);
        let fields = TransportFeedbackFields {
            sender,
            media,
            base: SequenceNumber(u16::try_from(self.base & 0xffff).expect("masked to 16 bits")),
            feedback_count: self.feedback_count,
        };
        let written = write_transport_feedback(out, &fields, &self.arrivals);
        self.feedback_count = self
            .feedback_count
            .wrapping_add(u8::try_from(written).unwrap_or(u8::MAX));
        self.base += u64::try_from(self.arrivals.len()).expect("a length fits");
        self.arrivals.clear();
        written > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::rtcp::{Rtcp, packets};
    use crate::test_clock::start;

    #[test]
    fn each_packet_is_told_once_and_a_missing_one_as_missing() {
        let mut twcc = TwccFeedback::default();
        let now = start();
        for number in [65_534, 65_535, 1] {
            twcc.record(now, SequenceNumber(number), Ssrc(9));
        }
        assert_eq!(
            told(&mut twcc, now),
            [(65_534, true), (65_535, true), (0, false), (1, true)]
        );
        assert!(
            !twcc.write_due(now + INTERVAL, Ssrc(1), &mut Vec::new()),
            "nothing is new"
        );
        twcc.record(now, SequenceNumber(2), Ssrc(9));
        assert_eq!(told(&mut twcc, now + INTERVAL), [(2, true)]);
    }

    #[test]
    fn feedback_waits_for_its_interval() {
        let mut twcc = TwccFeedback::default();
        let now = start();
        twcc.record(now, SequenceNumber(7), Ssrc(9));
        assert!(twcc.write_due(now, Ssrc(1), &mut Vec::new()));
        twcc.record(now, SequenceNumber(8), Ssrc(9));
        let early = now + Duration::from_millis(49);
        assert!(!twcc.write_due(early, Ssrc(1), &mut Vec::new()));
    }

    #[test]
    fn a_jump_of_the_numbers_does_not_grow_the_list() {
        let mut twcc = TwccFeedback::default();
        let now = start();
        for number in (0..60_000).step_by(500) {
            twcc.record(now, SequenceNumber(number), Ssrc(9));
        }
        assert!(twcc.arrivals.len() <= ARRIVALS_MAX);
    }

    fn told(twcc: &mut TwccFeedback, now: Instant) -> Vec<(u16, bool)> {
        let mut bytes = Vec::new();
        assert!(twcc.write_due(now, Ssrc(1), &mut bytes));
        let Some(Rtcp::TransportFeedback(feedback)) = packets(&bytes).next() else {
            panic!("feedback was written");
        };
        feedback
            .statuses()
            .map(|(number, at)| (number.0, at.is_some()))
            .collect()
    }
}

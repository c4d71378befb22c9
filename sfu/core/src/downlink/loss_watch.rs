//! Whether a subscriber's line loses so much that sound needs more copies. Knows what the subscriber
//! asked for again and reported, not what it is sent.

use std::time::{Duration, Instant};

/// Two packets that were lost within this time are more than chance: at 50 packets a second it is
/// one in ten.
const NEAR: Duration = Duration::from_millis(200);
/// For so long the line counts as bad after that: speech in which a word was lost goes on.
const AFTER_LOSS: Duration = Duration::from_secs(2);
/// A report of 10 % lost, in 256ths, counts as well, because not every client asks for lost sound.
const REPORTED_MIN: u8 = 26;
/// The share of packets on the whole line from which on it counts as bad, in thousandths, and the one
/// down to which it then does: what goes several times seems to be lost less.
const MEASURED_MIN: u64 = 100;
const MEASURED_STILL: u64 = 20;
/// Browsers report on sound every 5 s (RFC 3550, section 6.2); the next report comes in time.
const AFTER_REPORT: Duration = Duration::from_secs(6);

/// What is known of the losses of one subscription.
#[derive(Debug, Default)]
pub(crate) struct LossWatch {
    asked_at: Option<Instant>,
    until: Option<Instant>,
}

impl LossWatch {
    /// A packet was asked for that was sent.
    pub(crate) fn asked(&mut self, now: Instant) {
        let last = self.asked_at.replace(now);
        if last.is_some_and(|last| now.duration_since(last) <= NEAR) {
            self.extend(now + AFTER_LOSS);
        }
    }

    /// A report came, with the share that was lost in 256ths (RFC 3550, section 6.4.1).
    pub(crate) fn reported(&mut self, now: Instant, fraction_lost: u8) {
        if fraction_lost >= REPORTED_MIN {
            self.extend(now + AFTER_REPORT);
        }
    }

    /// The share of all packets to the subscriber that were lost of late, in thousandths.
    pub(crate) fn measured(&mut self, now: Instant, permille: u64) {
        let enough = if self.is_lossy(now) {
            MEASURED_STILL
        } else {
            MEASURED_MIN
        };
        if permille >= enough {
            self.extend(now + AFTER_LOSS);
        }
    }

    /// Whether the line is bad.
    pub(crate) fn is_lossy(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    fn extend(&mut self, until: Instant) {
        self.until = self.until.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    #[test]
    fn a_lost_packet_now_and_then_is_no_bad_line_and_two_at_once_are() {
        let (mut watch, now) = (LossWatch::default(), start());
        watch.asked(now);
        watch.asked(now + NEAR * 2);
        assert!(!watch.is_lossy(now + NEAR * 2));
        watch.asked(now + NEAR * 3);
        assert!(watch.is_lossy(now + NEAR * 3));
        assert!(!watch.is_lossy(now + NEAR * 3 + AFTER_LOSS));
    }

    #[test]
    fn a_line_measured_bad_stays_so_while_a_little_is_still_lost() {
        let (mut watch, now) = (LossWatch::default(), start());
        watch.measured(now, MEASURED_MIN - 1);
        assert!(!watch.is_lossy(now));
        watch.measured(now, MEASURED_MIN);
        let later = now + AFTER_LOSS / 2;
        watch.measured(later, MEASURED_STILL);
        assert!(watch.is_lossy(now + AFTER_LOSS));
        watch.measured(now + AFTER_LOSS, MEASURED_STILL - 1);
        assert!(!watch.is_lossy(later + AFTER_LOSS));
    }

    #[test]
    fn a_report_of_a_tenth_lost_holds_until_the_next_one() {
        let (mut watch, now) = (LossWatch::default(), start());
        watch.reported(now, REPORTED_MIN - 1);
        assert!(!watch.is_lossy(now));
        watch.reported(now, REPORTED_MIN);
        watch.reported(now + Duration::from_secs(1), 0);
        assert!(watch.is_lossy(now + Duration::from_secs(5)));
        assert!(!watch.is_lossy(now + AFTER_REPORT));
    }
}

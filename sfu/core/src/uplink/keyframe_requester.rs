//! Decides when a publisher is asked for a key frame. Knows nothing of who needs it.

use std::time::{Duration, Instant};

/// At most one request per encoding in this time, however many ask (`media.md`: a storm of requests
/// took another system from 30 to 11 frames a second). It is also the repeat time, because a
/// request can be lost.
pub(crate) const REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// Of one encoding: whether somebody waits for a key frame, and when one was last asked for.
#[derive(Debug, Default)]
pub(crate) struct KeyframeRequester {
    wanted: bool,
    requested_at: Option<Instant>,
}

impl KeyframeRequester {
    /// Somebody cannot go on without a key frame.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// A key frame came: who waited has it.
    pub(crate) fn came(&mut self) {
        self.wanted = false;
    }

    /// Whether to ask now. Counts as asked.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let waited = self
            .requested_at
            .is_none_or(|at| now.duration_since(at) >= REQUEST_INTERVAL);
        let due = self.wanted && waited;
        if due {
            self.requested_at = Some(now);
            self.wanted = false;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    #[test]
    fn nobody_is_asked_while_nobody_waits() {
        assert!(!KeyframeRequester::default().take_due(start()));
    }

    #[test]
    fn a_hundred_wishes_in_half_a_second_are_one_request() {
        let mut requester = KeyframeRequester::default();
        let begin = start();
        let asked = (0..100_u64)
            .filter(|step| {
                requester.want();
                requester.take_due(begin + Duration::from_millis(step * 4))
            })
            .count();
        assert_eq!(asked, 1);
    }

    #[test]
    fn a_wish_that_was_granted_is_not_asked_for_again() {
        let mut requester = KeyframeRequester::default();
        let begin = start();
        requester.want();
        assert!(requester.take_due(begin));
        requester.want();
        requester.came();
        assert!(!requester.take_due(begin + REQUEST_INTERVAL));
    }

    #[test]
    fn a_wish_during_the_pause_is_granted_after_it() {
        let mut requester = KeyframeRequester::default();
        let begin = start();
        requester.want();
        assert!(requester.take_due(begin));
        requester.want();
        assert!(!requester.take_due(begin + Duration::from_millis(499)));
        assert!(requester.take_due(begin + Duration::from_millis(500)));
    }
}

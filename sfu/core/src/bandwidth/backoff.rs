//! Keeps a line from being given again and again what it has just shown not to carry. Knows when an
//! allocation gave more or less than the one before, not to whom.

use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// A step up that is undone within this time has failed: a queue of a few hundred milliseconds
/// shows after a second or two, competing traffic a little later.
const JUDGED: Duration = Duration::from_secs(8);
/// After a failure, as much is not given again for so long at first,
const WAIT_MIN: Duration = Duration::from_secs(4);
/// and twice as long after each further one, up to this: a picture that changes twice a minute is
/// bearable, and a line that has become better is used within that time.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// A line that is seen to carry so many hundredths of what failed is another line by now.
pub const OTHER_LINE_PERCENT: u64 = 125;

/// What one line failed to carry.
#[derive(Debug)]
pub struct Backoff {
    raised_at: Option<Instant>,
    failed: Option<Failure>,
    wait: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Failure {
    rate: Bitrate,
    until: Instant,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            raised_at: None,
            failed: None,
            wait: WAIT_MIN,
        }
    }
}

impl Backoff {
    /// An allocation gave something more.
    pub fn raised(&mut self, now: Instant) {
        self.raised_at = Some(now);
    }

    /// An allocation took something away for want of bandwidth, of which `given` was given before.
    pub fn lowered(&mut self, now: Instant, given: Bitrate) {
        let Some(raised_at) = self.raised_at.take() else {
            return;
        };
        if now.saturating_duration_since(raised_at) >= JUDGED {
            self.wait = WAIT_MIN;
            return;
        }
        self.failed = Some(Failure {
            rate: given,
            until: now + self.wait,
        });
        self.wait = (self.wait * 2).min(WAIT_MAX);
    }

    /// What of the steady estimate may be given anew.
    pub fn bound(&self, now: Instant, steady: Bitrate) -> Bitrate {
        let failed = self.failed.filter(|failed| now < failed.until);
        match failed {
            Some(failed) if steady < failed.rate.percent(OTHER_LINE_PERCENT) => {
                steady.min(failed.rate)
            }
            Some(_) | None => steady,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const GIVEN: Bitrate = Bitrate::from_kbps(1000);
    const STEADY: Bitrate = Bitrate::from_kbps(1200);

    #[test]
    fn what_failed_is_given_again_later_each_time() {
        let mut now = start();
        let mut backoff = Backoff::default();
        for wait in [4, 8, 16, 30, 30] {
            backoff.raised(now);
            now += JUDGED / 2;
            backoff.lowered(now, GIVEN);
            assert_eq!(backoff.bound(now, STEADY), GIVEN);
            let just_before = now + Duration::from_millis(wait * 1000 - 1);
            assert_eq!(backoff.bound(just_before, STEADY), GIVEN, "{wait} s");
            now += Duration::from_secs(wait);
            assert_eq!(backoff.bound(now, STEADY), STEADY, "{wait} s");
        }
    }

    #[test]
    fn a_step_that_lasted_is_no_failure_and_makes_good_for_earlier_ones() {
        let mut now = start();
        let mut backoff = Backoff::default();
        backoff.lowered(now, GIVEN);
        assert_eq!(backoff.bound(now, STEADY), STEADY, "nothing was raised");
        for _ in 0..4 {
            backoff.raised(now);
            backoff.lowered(now, GIVEN);
        }
        now += WAIT_MAX;
        backoff.raised(now);
        now += JUDGED;
        backoff.lowered(now, GIVEN);
        assert_eq!(backoff.bound(now, STEADY), STEADY);
        backoff.raised(now);
        backoff.lowered(now, GIVEN);
        assert_eq!(backoff.bound(now + WAIT_MIN, STEADY), STEADY);
    }

    #[test]
    fn a_line_that_carries_much_more_than_what_failed_is_believed() {
        let now = start();
        let mut backoff = Backoff::default();
        backoff.raised(now);
        backoff.lowered(now, GIVEN);
        let better = GIVEN.percent(OTHER_LINE_PERCENT);
        assert_eq!(backoff.bound(now, better), better);
    }
}

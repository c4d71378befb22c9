//! What a line has been seen to carry of late: the most of the last five seconds. An estimate may be
//! older, and of a line that was wider then. Knows not what for.

use super::steps::Steps;
use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// The window has so many steps, of which the newest has only begun,
const STEPS: usize = 11;
/// each this long: what was seen counts for five seconds, as long as libwebrtc lets a line go
/// untried while little is sent over it.
const STEP: Duration = Duration::from_millis(500);

/// The highest rate of each step.
#[derive(Debug)]
pub struct ShownRate {
    highest: Steps<STEPS>,
}

impl ShownRate {
    /// Of which nothing has been seen yet.
    pub const fn new(now: Instant) -> Self {
        Self {
            highest: Steps::new(now, STEP, Bitrate::ZERO),
        }
    }

    /// Takes a rate at which packets arrived.
    pub fn record(&mut self, now: Instant, rate: Bitrate) {
        let highest = self.highest.newest(now, Bitrate::ZERO);
        *highest = rate.max(*highest);
    }

    /// The highest of the window.
    pub fn rate(&self, now: Instant) -> Bitrate {
        let left = STEPS.saturating_sub(self.highest.passed(now));
        self.highest.last(left).max().unwrap_or(Bitrate::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const RATE: Bitrate = Bitrate::from_kbps(900);

    #[test]
    fn what_was_seen_counts_for_five_seconds() {
        let now = start();
        let mut shown = ShownRate::new(now);
        assert_eq!(shown.rate(now), Bitrate::ZERO);
        shown.record(now, RATE);
        let low = Bitrate::from_kbps(100);
        for tick in 1..=50 {
            let at = now + Duration::from_millis(100) * tick;
            assert_eq!(shown.rate(at), RATE, "tick {tick}");
            shown.record(at, low);
        }
        let later = now + STEP * 11;
        assert_eq!(shown.rate(later), low);
        assert_eq!(shown.rate(later + Duration::from_mins(1)), Bitrate::ZERO);
    }

    #[test]
    fn after_a_long_pause_only_what_comes_then_counts() {
        let now = start();
        let mut shown = ShownRate::new(now);
        shown.record(now, RATE);
        let later = now + Duration::from_hours(1);
        shown.record(later, Bitrate::from_kbps(100));
        assert_eq!(shown.rate(later), Bitrate::from_kbps(100));
    }
}

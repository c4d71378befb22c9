//! The estimate that can be relied on: the lowest of the last two seconds and a little more, or of the
//! last half second. Knows not what for.

use super::steps::Steps;
use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// The window has so many steps, of which the newest has only begun,
const STEPS: usize = 9;
/// each this long: the last two seconds are always in it. That is longer than one swing of the rate
/// control around a full line, and short enough that the best picture is back within eight seconds.
const STEP: Duration = Duration::from_millis(250);
/// So many of them are at least half a second: a queue that a step down left is empty by then.
const STEPS_BRIEF: usize = 3;

/// The lowest estimate of each step.
#[derive(Debug)]
pub struct SteadyEstimate {
    lowest: Steps<STEPS>,
}

impl SteadyEstimate {
    /// As if the line had always been like this.
    pub const fn new(now: Instant, estimate: Bitrate) -> Self {
        Self {
            lowest: Steps::new(now, STEP, estimate),
        }
    }

    /// Takes the estimate at a moment. Call it every 25 ms or so: between two calls it did not move.
    pub fn record(&mut self, now: Instant, estimate: Bitrate) {
        let lowest = self.lowest.newest(now, estimate);
        *lowest = estimate.min(*lowest);
    }

    /// The lowest of the window.
    pub fn rate(&self) -> Bitrate {
        self.lowest.last(STEPS).min().expect("nine steps")
    }

    /// The lowest of the last half second.
    pub fn brief(&self) -> Bitrate {
        self.lowest.last(STEPS_BRIEF).min().expect("three steps")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    #[test]
    fn down_counts_at_once_and_up_after_two_seconds() {
        let now = start();
        let (low, high) = (Bitrate::from_kbps(500), Bitrate::from_kbps(900));
        let mut steady = SteadyEstimate::new(now, high);
        steady.record(now, low);
        assert_eq!(steady.rate(), low);
        for tick in 1..90 {
            steady.record(now + Duration::from_millis(25) * tick, high);
            assert_eq!(steady.rate(), low, "tick {tick}");
            assert_eq!(steady.brief() == low, tick < 30, "tick {tick}");
        }
        steady.record(now + STEP * 9, high);
        assert_eq!(steady.rate(), high);
    }

    #[test]
    fn a_long_pause_leaves_nothing_of_before() {
        let now = start();
        let mut steady = SteadyEstimate::new(now, Bitrate::from_kbps(100));
        steady.record(now + Duration::from_hours(1), Bitrate::from_kbps(900));
        assert_eq!(steady.rate(), Bitrate::from_kbps(900));
    }
}

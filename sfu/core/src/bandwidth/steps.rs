//! One rate for each step of the time that has just passed. Knows neither what the rates are nor what
//! for: see `steady` and `shown`.

use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// The last steps, of which the newest has only begun.
#[derive(Debug)]
pub(super) struct Steps<const COUNT: usize> {
    rates: [Bitrate; COUNT],
    newest: usize,
    newest_from: Instant,
    step: Duration,
}

impl<const COUNT: usize> Steps<COUNT> {
    /// As if the rate had always been this.
    pub(super) const fn new(now: Instant, step: Duration, rate: Bitrate) -> Self {
        Self {
            rates: [rate; COUNT],
            newest: 0,
            newest_from: now,
            step,
        }
    }

    /// The rate of the newest step, after others with the rate `new` for the time that passed.
    pub(super) fn newest(&mut self, now: Instant, new: Bitrate) -> &mut Bitrate {
        for _ in 0..COUNT {
            if self.passed(now) == 0 {
                break;
            }
            self.newest = (self.newest + 1) % COUNT;
            self.newest_from += self.step;
            self.rates[self.newest] = new;
        }
        // After a longer pause nothing is left of before.
        if self.passed(now) > 0 {
            self.newest_from = now;
        }
        &mut self.rates[self.newest]
    }

    /// The rates of the last `count` steps, newest first.
    pub(super) fn last(&self, count: usize) -> impl Iterator<Item = Bitrate> {
        let places = (0..count.min(COUNT)).map(|back| (self.newest + COUNT - back) % COUNT);
        places.map(|place| self.rates[place])
    }

    /// How many steps have passed since the newest began.
    pub(super) fn passed(&self, now: Instant) -> usize {
        let passed = now.saturating_duration_since(self.newest_from);
        usize::try_from(passed.as_micros() / self.step.as_micros()).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const STEP: Duration = Duration::from_millis(100);

    fn kbps(rates: &Steps<3>) -> Vec<u64> {
        rates.last(3).map(|rate| rate.as_bps() / 1000).collect()
    }

    #[test]
    fn each_step_has_its_rate_and_the_oldest_is_forgotten() {
        let now = start();
        let mut steps = Steps::new(now, STEP, Bitrate::from_kbps(1));
        for (step, rate) in [(1, 2), (2, 3), (3, 4)] {
            let newest = steps.newest(now + STEP * step, Bitrate::ZERO);
            *newest = Bitrate::from_kbps(rate);
        }
        assert_eq!(kbps(&steps), [4, 3, 2]);
    }

    #[test]
    fn steps_that_passed_unseen_get_the_rate_for_new_ones() {
        let now = start();
        let mut steps = Steps::new(now, STEP, Bitrate::from_kbps(1));
        steps.newest(now + STEP * 2, Bitrate::from_kbps(9));
        assert_eq!(kbps(&steps), [9, 9, 1]);
        let later = now + Duration::from_hours(1);
        steps.newest(later, Bitrate::from_kbps(5));
        assert_eq!(kbps(&steps), [5, 5, 5]);
        assert_eq!(steps.passed(later + STEP), 1);
    }
}

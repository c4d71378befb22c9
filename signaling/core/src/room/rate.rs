//! Decides whether one more request still fits the rate a client may send at.

use std::time::{Duration, Instant};

/// A bucket of requests that refills evenly, kept as the time at which it is full again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    full_at: Instant,
    /// The time one request takes to be refilled.
    each: Duration,
    /// The time the whole bucket takes.
    whole: Duration,
}

impl Allowance {
    /// Full, for `burst` requests.
    pub(super) fn new(now: Instant, per_second: u32, burst: u32) -> Self {
        let each = Duration::from_secs(1) / per_second.max(1);
        Self {
            full_at: now,
            each,
            whole: each * burst,
        }
    }

    /// Takes one request out; false if there is none left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + self.each;
        if full_at.saturating_duration_since(now) > self.whole {
            return false;
        }
        self.full_at = full_at;
        true
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a virtual clock must start at some instant"
)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_once_and_then_the_steady_rate() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start, 10, 5);
        let allowed = (0..8).filter(|_| allowance.take(start)).count();
        assert_eq!(allowed, 5);
        let later = start + Duration::from_millis(200);
        let allowed = (0..8).filter(|_| allowance.take(later)).count();
        assert_eq!(allowed, 2, "two tenths of a second refill two");
    }

    #[test]
    fn waiting_long_never_saves_more_than_a_burst() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start, 10, 5);
        let later = start + Duration::from_hours(1);
        assert_eq!((0..50).filter(|_| allowance.take(later)).count(), 5);
    }
}

//! How many frames a connection may still send: a bucket that refills steadily. Knows no clock.

use std::time::{Duration, Instant};

/// How much one connection may still send.
#[derive(Debug)]
pub(crate) struct FrameBudget {
    /// Time that one frame costs.
    cost: Duration,
    /// Time saved up at most.
    most: Duration,
    /// Until when the time is spent; frames move it forward.
    spent_until: Instant,
}

impl FrameBudget {
    /// So many frames a second on average, and so many at once, from `now` on.
    pub(crate) fn new(now: Instant, per_second: u32, at_once: u32) -> Self {
        let cost = Duration::from_secs(1) / per_second.max(1);
        Self {
            cost,
            most: cost * at_once.max(1),
            spent_until: now,
        }
    }

    /// Takes one frame's share; false when there is none left.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let spent = self.spent_until.max(now) + self.cost;
        if spent.duration_since(now) > self.most {
            return false;
        }
        self.spent_until = spent;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_the_next_frame_is_not() {
        let now = Instant::now();
        let mut budget = FrameBudget::new(now, 100, 200);
        assert_eq!((0..1000).filter(|_| budget.take(now)).count(), 200);
    }

    #[test]
    fn a_steady_sender_at_the_limit_is_never_refused() {
        let start = Instant::now();
        let mut budget = FrameBudget::new(start, 100, 2);
        let refused = (0..10_000_u32)
            .filter(|&number| !budget.take(start + Duration::from_millis(10) * number))
            .count();
        assert_eq!(refused, 0);
    }

    #[test]
    fn silence_does_not_save_up_more_than_one_burst() {
        let start = Instant::now();
        let mut budget = FrameBudget::new(start, 10, 20);
        let later = start + Duration::from_hours(1);
        assert_eq!((0..1000).filter(|_| budget.take(later)).count(), 20);
    }
}

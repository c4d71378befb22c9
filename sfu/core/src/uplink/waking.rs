//! Which sizes of a track are about to come: its publisher was told to send them again and has not
//! yet. Knows what was asked for, not who for.
//!
//! An encoder that starts again begins with a key frame. Who counts on the size before it comes can
//! begin with that one; who waits until it is seen must ask for another.

use super::demand::Best;
use super::track::ENCODINGS_MAX;
use std::time::{Duration, Instant};

/// A publisher that was told to send more does so within this, or cannot: it is told through
/// signaling, starts an encoder, and first measures again what its line carries.
const COMING_MAX: Duration = Duration::from_secs(4);

/// Of one track: when each size was called for.
#[derive(Debug, Default)]
pub(crate) struct Waking {
    called_at: [Option<Instant>; ENCODINGS_MAX],
}

impl Waking {
    /// The publisher, who sent up to `before`, is told to send up to `best`.
    pub(crate) fn told(&mut self, now: Instant, before: Best, best: Best) {
        for (size, called_at) in self.called_at.iter_mut().enumerate() {
            if !best.includes(size) {
                *called_at = None;
            } else if !before.includes(size) {
                *called_at = Some(now);
            }
        }
    }

    /// Whether a size was called for and may still come.
    pub(crate) fn is_coming(&self, now: Instant, size: usize) -> bool {
        let called_at = self.called_at.get(size).copied().flatten();
        called_at.is_some_and(|at| now.duration_since(at) < COMING_MAX)
    }

    /// A packet of a size came.
    pub(crate) fn came(&mut self, size: usize) {
        if let Some(called_at) = self.called_at.get_mut(size) {
            *called_at = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const LOW: Best = Best::Encoding(0);
    const HIGH: Best = Best::Encoding(2);

    #[test]
    fn what_was_not_sent_before_is_coming_until_it_comes() {
        let mut waking = Waking::default();
        waking.told(start(), LOW, HIGH);
        assert_eq!(coming(&waking, 0), [false, true, true]);
        waking.came(1);
        assert_eq!(coming(&waking, 100), [false, false, true]);
    }

    #[test]
    fn nothing_is_coming_that_the_publisher_was_told_to_leave_out_again() {
        let mut waking = Waking::default();
        waking.told(start(), Best::Nothing, HIGH);
        waking.told(start(), HIGH, LOW);
        assert_eq!(coming(&waking, 0), [true, false, false]);
    }

    #[test]
    fn what_has_not_come_for_four_seconds_is_not_counted_on() {
        let mut waking = Waking::default();
        waking.told(start(), LOW, HIGH);
        assert_eq!(coming(&waking, 3999), [false, true, true]);
        assert_eq!(coming(&waking, 4000), [false, false, false]);
    }

    fn coming(waking: &Waking, ms: u64) -> [bool; ENCODINGS_MAX] {
        let now = start() + Duration::from_millis(ms);
        std::array::from_fn(|size| waking.is_coming(now, size))
    }
}

//! Which encodings of a track its publisher should send: those that somebody wants, and for a while
//! those that somebody wanted. Knows nothing of who that is.
//!
//! A smaller encoding than the best one wanted stays on: it is what a subscriber falls back to
//! while its line is bad, and costs little beside the best.

use super::track::ENCODINGS_MAX;
use std::time::{Duration, Instant};

/// Of one track: when each encoding was last wanted, and what the publisher believes.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    /// When each was last wanted; empty until the demand is looked at for the first time.
    wanted_at: [Option<Instant>; ENCODINGS_MAX],
    told: Option<Best>,
}

/// The best encoding that should be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Best {
    /// None at all.
    Nothing,
    /// This one, and those smaller than it.
    Encoding(usize),
}

impl Best {
    /// Whether an encoding should be sent.
    pub(crate) fn includes(self, encoding: usize) -> bool {
        match self {
            Self::Nothing => false,
            Self::Encoding(best) => encoding <= best,
        }
    }
}

impl Demand {
    /// The demand for something that its publisher does not send by itself.
    pub(crate) fn nothing() -> Self {
        Self {
            told: Some(Best::Nothing),
            ..Self::default()
        }
    }

    /// What the publisher believes; everything, before it was told anything.
    pub(crate) fn told(&self) -> Best {
        self.told.unwrap_or(Best::Encoding(ENCODINGS_MAX))
    }

    /// Takes note of the best encoding that anybody wants of so many, and says whether the publisher
    /// should send something else than before. More goes at once; less after `patience`, because
    /// tiles come and go with a click, and an encoder that starts again costs a key frame.
    ///
    /// Publishers begin with all they have, so that is what is wanted in the beginning.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        wanted: Option<usize>,
        count: usize,
        patience: Duration,
    ) -> Option<Best> {
        let known = &mut self.wanted_at[..count.min(ENCODINGS_MAX)];
        if self.told.is_none() {
            known.fill(Some(now));
            let top = known.len().checked_sub(1)?;
            self.told = Some(Best::Encoding(top));
        }
        if let Some(at) = wanted.and_then(|wanted| known.get_mut(wanted)) {
            *at = Some(now);
        }
        let lasting = |at: &Option<Instant>| at.is_some_and(|at| now.duration_since(at) < patience);
        let best = known.iter().rposition(lasting);
        let best = best.max(wanted).map_or(Best::Nothing, Best::Encoding);
        (self.told.replace(best) != Some(best)).then_some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn a_publisher_that_sends_what_is_wanted_is_told_nothing() {
        let mut demand = Demand::default();
        for second in 0..20 {
            assert_eq!(update(&mut demand, second, Some(2)), None);
        }
    }

    #[test]
    fn less_is_asked_for_only_after_a_while() {
        let mut demand = Demand::default();
        for second in 0..5 {
            assert_eq!(update(&mut demand, second, Some(0)), None, "{second}");
        }
        assert_eq!(update(&mut demand, 5, Some(0)), Some(Best::Encoding(0)));
        assert_eq!(update(&mut demand, 6, Some(0)), None, "once is enough");
        assert_eq!(update(&mut demand, 7, None), None);
        assert_eq!(update(&mut demand, 12, None), Some(Best::Nothing));
    }

    #[test]
    fn more_is_asked_for_at_once() {
        let mut demand = Demand::default();
        update(&mut demand, 0, None);
        assert_eq!(update(&mut demand, 5, None), Some(Best::Nothing));
        assert_eq!(update(&mut demand, 6, Some(1)), Some(Best::Encoding(1)));
        assert_eq!(update(&mut demand, 6, Some(2)), Some(Best::Encoding(2)));
    }

    #[test]
    fn a_wish_in_between_begins_the_wait_anew() {
        let mut demand = Demand::default();
        for (second, wanted) in [(0, 2), (4, 0), (8, 2), (9, 0), (12, 0)] {
            assert_eq!(update(&mut demand, second, Some(wanted)), None, "{second}");
        }
        assert_eq!(update(&mut demand, 13, Some(0)), Some(Best::Encoding(0)));
    }

    #[test]
    fn what_was_wanted_in_between_lasts_as_long_as_any_other_wish() {
        let mut demand = Demand::default();
        for (second, wanted) in [(0, 2), (3, 1), (4, 0)] {
            assert_eq!(update(&mut demand, second, Some(wanted)), None, "{second}");
        }
        assert_eq!(update(&mut demand, 5, Some(0)), Some(Best::Encoding(1)));
        assert_eq!(update(&mut demand, 8, Some(0)), Some(Best::Encoding(0)));
    }

    fn update(demand: &mut Demand, second: u64, wanted: Option<usize>) -> Option<Best> {
        let now = start() + Duration::from_secs(second);
        demand.update(now, wanted, ENCODINGS_MAX, PATIENCE)
    }
}

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
    /// The best that is wanted, as far as was said.
    wanted: Option<usize>,
    /// When those that were wanted before last were; empty until the demand is looked at for the
    /// first time.
    wanted_at: [Option<Instant>; ENCODINGS_MAX],
    /// When the next of those is given up.
    due_at: Option<Instant>,
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

    /// Takes note of the best encoding that anybody wants of so many, here and on other workers, and
    /// says whether the publisher should send something else than before. More goes at once; less after `patience`, because
    /// tiles come and go with a click, and an encoder that starts again costs a key frame. Other workers
    /// have had that patience when they say that they want less.
    ///
    /// Publishers begin with all they have, so that is what is wanted in the beginning.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        (wanted, elsewhere): (Option<usize>, Option<usize>),
        count: usize,
        patience: Duration,
    ) -> Option<Best> {
        let before = std::mem::replace(&mut self.wanted, wanted);
        let known = &mut self.wanted_at[..count.min(ENCODINGS_MAX)];
        if self.told.is_none() {
            known.fill(Some(now));
            let top = known.len().checked_sub(1)?;
            self.told = Some(Best::Encoding(top));
        }
        // What was wanted when last was looked has been wanted until now.
        for index in [before, wanted].into_iter().flatten() {
            if let Some(at) = known.get_mut(index) {
                *at = Some(now);
            }
        }
        for at in known.iter_mut() {
            *at = at.filter(|at| now.duration_since(*at) < patience);
        }
        let better = wanted.map_or(0, |wanted| wanted + 1);
        let given_up = known.iter().skip(better).flatten().min();
        self.due_at = given_up.map(|at| *at + patience);
        let best = known.iter().rposition(Option::is_some);
        let best = best
            .max(wanted)
            .max(elsewhere)
            .map_or(Best::Nothing, Best::Encoding);
        (self.told.replace(best) != Some(best)).then_some(best)
    }

    /// Whether something that was wanted is given up by now, whatever anybody wants.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.due_at.is_some_and(|at| at <= now)
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
        assert_eq!(
            update(&mut demand, 13, Some(0)),
            None,
            "wanted until second 9"
        );
        assert_eq!(update(&mut demand, 14, Some(0)), Some(Best::Encoding(0)));
    }

    #[test]
    fn what_was_wanted_in_between_lasts_as_long_as_any_other_wish() {
        let mut demand = Demand::default();
        for (second, wanted) in [(0, 2), (3, 1), (4, 0)] {
            assert_eq!(update(&mut demand, second, Some(wanted)), None, "{second}");
        }
        assert_eq!(update(&mut demand, 8, Some(0)), Some(Best::Encoding(1)));
        assert_eq!(update(&mut demand, 9, Some(0)), Some(Best::Encoding(0)));
    }

    #[test]
    fn it_is_looked_at_again_when_something_is_given_up_and_no_sooner() {
        let mut demand = Demand::default();
        update(&mut demand, 0, Some(0));
        assert!(!demand.is_due(at(4)));
        assert!(demand.is_due(at(5)));
        update(&mut demand, 5, Some(0));
        assert!(!demand.is_due(at(1000)), "all that is left is wanted");
    }

    #[test]
    fn what_was_wanted_until_somebody_looked_is_given_up_after_that() {
        let mut demand = Demand::default();
        update(&mut demand, 0, Some(2));
        assert_eq!(update(&mut demand, 100, Some(0)), None);
        assert_eq!(update(&mut demand, 104, Some(0)), None);
        assert_eq!(update(&mut demand, 105, Some(0)), Some(Best::Encoding(0)));
    }

    #[test]
    fn what_other_workers_give_up_is_given_up_at_once() {
        let mut demand = Demand::default();
        let mut update = |second, elsewhere| {
            let wanted = (Some(0), elsewhere);
            demand.update(at(second), wanted, ENCODINGS_MAX, PATIENCE)
        };
        assert_eq!(update(0, Some(2)), None);
        assert_eq!(update(6, Some(1)), Some(Best::Encoding(1)));
        assert_eq!(update(7, None), Some(Best::Encoding(0)));
        assert_eq!(update(8, Some(2)), Some(Best::Encoding(2)));
    }

    fn at(second: u64) -> Instant {
        start() + Duration::from_secs(second)
    }

    fn update(demand: &mut Demand, second: u64, wanted: Option<usize>) -> Option<Best> {
        demand.update(at(second), (wanted, None), ENCODINGS_MAX, PATIENCE)
    }
}

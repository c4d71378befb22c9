//! Numbers of a stream from which some are left out, closed up so that no gap shows. Knows numbers
//! alone, and not why one is left out.

/// As many as are kept to be sent again; more than that no network reorders.
const WINDOW: u64 = 512;
const WORD_BITS: u64 = 64;
const WORDS: usize = 8;

/// Where each number goes. What is missing keeps its place, because it may still come.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClosedNumbers {
    first_in: u64,
    first_out: u64,
    newest: Option<u64>,
    /// How many of those from the first to the newest were left out.
    left_out: u64,
    /// Which of the last ones were: a ring by number.
    ring: [u64; WORDS],
}

impl ClosedNumbers {
    /// Begins anew: `first_in` goes to `first_out`, and what came before it goes nowhere.
    pub(crate) fn restart(&mut self, first_in: u64, first_out: u64) {
        *self = Self {
            first_in,
            first_out,
            ..Self::default()
        };
    }

    /// Where a number goes; `None` if it is from before the first, or so old that it is not known
    /// any more what was left out since.
    pub(crate) fn place(&mut self, number: u64) -> Option<u64> {
        let since = number.checked_sub(self.first_in)?;
        let left_out_before = match self.newest {
            Some(newest) if number <= newest => self.left_out_before(number, newest)?,
            Some(_) | None => {
                self.advance(number);
                self.left_out
            }
        };
        Some(self.first_out + since - left_out_before)
    }

    /// Leaves a number out. If later ones went before it, its place is taken into account already:
    /// then that is returned, for something to be put there.
    pub(crate) fn leave_out(&mut self, number: u64) -> Option<u64> {
        if self.newest.is_some_and(|newest| number <= newest) {
            return self.place(number);
        }
        if number >= self.first_in {
            self.advance(number);
            self.left_out += 1;
            let (word, bit) = spot(number);
            self.ring[word] |= bit;
        }
        None
    }

    /// The newest number so far, left out or not.
    pub(crate) const fn newest(&self) -> Option<u64> {
        self.newest
    }

    fn advance(&mut self, number: u64) {
        match self.newest {
            Some(newest) if number - newest < WINDOW => {
                for passed in newest + 1..=number {
                    let (word, bit) = spot(passed);
                    self.ring[word] &= !bit;
                }
            }
            Some(_) | None => self.ring = [0; WORDS],
        }
        self.newest = Some(number);
    }

    fn left_out_before(&self, number: u64, newest: u64) -> Option<u64> {
        if self.left_out == 0 {
            return Some(0);
        }
        if newest - number >= WINDOW {
            return None;
        }
        let was_left_out = |number: &u64| {
            let (word, bit) = spot(*number);
            self.ring[word] & bit != 0
        };
        if was_left_out(&number) {
            return None;
        }
        let later = (number + 1..=newest).filter(was_left_out).count();
        Some(self.left_out - u64::try_from(later).expect("no more than the window"))
    }
}

fn spot(number: u64) -> (usize, u64) {
    let index = number % WINDOW;
    let word = usize::try_from(index / WORD_BITS).expect("a few words");
    (word, 1 << (index % WORD_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn begun() -> ClosedNumbers {
        let mut numbers = ClosedNumbers::default();
        numbers.restart(1000, 50);
        numbers
    }

    #[test]
    fn what_follows_closes_up_to_what_went_before() {
        let mut numbers = begun();
        assert_eq!(numbers.place(1000), Some(50));
        assert_eq!(numbers.leave_out(1001), None);
        assert_eq!(numbers.leave_out(1002), None);
        assert_eq!(numbers.place(1003), Some(51));
    }

    #[test]
    fn what_is_missing_keeps_its_place_whatever_it_turns_out_to_be() {
        let mut numbers = begun();
        assert_eq!(numbers.place(1000), Some(50));
        assert_eq!(numbers.leave_out(1001), None);
        assert_eq!(numbers.place(1004), Some(53));
        assert_eq!(numbers.leave_out(1005), None);
        assert_eq!(numbers.place(1002), Some(51), "late, and wanted");
        assert_eq!(numbers.leave_out(1003), Some(52), "late, and not wanted");
        assert_eq!(numbers.place(1006), Some(54));
        assert_eq!(numbers.place(1001), None, "it was left out");
        assert_eq!(numbers.place(999), None, "from before the first");
    }

    #[test]
    fn an_old_number_is_placed_only_if_nothing_was_left_out_since() {
        let mut numbers = begun();
        numbers.place(1000);
        assert_eq!(numbers.place(1000 + 2 * WINDOW), Some(50 + 2 * WINDOW));
        assert_eq!(numbers.place(1001), Some(51));
        numbers.leave_out(1001 + 2 * WINDOW);
        assert_eq!(numbers.place(1002), None);
        assert_eq!(numbers.place(999 + 2 * WINDOW), Some(49 + 2 * WINDOW));
    }

    proptest! {
        #[test]
        fn no_two_numbers_get_one_place_and_order_is_kept(
            steps in vec((0..6_u64, any::<bool>()), 1..900)
        ) {
            let mut numbers = begun();
            let mut placed: Vec<(u64, u64)> = Vec::new();
            let mut next = 1000;
            let mut seen = std::collections::BTreeSet::new();
            for (back, wanted) in steps {
                // Now and then an older one that was passed over.
                let number = if back > 2 { next + back - 2 } else { next - back.min(next - 1000) };
                if !seen.insert(number) {
                    continue;
                }
                next = next.max(number + 1);
                let place = if wanted { numbers.place(number) } else { numbers.leave_out(number) };
                placed.extend(place.map(|place| (number, place)));
            }
            placed.sort_unstable();
            for pair in placed.windows(2) {
                prop_assert!(pair[0].1 < pair[1].1, "{pair:?}");
                prop_assert!(pair[1].1 - pair[0].1 <= pair[1].0 - pair[0].0, "{pair:?}");
            }
        }
    }
}

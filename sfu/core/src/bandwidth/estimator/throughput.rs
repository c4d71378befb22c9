//! Bytes per second over a short sliding window: what was sent, and what arrived. Knows not what
//! the bytes were.

use crate::units::Bitrate;
use std::time::Duration;

/// One step of the window.
const STEP_US: i64 = 50_000;
/// Long enough for several video frames, short enough that half a second after a link shrank only
/// the smaller link is seen.
const STEPS: usize = 6;
const STEPS_I64: i64 = 6;

/// A window of 250 to 300 ms.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    bytes: [u64; STEPS],
    /// The step of the newest bytes, counted from the clock's zero.
    newest: Option<i64>,
    /// The step of the first bytes: before it, nothing is known.
    first: i64,
}

impl Throughput {
    /// Counts bytes at a moment in microseconds. Moments may come a little out of order.
    pub(super) fn add(&mut self, at: i64, bytes: u64) {
        let step = at.div_euclid(STEP_US);
        self.advance(step);
        let newest = self.newest.unwrap_or(step);
        if newest - step < STEPS_I64 {
            self.bytes[place(step)] += bytes;
        }
    }

    /// Moves the window to a moment in microseconds.
    pub(super) fn advance_to(&mut self, at: i64) {
        if self.newest.is_some() {
            self.advance(at.div_euclid(STEP_US));
        }
    }

    /// The rate over the complete steps of the window; `None` before there are that many.
    pub(super) fn rate(&self) -> Option<Bitrate> {
        let newest = self.newest?;
        if newest - self.first < STEPS_I64 - 1 {
            return None;
        }
        let complete = self.bytes.iter().sum::<u64>() - self.bytes[place(newest)];
        let micros = u64::try_from(STEP_US * (STEPS_I64 - 1)).expect("positive");
        Some(Bitrate::of(complete, Duration::from_micros(micros)))
    }

    fn advance(&mut self, step: i64) {
        let Some(newest) = self.newest else {
            (self.newest, self.first) = (Some(step), step);
            return;
        };
        // The clock jumped back: there is no telling where the window is.
        if step < newest - STEPS_I64 {
            *self = Self {
                newest: Some(step),
                first: step,
                ..Self::default()
            };
            return;
        }
        for passed in (newest + 1..=step).rev().take(STEPS) {
            self.bytes[place(passed)] = 0;
        }
        self.newest = Some(newest.max(step));
    }
}

fn place(step: i64) -> usize {
    usize::try_from(step.rem_euclid(STEPS_I64)).expect("less than 6")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_rate_and_silence_has_none() {
        let mut throughput = Throughput::default();
        for index in 0..100 {
            throughput.add(index * 10_000, 1250);
        }
        assert_eq!(throughput.rate(), Some(Bitrate::from_kbps(1000)));
        throughput.advance_to(1_400_000);
        assert_eq!(throughput.rate(), Some(Bitrate::ZERO));
    }

    #[test]
    fn nothing_is_said_before_the_window_is_full() {
        let mut throughput = Throughput::default();
        throughput.add(0, 1_000_000);
        throughput.add(200_000, 1_000_000);
        assert_eq!(throughput.rate(), None);
    }

    #[test]
    fn a_jump_of_the_clock_starts_over() {
        let mut throughput = Throughput::default();
        for index in 0..100 {
            throughput.add(index * 10_000, 1250);
        }
        throughput.add(-90_000_000, 1250);
        assert_eq!(throughput.rate(), None);
        throughput.add(i64::MAX / 2, 1250);
        assert_eq!(throughput.rate(), Some(Bitrate::ZERO));
    }
}

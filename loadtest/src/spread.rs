//! What a number of durations was like: the middle, the tail, the worst.

use crate::latency::LatencyHistogram;
use crate::quantity::millis;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// The middle and the worst of some durations, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Half of them took at most this long.
    pub median_ms: u64,
    /// 95 of 100 took at most this long.
    pub p95_ms: u64,
    /// 99 of 100 took at most this long.
    pub p99_ms: u64,
    /// None took longer.
    pub max_ms: u64,
}

/// Travel times, in milliseconds; `None` if no packet told its send time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the packets took at most this long.
    pub p50_ms: Option<f64>,
    /// 99 of 100 took at most this long.
    pub p99_ms: Option<f64>,
}

impl Latency {
    /// Of what a histogram saw.
    pub(crate) fn of(histogram: &LatencyHistogram) -> Self {
        Self {
            p50_ms: histogram.percentile(50).map(millis),
            p99_ms: histogram.percentile(99).map(millis),
        }
    }
}

impl Spread {
    pub(crate) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let at = |index: usize| {
            durations
                .get(index)
                .map_or(0, |duration| whole_millis(*duration))
        };
        Self {
            median_ms: at(durations.len() / 2),
            p95_ms: at(percentile(durations.len(), 95)),
            p99_ms: at(percentile(durations.len(), 99)),
            max_ms: at(durations.len().saturating_sub(1)),
        }
    }
}

/// What 0, 5, 10 … 100 of a hundred did not exceed, in milliseconds; nothing of nothing.
pub(crate) fn curve(mut durations: Vec<Duration>) -> Vec<u64> {
    durations.sort_unstable();
    let at = |percent| durations.get(percentile(durations.len(), percent));
    (0..=100)
        .step_by(5)
        .filter_map(|percent| at(percent).copied().map(whole_millis))
        .collect()
}

/// The place of the value that so many of a hundred do not exceed.
fn percentile(len: usize, percent: usize) -> usize {
    (len * percent).div_ceil(100).saturating_sub(1)
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            median_ms,
            p95_ms,
            p99_ms,
            max_ms,
        } = self;
        write!(
            f,
            "{median_ms} ms median, {p95_ms} ms for 95 %, {p99_ms} ms for 99 %, {max_ms} ms at most"
        )
    }
}

/// Milliseconds without their fraction.
pub(crate) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_may_take_longer_than_the_99th_percentile() {
        let spread = Spread::of((1..=200).map(Duration::from_millis).collect());
        assert_eq!(
            (spread.p95_ms, spread.p99_ms, spread.max_ms),
            (190, 198, 200)
        );
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn a_curve_goes_from_the_shortest_to_the_longest() {
        let told = curve((1..=200).map(Duration::from_millis).collect());
        assert_eq!((told.len(), told[0], told[10], told[20]), (21, 1, 100, 200));
        assert!(curve(Vec::new()).is_empty());
    }
}

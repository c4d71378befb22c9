//! A histogram of travel times with 6 % resolution in constant memory. Knows no packets.

use std::time::Duration;

/// Buckets per doubling: the relative width of a bucket is one sixteenth.
const STEPS: usize = 16;
/// Doublings above the first sixteen microseconds: the last bucket holds everything over 17 s.
const DOUBLINGS: usize = 20;
const BUCKETS: usize = STEPS * (DOUBLINGS + 1);

/// How often each travel time was seen.
#[derive(Debug, Clone)]
pub struct LatencyHistogram {
    counts: Box<[u64; BUCKETS]>,
}

impl LatencyHistogram {
    /// Nothing seen so far.
    pub fn new() -> Self {
        Self {
            counts: Box::new([0; BUCKETS]),
        }
    }

    /// Notes one travel time.
    pub fn note(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket(micros)] += 1;
    }

    /// Adds what another histogram saw.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *count += more;
        }
    }

    /// What this one saw and an earlier state of it had not.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        for (count, before) in since.counts.iter_mut().zip(earlier.counts.iter()) {
            *count = count.saturating_sub(*before);
        }
        since
    }

    /// The time that `percent` (0 to 100) of the samples did not exceed; `None` without samples.
    pub fn percentile(&self, percent: u64) -> Option<Duration> {
        let total: u64 = self.counts.iter().sum();
        if total == 0 {
            return None;
        }
        let wanted = (total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map(|bucket| Duration::from_micros(upper_bound(bucket)))
    }
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

/// The first sixteen buckets are one microsecond wide; each further sixteen are twice as wide.
fn bucket(micros: u64) -> usize {
    let shift = micros.max(1).ilog2().saturating_sub(STEPS.ilog2());
    // Within its doubling a time has a number from STEPS to twice STEPS, below the first from 0.
    let number = usize::try_from(micros >> shift).expect("below twice the steps");
    let doubling = usize::try_from(shift).expect("below 64");
    (doubling * STEPS + number).min(BUCKETS - 1)
}

fn upper_bound(bucket: usize) -> u64 {
    let doubling = (bucket / STEPS).saturating_sub(1);
    let number = u64::try_from(bucket - doubling * STEPS).expect("below twice the steps");
    ((number + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_within_a_sixteenth_below_its_bound() {
        for micros in (0..5_000).chain([123_456, 999_999, 15_000_000]) {
            let bound = upper_bound(bucket(micros));
            assert!(bound >= micros, "{micros} above {bound}");
            assert!(
                bound - micros <= micros / 16,
                "{micros} too far below {bound}"
            );
        }
    }

    #[test]
    fn the_median_and_the_tail_are_told_apart() {
        let mut histogram = LatencyHistogram::new();
        for _ in 0..98 {
            histogram.note(Duration::from_millis(2));
        }
        histogram.note(Duration::from_millis(80));
        histogram.note(Duration::from_millis(80));
        let millis = |percent| histogram.percentile(percent).unwrap().as_millis();
        assert_eq!((millis(50), millis(98)), (2, 2));
        assert!(millis(99) >= 80);
    }

    #[test]
    fn what_was_seen_since_leaves_out_what_was_seen_before() {
        let mut histogram = LatencyHistogram::new();
        histogram.note(Duration::from_millis(80));
        let before = histogram.clone();
        histogram.note(Duration::from_millis(2));
        let since = histogram.since(&before);
        assert_eq!(since.percentile(100).unwrap().as_millis(), 2);
    }

    #[test]
    fn a_time_over_the_scale_is_kept_in_the_last_bucket() {
        let mut histogram = LatencyHistogram::new();
        histogram.note(Duration::from_hours(1));
        assert!(histogram.percentile(50).unwrap() >= Duration::from_secs(16));
    }

    #[test]
    fn an_empty_histogram_has_no_median() {
        assert_eq!(LatencyHistogram::new().percentile(50), None);
    }
}

//! When to try whether the line carries more, how much to send for it, and what its arrival shows.
//! Sends nothing itself: see `pacer`.

use super::estimator::{ESTIMATE_MAX, Usage};
use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// So long a probe lasts: long enough to show through the clumps in which Wi-Fi and mobile links
/// release packets (libwebrtc uses 15 ms), short enough that twice the estimate adds no more than
/// this much queue.
const DURATION: Duration = Duration::from_millis(30);
/// At least so much, or single packets would decide (libwebrtc: five packets).
const BYTES_MIN: u64 = 2_000;
/// A probe tries so many hundredths of the estimate: above 200, one that fails would be felt.
const STEP_PERCENT: u64 = 200;
/// And no more than the wanted rate with this headroom, which an upgrade needs.
const WANTED_PERCENT: u64 = 115;
/// The estimate is enough at so many hundredths of what is wanted.
const ENOUGH_PERCENT: u64 = 108;
/// After a probe that failed, and after congestion, the next one waits: first so long,
const WAIT_MIN: Duration = Duration::from_secs(1);
/// then twice as long each time up to this, so that a line which comes back is noticed in time to
/// have its best picture within eight seconds.
const WAIT_MAX: Duration = Duration::from_secs(4);
/// and up to so many hundredths longer by chance: subscribers behind one line are congested at the
/// same moment, and would measure each other if they probed at the same moment too.
const WAIT_CHANCE_PERCENT: u32 = 30;
/// A queue that is longer would be measured in place of the line.
const QUEUE_MAX: Duration = Duration::from_millis(40);
/// A probe that is not told of by then was lost.
const RESULT_WAIT_MAX: Duration = Duration::from_secs(1);
/// So many hundredths of a probe must arrive to mean anything (libwebrtc).
const ARRIVED_PERCENT_MIN: u64 = 80;
/// And so many packets (libwebrtc asks for 80 % of five).
const ARRIVED_PACKETS_MIN: u64 = 4;
/// Arriving at less than so many hundredths of its own rate, a probe filled the line (libwebrtc).
const SATURATED_PERCENT: u64 = 90;
/// Then a little less than what arrived is believed (libwebrtc).
const SATURATED_BELIEVED_PERCENT: u64 = 95;
/// Packets of one turn leave at once; a shorter time of sending is not the probe's rate.
const SENDING_TIME_MIN_US: i64 = 3_000;
/// Packets that arrive within less time than this came in one clump; one tick of the feedback is
/// 250 µs.
const ARRIVING_TIME_MIN_US: i64 = 1_000;

/// Names a probe; reused after 256, of which at most one is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClusterId(u8);

/// A probe: packets that are sent at a higher rate for a short time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub id: ClusterId,
    /// How fast it is sent.
    pub rate: Bitrate,
    /// How many bytes it has.
    pub bytes: u64,
}

/// What a probe has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeResult {
    /// How much the line carries at least; never more than the probe's own rate.
    pub rate: Bitrate,
    /// Whether the probe filled the line, so that more would not have fitted.
    pub saturated: bool,
}

/// What the decision to probe depends on.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// How much the line is believed to carry.
    pub estimate: Bitrate,
    /// How much would be sent if it carried everything.
    pub wanted: Bitrate,
    /// How it takes what is sent.
    pub usage: Usage,
    /// How long packets stand in a queue.
    pub queue_delay: Duration,
    /// When the estimate last went down.
    pub congested_at: Option<Instant>,
}

/// Decides when one subscriber's line is probed.
#[derive(Debug)]
pub struct Prober {
    next_id: u8,
    under_way: Option<(Instant, Cluster)>,
    /// Not before this.
    next_at: Instant,
    wait: Duration,
    /// Whether the last probe filled the line.
    saturated: bool,
    luck: u32,
}

impl Prober {
    /// One that may probe at once. `luck` is any number, another one for each subscriber.
    pub const fn new(now: Instant, luck: u32) -> Self {
        Self {
            next_id: 0,
            under_way: None,
            next_at: now,
            wait: WAIT_MIN,
            saturated: false,
            luck,
        }
    }

    /// The probe that is to be sent now, if one is due.
    pub fn next(&mut self, now: Instant, conditions: &Conditions) -> Option<Cluster> {
        if let Some((started_at, _)) = self.under_way {
            if now.saturating_duration_since(started_at) < RESULT_WAIT_MAX {
                return None;
            }
            self.failed(now);
        }
        if conditions.estimate >= conditions.wanted.percent(ENOUGH_PERCENT) {
            return None;
        }
        let calm = conditions
            .congested_at
            .is_none_or(|at| now.saturating_duration_since(at) >= WAIT_MIN);
        let empty = conditions.queue_delay <= QUEUE_MAX;
        if now < self.next_at || !calm || !empty || conditions.usage != Usage::Normal {
            return None;
        }
        let rate = conditions
            .estimate
            .percent(STEP_PERCENT)
            .min(conditions.wanted.percent(WANTED_PERCENT))
            .min(ESTIMATE_MAX);
        let cluster = Cluster {
            id: ClusterId(self.next_id),
            rate,
            bytes: rate.bytes_in(DURATION).max(BYTES_MIN),
        };
        self.next_id = self.next_id.wrapping_add(1);
        self.under_way = Some((now, cluster));
        Some(cluster)
    }

    /// Takes what the probe under way has shown: after a success the next one may follow at once.
    pub fn handle_result(&mut self, now: Instant, result: &ProbeResult) {
        self.saturated = result.saturated;
        if result.saturated {
            self.failed(now);
        } else if self.under_way.take().is_some() {
            self.next_at = now;
            self.wait = WAIT_MIN;
        }
    }

    /// Whether the last probe of which anything is known filled the line.
    pub const fn is_saturated(&self) -> bool {
        self.saturated
    }

    fn failed(&mut self, now: Instant) {
        if self.under_way.take().is_some() {
            self.next_at = now + self.wait + self.wait * self.draw_percent() / 100;
            self.wait = (self.wait * 2).min(WAIT_MAX);
        }
    }

    /// A number below [`WAIT_CHANCE_PERCENT`] (the generator is Numerical Recipes').
    const fn draw_percent(&mut self) -> u32 {
        self.luck = self
            .luck
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        (self.luck >> 16) % WAIT_CHANCE_PERCENT
    }
}

/// Collects the arrival of one probe.
#[derive(Debug)]
pub(super) struct Measurement {
    cluster: Cluster,
    packets: u64,
    bytes: u64,
    first: Edge,
    last: Edge,
}

/// The first or the last packet, by sending and by arriving.
#[derive(Debug, Clone, Copy, Default)]
struct Edge {
    sent_at: i64,
    sent_bytes: u64,
    arrived_at: i64,
    arrived_bytes: u64,
}

impl Measurement {
    pub(super) fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            packets: 0,
            bytes: 0,
            first: Edge::default(),
            last: Edge::default(),
        }
    }

    pub(super) const fn id(&self) -> ClusterId {
        self.cluster.id
    }

    /// Takes a packet that arrived; times in microseconds, each by its own clock.
    pub(super) fn arrived(&mut self, sent_at: i64, arrived_at: i64, bytes: u64) {
        let none_yet = self.packets == 0;
        self.packets += 1;
        self.bytes += bytes;
        if none_yet || sent_at < self.first.sent_at {
            (self.first.sent_at, self.first.sent_bytes) = (sent_at, bytes);
        }
        if none_yet || arrived_at < self.first.arrived_at {
            (self.first.arrived_at, self.first.arrived_bytes) = (arrived_at, bytes);
        }
        if none_yet || sent_at >= self.last.sent_at {
            (self.last.sent_at, self.last.sent_bytes) = (sent_at, bytes);
        }
        if none_yet || arrived_at >= self.last.arrived_at {
            (self.last.arrived_at, self.last.arrived_bytes) = (arrived_at, bytes);
        }
    }

    /// What it shows; `None` until enough of it has arrived.
    pub(super) fn result(&self) -> Option<ProbeResult> {
        let enough = self.cluster.bytes * ARRIVED_PERCENT_MIN / 100;
        if self.bytes < enough || self.packets < ARRIVED_PACKETS_MIN {
            return None;
        }
        let sending = self.last.sent_at - self.first.sent_at;
        let sent = if sending < SENDING_TIME_MIN_US {
            self.cluster.rate
        } else {
            // The last packet's own time of sending lies after the last moment.
            rate_over(self.bytes - self.last.sent_bytes, sending)
        };
        let sent = sent.min(self.cluster.rate);
        // The first packet's own time of arriving lies before the first moment.
        let arriving = self.last.arrived_at - self.first.arrived_at;
        let arrived = rate_over(
            self.bytes - self.first.arrived_bytes,
            arriving.max(ARRIVING_TIME_MIN_US),
        );
        let saturated = arrived < sent.percent(SATURATED_PERCENT);
        let rate = if saturated {
            arrived.percent(SATURATED_BELIEVED_PERCENT)
        } else {
            arrived.min(sent)
        };
        Some(ProbeResult { rate, saturated })
    }
}

fn rate_over(bytes: u64, micros: i64) -> Bitrate {
    let micros = u64::try_from(micros).expect("a later moment comes after an earlier one");
    Bitrate::of(bytes, Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    #[test]
    fn a_line_that_gives_what_is_wanted_is_not_probed() {
        let mut prober = Prober::new(start(), 1);
        assert_eq!(prober.next(start(), &conditions(1100, 1000)), None);
        assert_eq!(prober.next(start(), &conditions(1000, 0)), None);
    }

    #[test]
    fn a_probe_tries_twice_the_estimate_or_what_is_wanted() {
        for (wanted, expected) in [(9000, 2000), (1200, 1380)] {
            let mut prober = Prober::new(start(), 1);
            let cluster = prober.next(start(), &conditions(1000, wanted)).unwrap();
            assert_eq!(cluster.rate, Bitrate::from_kbps(expected));
        }
    }

    #[test]
    fn nothing_is_probed_into_a_queue_or_right_after_congestion() {
        let now = start();
        let good = conditions(1000, 9000);
        let mut prober = Prober::new(now, 1);
        for bad in [
            Conditions {
                usage: Usage::Over,
                ..good
            },
            Conditions {
                queue_delay: QUEUE_MAX * 2,
                ..good
            },
            Conditions {
                congested_at: Some(now),
                ..good
            },
        ] {
            assert_eq!(prober.next(now, &bad), None);
        }
        assert!(prober.next(now, &good).is_some());
    }

    #[test]
    fn success_goes_on_at_once_and_failure_waits_longer_each_time() {
        let mut now = start();
        let mut prober = Prober::new(now, 1);
        let good = conditions(1000, 9000);
        let result = |saturated| ProbeResult {
            rate: Bitrate::from_kbps(2000),
            saturated,
        };
        assert!(prober.next(now, &good).is_some());
        assert_eq!(prober.next(now, &good), None, "one at a time");
        prober.handle_result(now, &result(false));
        assert!(prober.next(now, &good).is_some());
        for wait in [1, 2, 4, 4].map(Duration::from_secs) {
            prober.handle_result(now, &result(true));
            let early = now + wait.checked_sub(Duration::from_millis(1)).unwrap();
            assert_eq!(prober.next(early, &good), None);
            now += wait * 13 / 10;
            assert!(prober.next(now, &good).is_some());
        }
        now += RESULT_WAIT_MAX;
        assert_eq!(prober.next(now, &good), None, "it was lost");
        assert!(prober.next(now + WAIT_MAX * 2, &good).is_some());
    }

    #[test]
    fn arriving_as_it_was_sent_shows_the_rate_of_the_probe() {
        let result = measure(2_000, 500).unwrap();
        assert!(!result.saturated);
        assert_eq!(result.rate, Bitrate::from_kbps(1600));
    }

    #[test]
    fn arriving_more_slowly_shows_the_rate_of_the_line() {
        let result = measure(2_000, 4_000).unwrap();
        assert!(result.saturated);
        assert_eq!(result.rate, Bitrate::from_kbps(760));
    }

    #[test]
    fn arriving_at_once_shows_no_more_than_was_sent() {
        let result = measure(2_000, 0).unwrap();
        assert_eq!(result.rate, Bitrate::from_kbps(1600));
        let result = measure(0, 0).unwrap();
        assert_eq!(result.rate, Bitrate::from_kbps(2000), "the cluster's own");
    }

    #[test]
    fn half_a_probe_shows_nothing() {
        let mut measurement = Measurement::new(cluster());
        (0..7).for_each(|index| measurement.arrived(index * 2_000, index * 2_000, 400));
        assert_eq!(measurement.result(), None);
    }

    /// Fifteen packets of 400 bytes.
    fn measure(sent_every_us: i64, arrived_every_us: i64) -> Option<ProbeResult> {
        let mut measurement = Measurement::new(cluster());
        for index in 0..15 {
            measurement.arrived(index * sent_every_us, index * arrived_every_us, 400);
        }
        measurement.result()
    }

    fn cluster() -> Cluster {
        Cluster {
            id: ClusterId(0),
            rate: Bitrate::from_kbps(2000),
            bytes: 6000,
        }
    }

    fn conditions(estimate: u64, wanted: u64) -> Conditions {
        Conditions {
            estimate: Bitrate::from_kbps(estimate),
            wanted: Bitrate::from_kbps(wanted),
            usage: Usage::Normal,
            queue_delay: Duration::ZERO,
            congested_at: None,
        }
    }
}

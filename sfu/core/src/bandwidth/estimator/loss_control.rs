//! The rate that loss allows (draft-ietf-rmcat-gcc-02, section 6). Knows how many packets were
//! lost, not which, and nothing of delay.

use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// Above this much loss the rate goes down, in thousandths (gcc-02, section 6: 10 %).
const LOSS_HIGH: u64 = 100;
/// The same while no queue stands: a full line has one, so this is a line that loses at random,
/// where repair does more than a smaller picture; above it, somebody throws away what is too much.
const LOSS_HIGH_WITHOUT_QUEUE: u64 = 200;
/// Below this much loss it goes up, in thousandths (gcc-02, section 6: 2 %).
const LOSS_LOW: u64 = 20;
/// Hundredths that are added each time (gcc-02, section 6: 1.05).
const INCREASE_PERCENT: u64 = 105;
/// A judgement needs so many packets, or two or three of them would decide (libwebrtc has 20).
const JUDGED_PACKETS_MIN: u64 = 50;
/// And so much time: several reports, or the burst of one full queue would decide.
const JUDGED_TIME: Duration = Duration::from_millis(250);
/// Between two steps down, beyond the round trip, so that the first can show its effect (libwebrtc).
const DECREASE_INTERVAL: Duration = Duration::from_millis(300);
/// Loss alone takes the rate no lower. It is what sound with redundancy and the smallest picture
/// need: below it there is nothing left to save, and on a link that loses at random, sending less
/// loses no less.
pub(super) const LOSS_FLOOR: Bitrate = Bitrate::from_kbps(150);

/// The limit that loss sets.
#[derive(Debug)]
pub(super) struct LossControl {
    /// `None` while loss sets no limit.
    limit: Option<Bitrate>,
    lost: u64,
    told: u64,
    judging_since: Instant,
    decreased_at: Option<Instant>,
    loss: u64,
}

impl LossControl {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            limit: None,
            lost: 0,
            told: 0,
            judging_since: now,
            decreased_at: None,
            loss: 0,
        }
    }

    pub(super) const fn limit(&self) -> Option<Bitrate> {
        self.limit
    }

    pub(super) const fn decreased_at(&self) -> Option<Instant> {
        self.decreased_at
    }

    /// Loss at the last judgement, in thousandths.
    pub(super) const fn loss(&self) -> u64 {
        self.loss
    }

    pub(super) fn arrived(&mut self) {
        self.told += 1;
    }

    pub(super) fn lost(&mut self) {
        self.told += 1;
        self.lost += 1;
    }

    /// It was counted as lost before.
    pub(super) fn arrived_after_all(&mut self) {
        self.lost = self.lost.saturating_sub(1);
    }

    /// Judges when there is enough to judge by. `target` is what delay allows, `queued` whether a
    /// queue stands.
    pub(super) fn update(
        &mut self,
        now: Instant,
        target: Bitrate,
        round_trip: Duration,
        queued: bool,
    ) {
        let judged = now.saturating_duration_since(self.judging_since);
        if self.told < JUDGED_PACKETS_MIN || judged < JUDGED_TIME {
            return;
        }
        self.loss = self.lost * 1000 / self.told;
        (self.lost, self.told, self.judging_since) = (0, 0, now);
        let high = if queued {
            LOSS_HIGH
        } else {
            LOSS_HIGH_WITHOUT_QUEUE
        };
        if self.loss > high {
            self.decrease(now, target, round_trip);
        } else if self.loss < LOSS_LOW {
            let higher = self.limit.map(|limit| limit.percent(INCREASE_PERCENT));
            self.limit = higher.filter(|limit| *limit < target);
        }
    }

    /// A probe has shown that this much arrives.
    pub(super) fn raise_to(&mut self, rate: Bitrate, target: Bitrate) {
        let higher = self.limit.map(|limit| limit.max(rate));
        self.limit = higher.filter(|limit| *limit < target);
    }

    fn decrease(&mut self, now: Instant, target: Bitrate, round_trip: Duration) {
        let interval = DECREASE_INTERVAL + round_trip;
        let too_soon = self
            .decreased_at
            .is_some_and(|at| now.saturating_duration_since(at) < interval);
        let current = self.limit.unwrap_or(target).min(target);
        if too_soon || current <= LOSS_FLOOR {
            return;
        }
        self.decreased_at = Some(now);
        // gcc-02, section 6: by half of the loss.
        let kept = Bitrate::from_bps(current.as_bps() / 2000 * (2000 - self.loss));
        self.limit = Some(kept.max(LOSS_FLOOR));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const ROUND_TRIP: Duration = Duration::from_millis(100);
    const TARGET: Bitrate = Bitrate::from_kbps(2000);

    #[test]
    fn a_fifth_lost_takes_a_tenth_of_the_rate() {
        let limits = limits_after(&[20]);
        assert_eq!(limits, [Some(Bitrate::from_kbps(1800))]);
    }

    #[test]
    fn between_the_thresholds_the_limit_stays_and_below_it_grows_until_it_is_none() {
        let limits = limits_after(&[20, 5, 1, 1, 1]);
        let kbps: Vec<_> = limits
            .iter()
            .map(|limit| limit.map(|rate| rate.as_bps() / 1000))
            .collect();
        assert_eq!(kbps, [Some(1800), Some(1800), Some(1890), Some(1984), None]);
    }

    #[test]
    fn lasting_loss_stops_at_the_floor() {
        let limits = limits_after(&[30; 100]);
        assert_eq!(limits.last(), Some(&Some(LOSS_FLOOR)));
        let all_lost = limits_after(&[100; 100]);
        assert_eq!(all_lost.last(), Some(&Some(LOSS_FLOOR)));
    }

    #[test]
    fn without_a_queue_a_sixth_lost_at_random_is_left_to_repair() {
        assert_eq!(limits_with(&[16; 9], false), [None; 9]);
        assert_ne!(limits_with(&[21], false), [None]);
    }

    #[test]
    fn few_packets_decide_nothing() {
        let now = start();
        let mut control = LossControl::new(now);
        for _ in 0..JUDGED_PACKETS_MIN - 1 {
            control.lost();
        }
        control.update(now + Duration::from_secs(9), TARGET, ROUND_TRIP, true);
        assert_eq!(control.limit(), None);
    }

    #[test]
    fn what_was_only_late_is_not_lost() {
        let now = start();
        let mut control = LossControl::new(now);
        (0..60).for_each(|_| control.lost());
        (0..60).for_each(|_| control.arrived_after_all());
        control.update(now + JUDGED_TIME, TARGET, ROUND_TRIP, true);
        assert_eq!((control.limit(), control.loss()), (None, 0));
    }

    /// The limit after each of several rounds of 100 packets, of which so many are lost.
    fn limits_after(lost: &[u64]) -> Vec<Option<Bitrate>> {
        limits_with(lost, true)
    }

    fn limits_with(lost: &[u64], queued: bool) -> Vec<Option<Bitrate>> {
        let mut now = start();
        let mut control = LossControl::new(now);
        let mut limits = Vec::new();
        for &lost in lost {
            (0..lost).for_each(|_| control.lost());
            (lost..100).for_each(|_| control.arrived());
            now += DECREASE_INTERVAL + ROUND_TRIP;
            control.update(now, TARGET, ROUND_TRIP, queued);
            limits.push(control.limit());
        }
        limits
    }
}

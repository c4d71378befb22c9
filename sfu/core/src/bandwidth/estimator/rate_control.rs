//! The rate that delay allows: down at once when a queue builds up, up slowly while none does
//! (draft-ietf-rmcat-gcc-02, section 5.5). Knows verdicts on delay, not packets.

use super::trendline::Usage;
use super::{ESTIMATE_MAX, ESTIMATE_MIN};
use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// What is left of the rate that arrived when a queue built up (gcc-02, section 5.5: `beta`).
const DECREASE_PERCENT: u64 = 85;
/// While little is sent, what arrives says little of the link: then no step down is deeper than
/// this. A real lack shows again within a round trip, and the next step follows.
const IDLE_DECREASE_PERCENT: u64 = 70;
/// Hundredths per second while the link's capacity is unknown (gcc-02, section 5.5: `eta` = 1.08).
const INCREASE_PERCENT: u64 = 8;
/// Near the capacity, one packet of this many bytes more per response time (gcc-02, section 5.5).
const INCREASE_PACKET_BYTES: u64 = 1200;
/// The response time beyond the round trip (gcc-02, section 5.5).
const RESPONSE_EXTRA: Duration = Duration::from_millis(100);
/// No step up counts more time than this: after a pause the link may have changed (gcc-02, 5.5).
const INCREASE_STEP_MAX: Duration = Duration::from_secs(1);
/// The rate does not outrun what arrives by more, and 10 kbit/s, so that it can leave zero
/// (libwebrtc). gcc-02, section 5.5 has 1.5 times for senders that follow the estimate at once; here
/// a whole layer is sent or none, and a promise of half as much again as was ever tried would be
/// kept in a queue. What is above is found by probes.
const AHEAD_PERCENT: u64 = 115;
const AHEAD_EXTRA: Bitrate = Bitrate::from_kbps(10);
/// Between two steps down, so that the first can show its effect (libwebrtc: the round trip, within
/// these).
const DECREASE_INTERVAL_MIN: Duration = Duration::from_millis(50);
const DECREASE_INTERVAL_MAX: Duration = Duration::from_millis(200);

/// What the controller is told with each feedback.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    pub(super) usage: Usage,
    /// What arrived lately.
    pub(super) acknowledged: Option<Bitrate>,
    pub(super) round_trip: Duration,
    /// Much less is sent than would be allowed.
    pub(super) application_limited: bool,
    /// A queue stands.
    pub(super) queued: bool,
}

/// The controller.
#[derive(Debug)]
pub(super) struct RateControl {
    target: Bitrate,
    capacity: LinkCapacity,
    updated_at: Instant,
    decreased_at: Option<Instant>,
    /// What arrived at the last step down.
    arrived_at_decrease: Bitrate,
}

impl RateControl {
    pub(super) fn new(now: Instant, start: Bitrate) -> Self {
        Self {
            target: start,
            capacity: LinkCapacity::default(),
            updated_at: now,
            decreased_at: None,
            arrived_at_decrease: Bitrate::ZERO,
        }
    }

    pub(super) const fn target(&self) -> Bitrate {
        self.target
    }

    pub(super) const fn decreased_at(&self) -> Option<Instant> {
        self.decreased_at
    }

    /// What arrived when the target last went down for a queue: more than is left of the target.
    pub(super) const fn arrived_at_decrease(&self) -> Bitrate {
        self.arrived_at_decrease
    }

    /// Whether the line was full, and never since carried more than it did then.
    pub(super) const fn is_capacity_known(&self) -> bool {
        self.capacity.is_known()
    }

    pub(super) fn update(&mut self, now: Instant, seen: &Observation) {
        let passed = now.saturating_duration_since(self.updated_at);
        self.updated_at = now;
        if let (Usage::Normal, false, Some(arrived)) = (seen.usage, seen.queued, seen.acknowledged)
        {
            // What arrives without a queue is carried: so a new line is known at once.
            self.raise_to(arrived);
        }
        match seen.usage {
            Usage::Over => self.decrease(now, seen),
            // The queue is emptying: more would fill it again.
            Usage::Under => {}
            // Growth without use would promise what was never tried; probes try it.
            Usage::Normal if seen.application_limited => {}
            Usage::Normal => self.increase(passed.min(INCREASE_STEP_MAX), seen),
        }
    }

    /// A probe has shown that this much arrives.
    pub(super) fn raise_to(&mut self, rate: Bitrate) {
        if rate > self.target {
            self.capacity.forget_if_above(rate);
            self.target = rate.min(ESTIMATE_MAX);
        }
    }

    /// Less without a verdict on delay, because nothing is heard.
    pub(super) fn shrink(&mut self, now: Instant, percent: u64) {
        self.target = self.target.percent(percent).max(ESTIMATE_MIN);
        self.decreased_at = Some(now);
        self.arrived_at_decrease = Bitrate::ZERO;
    }

    fn decrease(&mut self, now: Instant, seen: &Observation) {
        let interval = seen
            .round_trip
            .clamp(DECREASE_INTERVAL_MIN, DECREASE_INTERVAL_MAX);
        let too_soon = self
            .decreased_at
            .is_some_and(|at| now.saturating_duration_since(at) < interval);
        if too_soon {
            return;
        }
        self.decreased_at = Some(now);
        let arrived = seen.acknowledged.unwrap_or(self.target);
        let mut lower = arrived.percent(DECREASE_PERCENT);
        if seen.application_limited {
            lower = lower.max(self.target.percent(IDLE_DECREASE_PERCENT));
        } else {
            self.capacity.observe(arrived);
        }
        self.arrived_at_decrease = arrived;
        self.target = lower.min(self.target).max(ESTIMATE_MIN);
    }

    fn increase(&mut self, passed: Duration, seen: &Observation) {
        let arrived = seen.acknowledged.unwrap_or(self.target);
        self.capacity.forget_if_above(arrived);
        let step = if self.capacity.is_known() {
            let response = seen.round_trip + RESPONSE_EXTRA;
            Bitrate::of(INCREASE_PACKET_BYTES, response)
        } else {
            self.target.percent(INCREASE_PERCENT)
        };
        let millis = u64::try_from(passed.as_millis()).expect("at most a second");
        let step = Bitrate::from_bps(step.as_bps() * millis / 1000);
        let ceiling = arrived.percent(AHEAD_PERCENT).plus(AHEAD_EXTRA);
        let higher = self.target.plus(step).min(ceiling);
        self.target = self.target.max(higher).min(ESTIMATE_MAX);
    }
}

/// Weight of the newest observation in the mean (gcc-02, section 5.5: 0.95 of the old).
const CAPACITY_WEIGHT: f64 = 0.05;
/// Bounds of the variance relative to the mean, in kbit/s (libwebrtc).
const VARIANCE_MIN: f64 = 0.4;
const VARIANCE_MAX: f64 = 2.5;
/// So many deviations away, the link is another one (gcc-02, section 5.5).
const DEVIATIONS: f64 = 3.0;

/// What arrived when the link was full, over the last times that it was.
#[derive(Debug, Default)]
struct LinkCapacity {
    /// Mean and relative variance, both in kbit/s.
    known: Option<(f64, f64)>,
}

impl LinkCapacity {
    const fn is_known(&self) -> bool {
        self.known.is_some()
    }

    fn observe(&mut self, arrived: Bitrate) {
        let sample = kbps(arrived);
        if let Some((mean, variance)) = self.known
            && sample < mean - DEVIATIONS * (variance * mean).sqrt()
        {
            self.known = None;
        }
        let (mean, variance) = self.known.unwrap_or((sample, VARIANCE_MIN));
        let error = sample - mean;
        let mean = mean + CAPACITY_WEIGHT * error;
        let relative = error * error / mean.max(1.0);
        let variance = (1.0 - CAPACITY_WEIGHT) * variance + CAPACITY_WEIGHT * relative;
        self.known = Some((mean, variance.clamp(VARIANCE_MIN, VARIANCE_MAX)));
    }

    fn forget_if_above(&mut self, rate: Bitrate) {
        let above = |(mean, variance): (f64, f64)| {
            kbps(rate) > mean + DEVIATIONS * (variance * mean).sqrt()
        };
        if self.known.is_some_and(above) {
            self.known = None;
        }
    }
}

fn kbps(rate: Bitrate) -> f64 {
    f64::from(u32::try_from(rate.as_bps() / 1000).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const ROUND_TRIP: Duration = Duration::from_millis(50);

    #[test]
    fn overuse_goes_below_what_arrived_and_not_twice_within_a_round_trip() {
        let now = start();
        let mut control = RateControl::new(now, Bitrate::from_kbps(2000));
        control.update(now, &seen(Usage::Over, 800));
        assert_eq!(control.target(), Bitrate::from_kbps(680));
        control.update(now + ROUND_TRIP / 2, &seen(Usage::Over, 400));
        assert_eq!(control.target(), Bitrate::from_kbps(680));
        control.update(now + ROUND_TRIP, &seen(Usage::Over, 400));
        assert_eq!(control.target(), Bitrate::from_kbps(340));
    }

    #[test]
    fn growth_is_by_hundredths_first_and_by_packets_near_the_capacity() {
        let now = start();
        let mut control = RateControl::new(now, Bitrate::from_kbps(1000));
        control.update(now + Duration::from_secs(1), &seen(Usage::Normal, 1000));
        assert_eq!(control.target(), Bitrate::from_kbps(1080));
        control.update(now + Duration::from_secs(2), &seen(Usage::Over, 1000));
        assert_eq!(control.target(), Bitrate::from_kbps(850));
        control.update(now + Duration::from_secs(3), &seen(Usage::Normal, 850));
        assert_eq!(control.target(), Bitrate::from_kbps(914));
    }

    #[test]
    fn nothing_grows_while_a_queue_empties_or_little_is_sent() {
        let now = start();
        let mut control = RateControl::new(now, Bitrate::from_kbps(1000));
        control.update(now + Duration::from_secs(1), &seen(Usage::Under, 1000));
        let mut idle = seen(Usage::Normal, 100);
        idle.application_limited = true;
        control.update(now + Duration::from_secs(2), &idle);
        assert_eq!(control.target(), Bitrate::from_kbps(1000));
    }

    #[test]
    fn the_rate_does_not_run_away_from_what_arrives() {
        let now = start();
        let mut control = RateControl::new(now, Bitrate::from_kbps(1000));
        for second in 1..60 {
            control.update(
                now + Duration::from_secs(second),
                &seen(Usage::Normal, 1000),
            );
        }
        assert_eq!(control.target(), Bitrate::from_kbps(1160));
    }

    #[test]
    fn the_rate_stays_within_its_bounds() {
        let now = start();
        let mut control = RateControl::new(now, Bitrate::from_kbps(1000));
        for second in 1..60 {
            control.update(now + Duration::from_secs(second), &seen(Usage::Over, 0));
        }
        assert_eq!(control.target(), ESTIMATE_MIN);
        control.raise_to(Bitrate::from_bps(u64::MAX));
        assert_eq!(control.target(), ESTIMATE_MAX);
    }

    fn seen(usage: Usage, acknowledged_kbps: u64) -> Observation {
        Observation {
            usage,
            acknowledged: Some(Bitrate::from_kbps(acknowledged_kbps)),
            round_trip: ROUND_TRIP,
            application_limited: false,
            queued: usage == Usage::Over,
        }
    }
}

//! What is made of a subscriber's own estimate (draft-alvestrand-rmcat-remb-03), where it tells
//! nothing better. It follows what arrives and never says that a line would carry three times as
//! much, which is what the next layer takes: so only its falling counts, and loss.

use super::{ESTIMATE_MAX, ESTIMATE_MIN, ESTIMATE_START};
use crate::units::Bitrate;
use std::time::{Duration, Instant};

/// An estimate that falls below so many hundredths of the last one tells of congestion; libwebrtc
/// goes down by 15 % at least.
const FALLEN_PERCENT: u64 = 95;
/// While nothing falls and nothing is lost, the limit grows by so many hundredths a second: from
/// one picture to the next larger one within five seconds.
const GROWTH_PERCENT: u64 = 25;
/// A fall or a loss counts so long, before more is tried.
const CALM: Duration = Duration::from_secs(3);
/// Loss above this takes half of itself from the limit, in 256ths (gcc-02, section 6: 10 %).
const LOSS_HIGH: u8 = 26;
/// Between two steps down for loss: a report comes each second.
const LOSS_INTERVAL: Duration = Duration::from_millis(900);

/// The limit that such a subscriber sets.
#[derive(Debug)]
pub(super) struct Remb {
    limit: Bitrate,
    told: Bitrate,
    lowered_at: Option<Instant>,
    grown_at: Instant,
}

impl Remb {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            limit: ESTIMATE_START,
            told: Bitrate::ZERO,
            lowered_at: None,
            grown_at: now,
        }
    }

    pub(super) const fn limit(&self) -> Bitrate {
        self.limit
    }

    pub(super) const fn lowered_at(&self) -> Option<Instant> {
        self.lowered_at
    }

    /// Takes what the subscriber says, whatever it is: no lie leads out of the bounds.
    pub(super) fn take(&mut self, now: Instant, rate: Bitrate) {
        let has_fallen = rate < self.told.percent(FALLEN_PERCENT) || rate < ESTIMATE_MIN;
        self.told = rate;
        if has_fallen && rate < self.limit {
            self.limit = rate.clamp(ESTIMATE_MIN, ESTIMATE_MAX);
            self.lowered_at = Some(now);
        }
    }

    /// Takes the share of packets that a report says were lost, in 256ths.
    pub(super) fn lost(&mut self, now: Instant, fraction: u8) {
        let is_early = |at| now.saturating_duration_since(at) < LOSS_INTERVAL;
        if fraction < LOSS_HIGH || self.lowered_at.is_some_and(is_early) {
            return;
        }
        let kept = 512 - u64::from(fraction);
        let lower = Bitrate::from_bps(self.limit.as_bps() * kept / 512);
        self.limit = lower.max(ESTIMATE_MIN);
        self.lowered_at = Some(now);
    }

    /// Grows, if it is calm.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.grown_at).min(CALM);
        self.grown_at = now;
        let is_calm = |at| now.saturating_duration_since(at) >= CALM;
        if self.lowered_at.is_none_or(is_calm) {
            let millis = u64::try_from(passed.as_millis()).expect("three seconds at most");
            let step = self.limit.as_bps() * GROWTH_PERCENT * millis / 100_000;
            let higher = self.limit.plus(Bitrate::from_bps(step));
            self.limit = higher.min(ESTIMATE_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const STEP: Duration = Duration::from_millis(25);

    fn calm_for(remb: &mut Remb, now: &mut Instant, time: Duration) {
        let end = *now + time;
        while *now < end {
            *now += STEP;
            remb.handle_timeout(*now);
        }
    }

    #[test]
    fn an_estimate_that_stays_low_while_little_is_sent_hinders_nothing() {
        let mut now = start();
        let mut remb = Remb::new(now);
        for _ in 0..10 {
            remb.take(now, Bitrate::from_kbps(240));
            calm_for(&mut remb, &mut now, Duration::from_secs(1));
        }
        assert!(remb.limit() > Bitrate::from_kbps(4000), "{}", remb.limit());
    }

    #[test]
    fn one_that_falls_counts_at_once_and_more_is_tried_when_it_is_calm() {
        let mut now = start();
        let mut remb = Remb::new(now);
        let (before, fallen) = (Bitrate::from_kbps(900), Bitrate::from_kbps(600));
        remb.take(now, before);
        remb.take(now, fallen);
        assert_eq!(remb.limit(), fallen);
        calm_for(&mut remb, &mut now, CALM * 9 / 10);
        assert_eq!(remb.limit(), fallen);
        calm_for(&mut remb, &mut now, Duration::from_secs(2));
        assert!(remb.limit() > fallen.percent(120), "{}", remb.limit());
    }

    #[test]
    fn nothing_and_everything_are_bounded() {
        let mut now = start();
        let mut remb = Remb::new(now);
        remb.take(now, Bitrate::ZERO);
        assert_eq!(remb.limit(), ESTIMATE_MIN);
        remb.take(now, Bitrate::from_bps(u64::MAX));
        calm_for(&mut remb, &mut now, Duration::from_mins(2));
        assert_eq!(remb.limit(), ESTIMATE_MAX);
    }

    #[test]
    fn loss_lowers_it_whatever_the_subscriber_claims() {
        let mut now = start();
        let mut remb = Remb::new(now);
        for _ in 0..60 {
            remb.take(now, ESTIMATE_MAX);
            remb.lost(now, 128);
            now += Duration::from_secs(1);
            remb.handle_timeout(now);
        }
        assert_eq!(remb.limit(), ESTIMATE_MIN);
    }
}
